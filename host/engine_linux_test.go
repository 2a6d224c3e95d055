package host

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/exatlas/atlas/host/wasm"
)

// TestCompile_CompilesOnceWhereTheCodeCannotBeKept takes away the right to write to the
// cache after it was found to be usable, as a disk does that fills up.
func TestCompile_CompilesOnceWhereTheCodeCannotBeKept(t *testing.T) {
	dir := t.TempDir()
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	folders, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, folder := range append(folders, dir, filepath.Dir(dir)) {
		if err := os.Chmod(folder, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	}
	if os.Geteuid() == 0 { // root may write all the same
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(12345); err != nil {
			t.Skip(err)
		}
		defer func() { _ = syscall.Setfsuid(0) }()
	}
	module, problem := wasm.Bound(answering("acme", `{"value":{}}`))
	if problem != "" {
		t.Fatal(problem)
	}
	e, err := compileWith(t.Context(), module, true, 1<<20, cache)
	if err != nil {
		t.Fatalf("it has to be compiled again: %v", err)
	}
	e.close()
}
