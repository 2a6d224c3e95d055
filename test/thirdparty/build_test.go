package thirdparty

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/exatlas/atlas/examples/providers"
	"github.com/exatlas/atlas/internal/leak"
)

var update = flag.Bool("update", false, "record the example providers anew from sim/acme")

func TestMain(m *testing.M) { leak.Main(m) }

// root is the root of the repository.
var root = func() string {
	path, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return path
}()

// zig is where make provider-tools puts the compiler of C.
var zig = filepath.Join(root, "build", "zig")

// compiled is where compiled plugins are kept between runs.
var compiled = filepath.Join(os.TempDir(), "exatlas-test-cache")

// tools fails a test where a compiler is missing.
func tools(t *testing.T) {
	t.Helper()
	for _, path := range []string{filepath.Join(root, "examples/providers/assemblyscript/node_modules/.bin/asc"), filepath.Join(zig, "installed")} {
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%s is missing: run make provider-tools first", path)
		}
	}
	for _, command := range []string{"make", "npm", "go"} {
		if _, err := exec.LookPath(command); err != nil {
			t.Fatalf("%s is missing: install it (CONTRIBUTING.md names what is needed)", command)
		}
	}
}

// shell runs a command and fails the test with what it printed.
func shell(t *testing.T, folder string, environment []string, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = folder
	command.Env = append(os.Environ(), environment...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s in %s: %v\n%s", name, strings.Join(args, " "), folder, err, out)
	}
	return string(out)
}

var built = struct {
	once  sync.Once
	paths map[string]string
}{}

// modules builds the three examples as their READMEs say and returns the files by
// the names of the providers.
func modules(t *testing.T) map[string]string {
	t.Helper()
	tools(t)
	built.once.Do(func() {
		paths := map[string]string{}
		for _, l := range providers.Languages() {
			folder := filepath.Join(root, "examples", "providers", l.Name)
			if l.Name == "assemblyscript" {
				shell(t, folder, nil, "npm", "run", "--silent", "build")
			} else {
				shell(t, folder, []string{"ZIG=" + zig}, "make", "--no-print-directory")
			}
			paths[l.Example] = filepath.Join(folder, l.Example+".wasm")
		}
		built.paths = paths
	})
	if built.paths == nil {
		t.Fatal("the example providers did not build")
	}
	return built.paths
}
