package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// module is the path every package of ours starts with.
const module = "github.com/exatlas/atlas"

// A source is one parsed Go file of the repository.
type source struct {
	path string // slash-separated, from the root of the repository
	dir  string
	test bool
	fset *token.FileSet
	file *ast.File
	text string
}

// position names a node for people.
func (s source) position(n ast.Node) string { return s.fset.Position(n.Pos()).String() }

// root returns the root of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// tracked lists the files git knows or would add, so that build outputs and
// downloads are left alone.
func tracked(t *testing.T) []string {
	t.Helper()
	command := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	command.Dir = root(t)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v (the lint tests need a git checkout)", err)
	}
	var files []string
	for _, name := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if _, err := os.Stat(filepath.Join(root(t), name)); err == nil {
			files = append(files, name)
		}
	}
	return files
}

// sources parses every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, name := range tracked(t) {
		if !strings.HasSuffix(name, ".go") || strings.Contains(name, "testdata/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, source{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), fset: fset, file: file, text: string(text)})
	}
	if len(all) < 20 {
		t.Fatalf("only %d Go files found below %s: the rules would check nothing", len(all), root(t))
	}
	return all
}

// under reports whether dir is one of the folders or lies below one.
func under(dir string, folders ...string) bool {
	for _, folder := range folders {
		if dir == folder || strings.HasPrefix(dir, folder+"/") {
			return true
		}
	}
	return false
}
