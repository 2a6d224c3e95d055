package keyfile

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestKeyfile_IsTheSameForAllWhoMakeItAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "key")
	keys := make([][32]byte, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var err error
			if keys[i], err = LoadOrCreate(path); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	for _, k := range keys {
		if k != keys[0] || k == [32]byte{} {
			t.Fatal("two keys")
		}
	}
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%d files beside the key", len(left)-1)
	}
}

func TestKeyfile_RefusesWhatOthersReadAndWhatIsNoKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if _, err := LoadOrCreate(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(path); err == nil {
		t.Fatal("a key that others can read was taken")
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(path, 0o600)
	if _, err := LoadOrCreate(path); err == nil {
		t.Fatal("half a key was taken")
	}
	if text, _ := os.ReadFile(path); string(text) != "short" {
		t.Fatal("a damaged key was overwritten")
	}
}
