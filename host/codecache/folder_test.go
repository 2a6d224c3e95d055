package codecache

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

var sha = strings.Repeat("5ha", 22)

// version is what the engine takes itself for in this program.
func version() string {
	program, _ := debug.ReadBuildInfo()
	return engineVersion(program)
}

// opened is a module's folder.
func opened(t *testing.T, base, sha, engine string) *Folder {
	t.Helper()
	f := open(base, sha, true, engine)
	if f == nil {
		t.Fatal("the folder cannot be used")
	}
	t.Cleanup(f.Close)
	return f
}

// usable reports whether a module's folder can be opened.
func usable(base string) bool {
	f := Open(base, sha, true)
	if f != nil {
		f.Close()
	}
	return f != nil
}

// compile lets the engine write the code of a module of one function, or read it.
func compile(t *testing.T, f *Folder) error {
	t.Helper()
	cache, err := wazero.NewCompilationCacheWithDir(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close(t.Context())
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigCompiler().WithCompilationCache(cache))
	defer r.Close(t.Context())
	_, err = r.CompileModule(t.Context(), []byte("\x00asm\x01\x00\x00\x00"+"\x01\x04\x01\x60\x00\x00"+"\x03\x02\x01\x00"+"\x0a\x04\x01\x02\x00\x0b"))
	return err
}

// filled is a module's folder with its code.
func filled(t *testing.T, base, sha string) *Folder {
	t.Helper()
	f := opened(t, base, sha, version())
	if err := compile(t, f); err != nil {
		t.Fatal(err)
	}
	f.Seal()
	if !f.whole() {
		t.Fatal("the entry is not whole")
	}
	return f
}

func TestFolder_NoticesEveryChange(t *testing.T) {
	f := filled(t, t.TempDir(), sha)
	entry := f.entries()[0]
	good, err := os.ReadFile(entry)
	if err != nil {
		t.Fatal(err)
	}
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 0x10
		for what, text := range map[string][]byte{"another bit": bad, "cut off": good[:at]} {
			if err := os.WriteFile(entry, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if f.whole() {
				t.Errorf("%s at %d is not noticed", what, at)
			}
		}
	}
	if err := os.WriteFile(entry, append(good, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if f.whole() {
		t.Error("a byte more is not noticed")
	}
}

// TestCache_RemovesWhatNobodyNeeds has an entry that nobody has used for long, and files
// that processes were writing when they were killed, or are writing now.
func TestCache_RemovesWhatNobodyNeeds(t *testing.T) {
	dir := t.TempDir()
	f := filled(t, dir, sha)
	old := time.Now().Add(-100 * 24 * time.Hour)
	unused := filepath.Join(f.root, "unused")
	left, half, now := filepath.Join(f.dir, "sum.1.tmp"), f.entries()[0]+".1.tmp", f.entries()[0]+".2.tmp"
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
	filled(t, dir, strings.Repeat("07her", 13))
	for path, want := range map[string]bool{unused: false, left: false, half: false, now: true, f.entries()[0]: true, filepath.Join(f.dir, sumFile): true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestCache_IsNotReadWhereOthersMayWrite(t *testing.T) {
	dir := t.TempDir()
	f := filled(t, dir, sha)
	if !usable(dir) {
		t.Fatal("what was written is of no use")
	}
	if err := os.Chmod(f.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if usable(dir) {
		t.Error("a folder that everybody writes is used")
	}
}

// Programs that are linked differently, such as one of `go test` and the library,
// each have code of their own, and none removes another's.
func TestCache_IsKeptForEachVersionOfTheEngine(t *testing.T) {
	dir := t.TempDir()
	own := filled(t, dir, sha)
	if at := filepath.Base(filepath.Dir(own.entries()[0])); !strings.HasPrefix(at, "wazero-"+version()+"-") || !strings.HasSuffix(own.dir, "-"+version()) {
		t.Errorf("%s is not the folder of the version %s, in which the engine works at %s", own.dir, version(), at)
	}
	other := opened(t, dir, sha, "v9.0.0")
	folder := filepath.Join(other.dir, "wazero-v9.0.0-amd64-linux")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "code"), []byte("of another version"), 0o600); err != nil {
		t.Fatal(err)
	}
	other.Seal()
	opened(t, dir, sha, version())
	opened(t, dir, sha, "v9.0.0")
	if len(own.entries()) != 1 || len(other.entries()) != 1 {
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

func TestFormat_NamesTheEngineThatIsLinked(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := strings.TrimPrefix(format, "atlas-3-wazero-")
	if !strings.Contains(string(text), "github.com/tetratelabs/wazero v"+version+"\n") {
		t.Errorf("go.mod links another wazero than %s: code of one must not be run by the other", version)
	}
}
