package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// Jobs that wait together share a transaction, and not each other's failures. Those that
// fail have written before they do.
func TestSQLite_AJobThatFailsFailsAlone(t *testing.T) {
	const jobs = 100
	ctx := context.Background()
	for name, bad := range map[string][]int{"one": {40}, "the first and the last": {0, jobs - 1}, "several in a row": {7, 8, 9, 60}} {
		t.Run(name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "atlas.db"))
			blocked, release := make(chan struct{}), make(chan struct{})
			var work sync.WaitGroup
			work.Go(func() {
				if err := s.submit(ctx, "waiting", func(*writer) error {
					close(blocked)
					<-release
					return nil
				}); err != nil {
					t.Error(err)
				}
			})
			<-blocked
			errSpoilt := errors.New("spoilt")
			var answers [jobs]chan error
			for i := range jobs {
				answers[i] = make(chan error, 1)
				j := &job{done: answers[i], do: func(w *writer) error {
					if _, err := w.exec("INSERT INTO small (space, key, value) VALUES ('s', ?, 'v')", fmt.Sprint(i)); err != nil {
						return err
					}
					if slices.Contains(bad, i) {
						return errSpoilt
					}
					return nil
				}}
				s.jobs <- j
			}
			close(release)
			work.Wait()
			for i := range jobs {
				err := <-answers[i]
				_, found, readErr := s.GetValue(ctx, "s", fmt.Sprint(i))
				if failed := slices.Contains(bad, i); failed != errors.Is(err, errSpoilt) || !failed && err != nil || found == failed || readErr != nil {
					t.Errorf("job %d: %v, written: %v %v", i, err, found, readErr)
				}
			}
		})
	}
}
