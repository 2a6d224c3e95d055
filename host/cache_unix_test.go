//go:build unix

package host

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
	if err := use(dir, small("acme")); err != nil {
		t.Fatal(err)
	}
	folders, _ := filepath.Glob(filepath.Join(dir, cacheFormat, "*"))
	if len(folders) != 1 {
		t.Fatalf("folders are %v", folders)
	}
	cache := codeCache{root: filepath.Dir(folders[0]), dir: folders[0]}
	if !cache.usable() {
		t.Fatal("the folder is of no use to its owner")
	}
	const somebody = 12345
	if err := os.Chown(folders[0], somebody, somebody); err != nil {
		t.Fatal(err)
	}
	if cache.usable() {
		t.Error("another user's folder is used")
	}
	if err := use(dir, small("acme")); err != nil {
		t.Errorf("without the folder: %v", err)
	}
}
