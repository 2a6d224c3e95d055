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
	"strings"
	"sync"
	"testing"

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

func glob(t *testing.T, parts ...string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return found
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
	entries := func() []string { return glob(t, dir, "*", "*", "wazero-*", "*") }
	if len(entries()) != 1 {
		t.Fatalf("the cache holds %v", entries())
	}
	entry := entries()[0]
	folder := filepath.Dir(filepath.Dir(entry))
	sum := filepath.Join(folder, "sum")
	good, err := os.ReadFile(entry)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := os.ReadFile(sum)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the folder is %v", info.Mode())
	}
	anew := func(what string) {
		t.Helper()
		try(what)
		if text, err := os.ReadFile(entry); err != nil || !bytes.Equal(text, good) || len(entries()) != 1 {
			t.Errorf("%s: the entry is not written anew: %v %v", what, entries(), err)
		}
		if text, err := os.ReadFile(sum); err != nil || !bytes.Equal(text, sealed) {
			t.Errorf("%s: the checksum is not written anew: %v", what, err)
		}
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
		anew(what)
	}
	if err := os.WriteFile(sum, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	anew("a wrong checksum")
	if err := os.Remove(sum); err != nil {
		t.Fatal(err)
	}
	anew("no checksum")
	if err := os.Remove(entry); err != nil {
		t.Fatal(err)
	}
	anew("a checksum of nothing")
	if err := os.MkdirAll(filepath.Join(entry+"x", "y"), 0o700); err != nil {
		t.Fatal(err)
	}
	anew("a folder among the entries")

	// Whatever lies in the way of the cache, calls go on.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, []byte("a file where the folder should be"), 0o600); err != nil {
		t.Fatal(err)
	}
	try("a file in the way")
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
	if entries, sums := glob(t, dir, "*", "*", "wazero-*", "*"), glob(t, dir, "*", "*", "sum"); len(entries) != len(plugins) || len(sums) != len(plugins) {
		t.Errorf("the cache holds %v and %v", entries, sums)
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
