//go:build unix

package codecache

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestCache_RunsNoCodeFromAnotherUsersFolder: whoever makes the folder first, in a
// place that all may write to, could put code into it for others to run.
func TestCache_RunsNoCodeFromAnotherUsersFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := t.TempDir()
	f := filled(t, dir, sha)
	if !usable(dir) {
		t.Fatal("the folder is of no use to its owner")
	}
	const somebody = 12345
	if err := os.Chown(f.dir, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	if usable(dir) {
		t.Error("another user's folder is used")
	}
}

// TestCache_FollowsNoLink has a link to a folder of this user's in the folder's place.
func TestCache_FollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	f := filled(t, dir, sha)
	if err := os.Rename(f.dir, f.dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(f.dir+"-away", f.dir); err != nil {
		t.Fatal(err)
	}
	if usable(dir) {
		t.Error("a link is used")
	}
}

// TestCache_ReadsTheFolderThatWasChecked puts another folder in the checked one's place,
// as who owns the one above may at any moment, with code under the name of the module's.
func TestCache_ReadsTheFolderThatWasChecked(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	own, planted := filled(t, filepath.Join(dir, "own"), sha), filled(t, filepath.Join(dir, "planted"), sha)
	if err := os.WriteFile(planted.entries()[0], []byte("no code"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(own.dir, own.dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(planted.dir, own.dir); err != nil {
		t.Fatal(err)
	}
	if err := compile(t, own); err != nil || !own.whole() {
		t.Errorf("what was put in its place is read: %v", err)
	}
}

// TestCache_RemovesNothingBehindALink has links where who owns the folder of all modules
// can put them: beside the module's own, and in the place of the whole.
func TestCache_RemovesNothingBehindALink(t *testing.T) {
	dir := t.TempDir()
	f := filled(t, filepath.Join(dir, "cache"), sha)
	theirs := filepath.Join(dir, "theirs", "notes")
	if err := os.MkdirAll(theirs, 0o700); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-365 * 24 * time.Hour)
	for _, name := range []string{"draft.tmp", sumFile} {
		path := filepath.Join(theirs, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(theirs, filepath.Join(f.root, "beside")); err != nil {
		t.Fatal(err)
	}
	held := opened(t, filepath.Join(dir, "cache"), sha, version())
	defer held.Close()
	held.prune()
	if err := os.Rename(f.root, f.root+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(theirs), f.root); err != nil {
		t.Fatal(err)
	}
	held.prune()
	if left, err := os.ReadDir(theirs); err != nil || len(left) != 2 {
		t.Errorf("of what is another's there is left: %v %v", left, err)
	}
}
