package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// small makes a plugin that compiles at once, so that these tests have time for
// many of them.
func small(name string) Plugin {
	module := answering(name, `{"value":{"id":"`+name+`"}}`)
	sum := sha256.Sum256(module)
	return Plugin{Name: name, SHA256: hex.EncodeToString(sum[:]), Open: func() ([]byte, error) { return module, nil }}
}

// use opens a host with that cache, calls each plugin and closes it.
func use(dir string, plugins ...Plugin) error {
	h, err := New(Options{Builtin: plugins, CacheDir: dir, Network: newFakeNetwork(reply(200, pod))})
	if err != nil {
		return err
	}
	for _, p := range plugins {
		value, err := h.Call(context.Background(), spec.Call{Provider: p.Name, Operation: spec.OpGet})
		if err != nil {
			return err
		}
		if string(value) != `{"id":"`+p.Name+`"}` {
			return fmt.Errorf("%s answers %s", p.Name, value)
		}
	}
	return h.Close(context.Background())
}

// entryOf is the cache's folder of the one module in it.
func entryOf(t *testing.T, dir string) *codeCache {
	t.Helper()
	root := filepath.Join(dir, cacheFormat)
	folders, _ := filepath.Glob(filepath.Join(root, "*"))
	if len(folders) != 1 {
		t.Fatalf("the cache holds %v", folders)
	}
	cache := &codeCache{root: root, dir: folders[0]}
	t.Cleanup(cache.free)
	return cache
}

