package lint

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// library reports whether a folder is linked into libexatlas.so. What it lacks,
// TestLibrary_IsAllThatCapiLinks finds.
func library(dir string) bool {
	return dir == "." || under(dir, "core", "host", "dashboard", "capi", "internal/safego", "internal/process", "plugins/builtin")
}

func TestLibrary_IsAllThatCapiLinks(t *testing.T) {
	imports := map[string][]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, imported := range s.file.Imports {
			if target, _ := strconv.Unquote(imported.Path.Value); target == module || strings.HasPrefix(target, module+"/") {
				imports[s.dir] = append(imports[s.dir], path.Clean("./"+strings.TrimPrefix(target, module)))
			}
		}
	}
	linked := map[string]bool{"capi": true}
	for todo := []string{"capi"}; len(todo) > 0; todo = todo[1:] {
		for _, dir := range imports[todo[0]] {
			if !linked[dir] {
				linked[dir] = true
				todo = append(todo, dir)
			}
		}
	}
	if len(linked) < 20 {
		t.Errorf("capi links %d packages only: the rule checks nothing", len(linked))
	}
	for dir := range linked {
		if !library(dir) {
			t.Errorf("%s is linked into the library, and the rules of the library do not look at it", dir)
		}
	}
}

func TestGoroutines_StartOnlyThroughTheHelper(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.dir == "internal/safego" || !library(s.dir) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if statement, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s: start goroutines with safego.Go: a panic in a bare one aborts the program that embeds Atlas", s.position(statement))
			}
			return true
		})
	}
}

// banned are calls that a library inside someone else's process must not make.
var banned = map[string]string{
	"os.Getenv":             "configuration and credentials come through atlas_open",
	"os.LookupEnv":          "configuration and credentials come through atlas_open",
	"os.Environ":            "configuration and credentials come through atlas_open",
	"os.Setenv":             "the environment belongs to the program",
	"os.Exit":               "return an error",
	"log.Fatal":             "return an error",
	"log.Fatalf":            "return an error",
	"log.Print":             "return an error",
	"log.Printf":            "return an error",
	"log.Println":           "return an error",
	"runtime.Goexit":        "it cannot be recovered from",
	"signal.Notify":         "signals belong to the program",
	"fmt.Print":             "standard output belongs to the program",
	"fmt.Printf":            "standard output belongs to the program",
	"fmt.Println":           "standard output belongs to the program",
	"os.Stdout":             "standard output belongs to the program",
	"os.Stderr":             "standard error belongs to the program",
	"time.Sleep":            "wait on a timer and a context",
	"http.Get":              "bytes leave through host/egress only",
	"http.Post":             "bytes leave through host/egress only",
	"rand.Seed":             "randomness is injected",
	"pprof.StartCPUProfile": "it takes a signal of the program's",
}

func TestLibrary_LeavesTheProcessToItsOwner(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !library(s.dir) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			base, ok := selector.X.(*ast.Ident)
			if !ok {
				return true
			}
			if why, found := banned[base.Name+"."+selector.Sel.Name]; found {
				t.Errorf("%s: %s.%s: %s", s.position(selector), base.Name, selector.Sel.Name, why)
			}
			return true
		})
	}
}

func TestPackages_HaveNoInitAndNoStateOfTheirOwn(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !(library(s.dir) || under(s.dir, "sim", "plugins")) || under(s.dir, "plugins/sdk/guest") || strings.HasSuffix(s.dir, "/guest") {
			continue
		}
		globals := map[string]bool{}
		for _, declaration := range s.file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s: no init; wiring is one visible list", s.position(d))
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, item := range d.Specs {
					for _, name := range item.(*ast.ValueSpec).Names {
						globals[name.Name] = true
					}
				}
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			assignment, ok := n.(*ast.AssignStmt)
			if !ok || assignment.Tok == token.DEFINE {
				return true
			}
			for _, left := range assignment.Lhs {
				if name, ok := left.(*ast.Ident); ok && globals[name.Name] && (name.Obj == nil || name.Obj.Kind == ast.Var && declaredAtTop(s, name)) {
					t.Errorf("%s: assignment to the package variable %s", s.position(left), name.Name)
				}
			}
			return true
		})
	}
}

