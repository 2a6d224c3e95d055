package builtin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/exatlas/atlas/host/wasm"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// counting counts how often the packed base is read.
type counting struct {
	fs.FS
	reads *atomic.Int64
}

func (c counting) ReadFile(name string) ([]byte, error) {
	if name == Base+suffix {
		c.reads.Add(1)
	}
	return fs.ReadFile(c.FS, name)
}

func TestModule_OpensToWhatItsSumSays(t *testing.T) {
	modules := list(files)
	if len(modules) == 0 {
		t.Skip("no plugins are built; run make plugins first")
	}
	for range 2 {
		var all sync.WaitGroup
		for _, m := range modules {
			all.Add(1)
			go func() {
				defer all.Done()
				code, err := m.Open()
				if sum := sha256.Sum256(code); err != nil || hex.EncodeToString(sum[:]) != m.SHA256 {
					t.Errorf("%s: %d bytes, %v", m.Name, len(code), err)
				}
				clear(code) // it is its caller's
			}()
		}
		all.Wait()
	}
}

func TestModule_SharesTheBaseWhileItIsUsedAlone(t *testing.T) {
	folder := counting{files, new(atomic.Int64)}
	modules := list(folder)
	if len(modules) == 0 {
		t.Skip("no plugins are built; run make plugins first")
	}
	held, err := modules[0].base.open()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		if _, err := m.Open(); err != nil {
			t.Fatal(err)
		}
	}
	if n := folder.reads.Load(); n != 1 {
		t.Errorf("it was unpacked %d times", n)
	}
	runtime.KeepAlive(held)
	held = nil
	for range 10 {
		runtime.GC()
	}
	if modules[0].base.last.Value() != nil {
		t.Error("it is kept though nobody uses it")
	}
}

// The host compiles a built-in plugin as it is, for its build has brought it into the
// form that the host would.
func TestModule_IsBoundedAndLabelledByItsBuild(t *testing.T) {
	for _, m := range List() {
		code, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		told, err := wasm.ReadOutline(m.Label)
		whole, wrong := wasm.ReadOutline(code)
		if err != nil || wrong != nil || len(told.Manifest) == 0 || !reflect.DeepEqual(told.Exports, whole.Exports) || !reflect.DeepEqual(told.Imports, whole.Imports) {
			t.Errorf("%s: its label is %+v, not %+v: %v", m.Name, told, whole, errors.Join(err, wrong))
		}
		if bounded, problem := wasm.Bound(code); problem != "" || !bytes.Equal(bounded, code) {
			t.Errorf("%s: of %d bytes the host would make %d: %s", m.Name, len(code), len(bounded), problem)
		}
	}
}

func TestModule_OfAnotherBaseIsRefused(t *testing.T) {
	pack := func(module string, dictionary ...[]byte) *fstest.MapFile {
		packed, err := Pack([]byte(module), []byte("label"), dictionary...)
		if err != nil {
			t.Fatal(err)
		}
		return &fstest.MapFile{Data: packed}
	}
	var text, another string // what no packer makes much smaller but by its base
	for i := range 64 {
		a, b := sha256.Sum256([]byte{byte(i)}), sha256.Sum256([]byte{byte(i), 1})
		text, another = text+hex.EncodeToString(a[:]), another+hex.EncodeToString(b[:])
	}
	file := pack(text+"!", []byte(text))
	for name, folder := range map[string]fstest.MapFS{
		"right":   {Base + suffix: pack(text), "other" + suffix: file},
		"another": {Base + suffix: pack(another), "other" + suffix: file},
		"no head": {Base + suffix: pack(text), "other" + suffix: {Data: file.Data[:headSize+2]}},
		"cut":     {Base + suffix: pack(text), "other" + suffix: {Data: file.Data[:len(file.Data)-1]}},
	} {
		for _, m := range list(folder) {
			code, err := m.Open()
			if right := m.Name == Base || name == "right"; right != (err == nil) {
				t.Errorf("%s: %s opens to %d bytes, %v", name, m.Name, len(code), err)
			}
		}
	}
}
