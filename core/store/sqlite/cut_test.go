package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

// used makes a store that was in use, and returns its path.
func used(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "atlas.db")
	s := open(t, path)
	if _, _, err := s.Lease(context.Background(), "node/a", "a", 60_000); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	return path
}

func TestSQLite_DoesNotTakeAFileThatWasCutForANewStore(t *testing.T) {
	for name, size := range map[string]int64{"to nothing": 0, "to a byte": 1, "to a page": 4096} {
		t.Run(name, func(t *testing.T) {
			path := used(t)
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
			_, err := Open(context.Background(), path)
			var e *spec.Error
			if !errors.As(err, &e) || !strings.Contains(e.Hint, "damaged") || !strings.Contains(e.Hint, path+".d") {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.Size() != size {
				t.Fatal("the file was changed", info, err)
			}
		})
	}
}

func TestSQLite_DoesNotTakeAFileThatWasCutBesideItsLogForANewStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "atlas.db")
	for name, data := range map[string]string{path: "", path + "-wal": "what was committed last"} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(context.Background(), path); err == nil || !strings.Contains(spec.AsError(err).Hint, "damaged") {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); err != nil {
		t.Fatal("the log is gone", err)
	}
}

func TestSQLite_BeginsAnewWhereNothingTellsOfAStore(t *testing.T) {
	t.Run("an empty file", func(t *testing.T) { // such as one made by mktemp
		path := filepath.Join(t.TempDir(), "atlas.db")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		open(t, path)
	})
	t.Run("a file that was deleted", func(t *testing.T) {
		path := used(t)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		open(t, path)
	})
}

// Several processes start after the file of a store was deleted, and not its folder: to
// all but one the file is there already, and still empty.
func TestSQLite_WaitsForWhoeverMakesTheFile(t *testing.T) {
	path := used(t)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	looks := 0
	err := uncut(path, true, func() bool {
		if looks++; looks == 3 {
			db, err := connect(path, 1)
			if err == nil {
				_, err = db.Exec("PRAGMA user_version = 0")
				err = errors.Join(err, db.Close())
			}
			if err != nil {
				t.Error(err)
			}
		}
		return looks < 10
	})
	if err != nil || looks != 3 {
		t.Fatal(looks, err)
	}
}

func TestSQLite_AFileThatIsHeldMayBeTriedAgain(t *testing.T) {
	path := used(t)
	db, err := connect(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	holder := open(t, path)
	tx, err := holder.writes.Begin()
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Begin() // what Open answers after ten seconds
	if e := spec.AsError(refused(path, err)); err == nil || !e.Retryable || !strings.Contains(e.Hint, "other program") {
		t.Errorf("%+v", e)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if e := spec.AsError(refused(path, errors.New("database disk image is malformed (11)"))); e.Retryable {
		t.Errorf("a damaged file is told to be tried again: %+v", e)
	}
}
