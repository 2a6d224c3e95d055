//go:build unix

package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/exatlas/atlas/host/wasm"
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
	defer cache.free()
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

// TestCache_ReadsTheFolderThatWasChecked puts another folder in the checked one's place,
// as who owns the one above may at any moment, with code under the name of the module's.
func TestCache_ReadsTheFolderThatWasChecked(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip(err)
	}
	module, problem := wasm.Bound(answering("acme", `{"value":{}}`))
	if problem != "" {
		t.Fatal(problem)
	}
	dir := t.TempDir()
	folder := func(name string) *codeCache {
		return newCodeCache(filepath.Join(dir, name), small("acme").SHA256, true, "dev")
	}
	compiled := func(c *codeCache) error {
		e, err := compileInto(t.Context(), module, true, 1<<20, c)
		if err == nil {
			e.close()
		}
		return err
	}
	own, planted := folder("own"), folder("planted")
	for _, c := range []*codeCache{own, planted} {
		defer c.free()
		if !c.usable() {
			t.Fatal("a new folder is not usable")
		}
		if err := compiled(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(planted.entries()[0], []byte("no code"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !own.usable() {
		t.Fatal("what was written is not usable")
	}
	if err := os.Rename(own.dir, own.dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(planted.dir, own.dir); err != nil {
		t.Fatal(err)
	}
	if err := compiled(own); err != nil {
		t.Errorf("what was put in its place is read: %v", err)
	}
}
