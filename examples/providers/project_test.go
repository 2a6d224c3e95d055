package providers

import (
	"bytes"
	"encoding/json"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestProject_HasEveryFileOfItsExample finds a file that was added to an example
// and not to what is embedded.
func TestProject_HasEveryFileOfItsExample(t *testing.T) {
	for _, l := range Languages() {
		command := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", ".")
		command.Dir = l.Name
		out, err := command.Output()
		if err != nil {
			t.Fatalf("git ls-files: %v (this test needs a git checkout)", err)
		}
		want := strings.Fields(string(out))
		files, err := Project(l, l.Example, Module{Version: "v0.0.0"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range files {
			if f.Path != "go.mod" {
				got = append(got, f.Path)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: a project has %v, the example has %v", l.Name, got, want)
		}
	}
}

// TestProject_NamesWhatIsThere also holds the renamed Go files to gofmt, which
// sorts imports by their names.
func TestProject_NamesWhatIsThere(t *testing.T) {
	for _, l := range Languages() {
		files, err := Project(l, "zenith_2", Module{Version: "v1.2.3", Replace: "/src/atlas"})
		if err != nil {
			t.Fatal(err)
		}
		paths := map[string][]byte{}
		for _, f := range files {
			paths[f.Path] = f.Data
			if !strings.HasSuffix(f.Path, ".go") {
				continue
			}
			if formatted, err := format.Source(f.Data); err != nil || !bytes.Equal(formatted, f.Data) {
				t.Errorf("%s is not as gofmt writes it: %v", f.Path, err)
			}
		}
		for _, step := range l.Edit {
			if paths[strings.ReplaceAll(step.Do, "{name}", "zenith_2")] == nil {
				t.Errorf("%s: what to edit names %s, which is not there", l.Name, step.Do)
			}
		}
		if mod := string(paths["go.mod"]); l.Name == "go" && mod != "module example.com/zenith_2\n\ngo 1.26.0\n\nrequire github.com/exatlas/atlas v1.2.3\n\nreplace github.com/exatlas/atlas => /src/atlas\n" {
			t.Errorf("go.mod is %s", mod)
		}
	}
	if _, ok := Find("rust"); ok {
		t.Error("there is a language that has no example")
	}
}

// TestProject_ReadsItsCheckoutWhereverItLies lets the go command read what is written.
func TestProject_ReadsItsCheckoutWhereverItLies(t *testing.T) {
	l, _ := Find("go")
	for _, checkout := range []string{"/src/atlas", "/src/my atlas (2)", `/src/a "b" c`} {
		files, err := Project(l, "zenith", Module{Version: "v1.2.3", Replace: checkout})
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(files, func(f File) bool { return f.Path == "go.mod" })
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "go.mod"), files[at].Data, 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.Command("go", "mod", "edit", "-json")
		command.Dir = folder
		text, err := command.CombinedOutput()
		var mod struct {
			Replace []struct{ New struct{ Path string } }
		}
		if err != nil || json.Unmarshal(text, &mod) != nil || len(mod.Replace) != 1 || mod.Replace[0].New.Path != checkout {
			t.Errorf("%s: %v\n%s", checkout, err, text)
		}
	}
}
