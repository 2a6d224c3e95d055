package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestSQLite_LeavesAnotherProgramsDatabaseAsItIs(t *testing.T) {
	for name, made := range map[string]string{
		"without a version":        "CREATE TABLE bookmarks (url TEXT)",
		"of a version of its own":  "CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = 2",
		"of Atlas's version":       "CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = 3",
		"of a version beyond":      "CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = 99",
		"with tables named alike":  "CREATE TABLE bookmarks (url TEXT); CREATE TABLE meta (key TEXT, value TEXT); CREATE TABLE sessions (id TEXT)",
		"in WAL mode":              "PRAGMA journal_mode = WAL; CREATE TABLE bookmarks (url TEXT)",
		"that is empty and marked": "PRAGMA application_id = 77",
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "places.db")
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(made); err != nil {
				t.Fatal(err)
			}
			_ = db.Close()
			before, err := os.ReadFile(path)
			if err != nil || os.Chmod(path, 0o644) != nil {
				t.Fatal(err)
			}
			s, err := Open(context.Background(), path)
			if err == nil {
				_ = s.Close()
				t.Fatal("it was taken for a store")
			}
			e := spec.AsError(err)
			if e.Kind != spec.KindValidation || !strings.Contains(e.Message, "another program") || strings.Contains(made, "bookmarks") != strings.Contains(e.Message, "bookmarks") {
				t.Error(e)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Error("it was changed", err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
				t.Error("its mode was changed", info.Mode(), err)
			}
			if list, err := os.ReadDir(folder); err != nil || len(list) != 1 {
				t.Error("something lies beside it", list, err)
			}
		})
	}
}

func TestSQLite_SaysWhatAFileSystemCannotDo(t *testing.T) {
	for code, says := range map[int]string{
		10 | 15<<8: "local disk", // SQLITE_IOERR_LOCK
		10 | 21<<8: "local disk", // SQLITE_IOERR_SHMMAP
		10 | 19<<8: "no room",    // SQLITE_IOERR_SHMSIZE, of a full disk
		10 | 2<<8:  "no room",
		8:          "in its folder",
		14:         "in its folder",
	} {
		if hint, _ := remedy("/srv/atlas.db", code, "disk I/O error"); !strings.Contains(hint, says) {
			t.Errorf("%d: %s", code, hint)
		}
	}
}
