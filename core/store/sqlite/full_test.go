package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

func TestSQLite_SaysThatADiskIsFullOrFails(t *testing.T) {
	// SQLite's own words, the second of an index beside the file that found no room.
	for _, said := range []string{"database or disk is full (13)", "disk I/O error (4874)"} {
		if e := spec.AsError(refused("/srv/atlas.db", errors.New(said))); !strings.Contains(e.Hint, "room") || strings.Contains(e.Hint, "other program") {
			t.Errorf("%s: %s", said, e.Hint)
		}
	}
}

// TestSQLite_WritesAgainOnceTheDiskHasRoom fills a file, and lets a commit fail whose
// statements were carried out.
func TestSQLite_WritesAgainOnceTheDiskHasRoom(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct{ fill, free string }{
		"no room": {"PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"},
		"the commit fails": {"CREATE TEMP TABLE parents (id INTEGER PRIMARY KEY); CREATE TEMP TABLE children (id INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);" +
			"CREATE TEMP TRIGGER spoil AFTER INSERT ON main.sessions BEGIN INSERT INTO children VALUES (1); END", "DROP TRIGGER spoil"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "atlas.db"))
			l, _, err := s.Lease(ctx, "node/a", "a", 60_000)
			if err != nil {
				t.Fatal(err)
			}
			write := func(n int) error {
				_, err := s.Commit(ctx, l, []store.Change{{New: true, Session: store.Session{ID: fmt.Sprint("s", n), Owner: "a", Fence: l.Fence, State: store.Live, Doc: make([]byte, 10_000)}}})
				return err
			}
			run := func(text string) {
				t.Helper()
				if _, err := s.writes.Exec(text); err != nil {
					t.Fatal(err)
				}
			}
			run(c.fill)
			for n := range 3 {
				var unknown *store.CannotTell
				if err := write(n); !errors.As(err, &unknown) {
					t.Fatalf("write %d: %v", n, err)
				}
			}
			run(c.free)
			if err := write(9); err != nil {
				t.Fatal(err)
			}
			list, err := s.List(ctx, store.Filter{})
			if err != nil || len(list) != 1 || list[0].ID != "s9" {
				t.Fatalf("%d sessions, %v", len(list), err)
			}
		})
	}
}
