//go:build unix

package codecache

import (
	"os"
	"path/filepath"
	"testing"
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