// declaredAtTop tells a package variable from a local one of the same name.
func declaredAtTop(s source, name *ast.Ident) bool {
	spec, ok := name.Obj.Decl.(*ast.ValueSpec)
	if !ok {
		return false
	}
	for _, declaration := range s.file.Decls {
		if general, ok := declaration.(*ast.GenDecl); ok {
			for _, item := range general.Specs {
				if item == ast.Spec(spec) {
					return true
				}
			}
		}
	}
	return false
}

func TestPackages_OpenWithADocFile(t *testing.T) {
	seen := map[string]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if _, ok := seen[s.dir]; !ok {
			seen[s.dir] = ""
		}
		if s.file.Doc != nil && (filepath.Base(s.path) == "doc.go" || s.file.Name.Name == "main" || filepath.Base(s.path) == "atlas.go") {
			seen[s.dir] = s.file.Doc.Text()
		}
	}
	for dir, text := range seen {
		if len(strings.Fields(text)) < 8 {
			t.Errorf("%s: no doc.go (main.go for a program) with a paragraph: what it is for, what it must not know, who calls it", dir)
		}
	}
}

func TestFiles_StayReadable(t *testing.T) {
	const most = 400
	for _, s := range sources(t) {
		lines := strings.Count(s.text, "\n")
		if lines > most && !s.test && !strings.Contains(s.text, "DO NOT EDIT") {
			t.Errorf("%s has %d lines; %d is the moment to split", s.path, lines, most)
		}
	}
}

func TestSuites_LookForWhatTheyLeave(t *testing.T) {
	looks := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test || s.dir == "internal/leak" || under(s.dir, "examples/providers/go") {
			continue // the package itself, and a project that becomes a user's own
		}
		looks[s.dir] = looks[s.dir] || strings.Contains(s.text, "leak.Main(m")
	}
	for dir, does := range looks {
		if !does {
			t.Errorf("%s: its TestMain does not call leak.Main", dir)
		}
	}
}

func TestSkips_SayWhy(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if on, ok := selector.X.(*ast.Ident); !ok || on.Name != "t" && on.Name != "b" && on.Name != "f" && on.Name != "tb" {
				return true // another Skip, such as a reader's
			}
			if selector.Sel.Name == "SkipNow" || (selector.Sel.Name == "Skip" || selector.Sel.Name == "Skipf") && len(call.Args) == 0 {
				t.Errorf("%s: a skip says what was left out and why", s.position(call))
			}
			return true
		})
	}
}

// private are the patterns that no file of the repository may hold: paths of
// one machine and hosts of package registries.
var private = regexp.MustCompile(`(?i)(/work/(main|shared|\.library)|/root/|registry\.npmjs|npmjs\.org|proxy\.golang|pypi\.org|files\.pythonhosted|static\.crates|index\.crates|deb\.debian\.org)`)

func TestFiles_NameNoMachineAndNoRegistry(t *testing.T) {
	for _, name := range tracked(t) {
		if strings.HasPrefix(name, "internal/lint/") || strings.HasSuffix(name, ".wasm") || strings.HasSuffix(name, ".zst") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			continue // a link to a folder
		}
		for number, line := range strings.Split(string(text), "\n") {
			if found := private.FindString(line); found != "" {
				t.Errorf("%s:%d names %q", name, number+1, found)
			}
		}
	}
}

func TestDependencies_EachHasALineInTheRationale(t *testing.T) {
	rationale, err := os.ReadFile(filepath.Join(root(t), "docs/rationale.md"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for _, line := range strings.Split(string(mod), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.Contains(line, "// indirect") || !strings.Contains(fields[0], ".") || fields[0] == "go" {
			continue
		}
		direct++
		if !strings.Contains(string(rationale), fields[0]) {
			t.Errorf("docs/rationale.md has no line on %s", fields[0])
		}
	}
	if direct == 0 {
		t.Error("go.mod names no direct dependency: the rule checked nothing")
	}
}