func TestCache_SurvivesEveryCorruption(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	plugin := small("acme")
	try := func(what string) {
		t.Helper()
		if err := use(dir, plugin); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	try("empty")
	cache := entryOf(t, dir)
	if !cache.whole() {
		t.Fatal("the entry is not whole")
	}
	if info, err := os.Stat(cache.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the folder is %v", info.Mode())
	}
	entry := cache.entries()[0]
	good, err := os.ReadFile(entry)
	if err != nil {
		t.Fatal(err)
	}
	corruptions := map[string][]byte{"the last byte": flip(good, len(good)-1), "empty": {}, "another file": []byte("something else"), "longer": append(good[:len(good):len(good)], 0)}
	for part := range 16 {
		at := part * len(good) / 16
		corruptions[fmt.Sprintf("a bit at %d", at)] = flip(good, at)
		corruptions[fmt.Sprintf("cut off at %d", at)] = good[:at]
	}
	for what, bad := range corruptions {
		if err := os.WriteFile(entry, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if cache.whole() {
			t.Errorf("%s is not noticed", what)
		}
		try(what)
		if !cache.whole() {
			t.Errorf("%s: the entry is not written anew", what)
		}
	}
	if err := os.WriteFile(filepath.Join(cache.dir, sumFile), []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	try("a wrong checksum")
	if err := os.Remove(filepath.Join(cache.dir, sumFile)); err != nil {
		t.Fatal(err)
	}
	try("no checksum")
	if err := os.Remove(entry); err != nil {
		t.Fatal(err)
	}
	try("a checksum of nothing")
	if err := os.MkdirAll(filepath.Join(entry+"x", "y"), 0o700); err != nil {
		t.Fatal(err)
	}
	try("a folder among the entries")
	if !cache.whole() {
		t.Error("a folder among the entries stays in the way")
	}

	// Whatever lies in the way of the cache, calls go on.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, []byte("a file where the folder should be"), 0o600); err != nil {
		t.Fatal(err)
	}
	try("a file in the way")
}

// TestCache_RemovesWhatNobodyNeeds has an entry that nobody has used for long, and files
// that processes were writing when they were killed, or are writing now.
func TestCache_RemovesWhatNobodyNeeds(t *testing.T) {
	dir := t.TempDir()
	if err := use(dir, small("acme")); err != nil {
		t.Fatal(err)
	}
	cache := entryOf(t, dir)
	old := time.Now().Add(-100 * 24 * time.Hour)
	unused := filepath.Join(cache.root, "unused")
	left, half, now := filepath.Join(cache.dir, "sum.1.tmp"), cache.entries()[0]+".1.tmp", cache.entries()[0]+".2.tmp"
	if err := os.Mkdir(unused, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(unused, sumFile), left, half, now} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if path != now {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := use(dir, small("other")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{unused: false, left: false, half: false, now: true, cache.entries()[0]: true, filepath.Join(cache.dir, sumFile): true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestCache_IsNotReadWhereOthersMayWrite(t *testing.T) {
	dir := t.TempDir()
	plugin := small("acme")
	if err := use(dir, plugin); err != nil {
		t.Fatal(err)
	}
	cache := entryOf(t, dir)
	if err := os.Chmod(cache.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if cache.usable() {
		t.Error("a folder that everybody writes is used")
	}
	if err := use(dir, plugin); err != nil {
		t.Error(err)
	}
}

// Programs that are linked differently, such as one of `go test` and the library,
// each have code of their own, and none removes another's.
func TestCache_IsKeptForEachVersionOfTheEngine(t *testing.T) {
	dir := t.TempDir()
	if err := use(dir, small("acme")); err != nil {
		t.Fatal(err)
	}
	own := entryOf(t, dir)
	program, _ := debug.ReadBuildInfo()
	version := engineVersion(program)
	if at := filepath.Base(filepath.Dir(own.entries()[0])); !strings.HasPrefix(at, "wazero-"+version+"-") || !strings.HasSuffix(own.dir, "-"+version) {
		t.Errorf("%s is not the folder of the version %s, in which the engine works at %s", own.dir, version, at)
	}
	other := newCodeCache(dir, small("acme").SHA256, true, "v9.0.0")
	defer other.free()
	folder := filepath.Join(other.dir, "wazero-v9.0.0-amd64-linux")
	if !other.usable() {
		t.Fatal("another program has no cache")
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "code"), []byte("of another version"), 0o600); err != nil {
		t.Fatal(err)
	}
	other.seal()
	if !own.usable() || len(own.entries()) != 1 || !other.usable() || len(other.entries()) != 1 {
		t.Errorf("one program has removed another's code: %v and %v are left", own.entries(), other.entries())
	}
}

func TestEngineVersion_IsWhatTheEngineTakesItselfFor(t *testing.T) {
	linked := []*debug.Module{{Path: "github.com/other/module", Version: "v1.0.0"}, {Path: "github.com/tetratelabs/wazero", Version: "v1.12.0"}}
	for _, row := range []struct {
		program *debug.BuildInfo
		want    string
	}{
		{nil, "dev"},
		{&debug.BuildInfo{}, "dev"},
		{&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "dev"},
		{&debug.BuildInfo{Main: debug.Module{Version: "v0.2.0"}}, "v0.2.0"},
		{&debug.BuildInfo{Main: debug.Module{Version: "v0.2.0"}, Deps: linked}, "v1.12.0"},
	} {
		if got := engineVersion(row.program); got != row.want {
			t.Errorf("%+v: %s, want %s", row.program, got, row.want)
		}
	}
}

func flip(b []byte, at int) []byte {
	c := bytes.Clone(b)
	c[at] ^= 0x10
	return c
}

// TestCache_IsSharedByProcesses runs itself in several processes at once, which
// compile the same modules in the same order.
func TestCache_IsSharedByProcesses(t *testing.T) {
	const variable = "ATLAS_HOST_TEST_CACHE"
	var plugins []Plugin
	for n := range 20 {
		plugins = append(plugins, small(caseName("c", n)))
	}
	if dir := os.Getenv(variable); dir != "" {
		for range 3 { // the first time to write, then to read
			if err := use(dir, plugins...); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			child := exec.Command(os.Args[0], "-test.run=^TestCache_IsSharedByProcesses$")
			child.Env = append(os.Environ(), variable+"="+dir)
			if text, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, text)
			}
		})
	}
	all.Wait()
	folders, _ := filepath.Glob(filepath.Join(dir, cacheFormat, "*"))
	if len(folders) != len(plugins) {
		t.Fatalf("the cache holds %v", folders)
	}
	for _, folder := range folders {
		cache := &codeCache{root: filepath.Dir(folder), dir: folder}
		t.Cleanup(cache.free)
		if !cache.usable() || len(cache.entries()) > 1 {
			t.Errorf("the entry is not usable: %v", cache.entries())
		}
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("a temporary file is left: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
