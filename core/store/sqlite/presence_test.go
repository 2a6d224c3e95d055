package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	system "github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/internal/safego"
)

// TestPresence_IsNotBuriedWhileItBegins has one process tidy up in the moment in
// which another has made the file that shows its life and does not hold the lock on
// it yet. Were it buried then, it would live on a file that nobody sees: its end
// would not be noticed at once, and its touch log, which has no lock beside it, would
// go with the next tidying.
func TestPresence_IsNotBuriedWhileItBegins(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "atlas.db")
	a, b := open(t, path), open(t, path)
	lock := b.presence.file("bb")
	if err := os.Mkdir(path+".d", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lock, nil, 0o600); err != nil { // b's first step
		t.Fatal(err)
	}
	var work sync.WaitGroup
	var mine bool
	var fault error
	err := a.submit(ctx, "tidying", func(*writer) error {
		found := a.presence.graves()
		if !slices.Contains(found, "bb") {
			t.Error("a file without a lock is of nobody that lives", found)
		}
		safego.Go(&work, nil, func() { _, mine, fault = b.Lease(ctx, "node/bb", "bb", 60_000) })
		for range 100 { // b's second step, which must not come between
			if !a.presence.dead("bb") {
				break
			}
			if err := (system.System{}).Wait(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		a.presence.bury("bb")
		return nil
	})
	work.Wait()
	if err != nil || fault != nil || !mine {
		t.Fatal(err, fault, mine)
	}
	if _, err := os.Stat(lock); err != nil {
		t.Fatal("a process lives and its lock is buried:", err)
	}
	if a.presence.dead("bb") {
		t.Fatal("a living process counts as dead")
	}
}
