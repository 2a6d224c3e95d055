package atlas

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// prefixes are the first parts of the methods' names, by the types that have them.
func prefixes() map[string]string {
	return map[string]string{
		"ComputeService": "compute", "GPUService": "gpus", "OfferService": "offers", "JobsService": "jobs", "OrchestratorService": "orchestrator",
		"ProviderService": "providers", "EventService": "events", "DashboardService": "dashboard", "AuthTokenService": "auth.token", "AuthURLService": "auth.url",
		"FlyAppsService": "fly.apps", "FlyTokensService": "fly.tokens", "FlyLogsService": "fly.logs", "FlyDeployService": "fly.deploy",
	}
}

func TestFace_EveryMethodTellsItsErrors(t *testing.T) {
	text, err := os.ReadFile("docs/schema/methods.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Methods map[string]struct{ Errors []string }
	}
	if err := json.Unmarshal(text, &table); err != nil || len(table.Methods) == 0 {
		t.Fatalf("docs/schema/methods.json has no methods: %v", err)
	}
	comments := faceComments(t)
	for name, row := range table.Methods {
		if len(row.Errors) == 0 {
			continue
		}
		if want := "Errors: " + strings.Join(row.Errors, ", ") + "."; !strings.Contains(comments[name], want) {
			t.Errorf("the comment of %s does not end with %q: %s", name, want, comments[name])
		}
	}
}

// faceComments are the comments of the typed methods, by their names in the table.
func faceComments(t *testing.T) map[string]string {
	t.Helper()
	sources := func(info fs.FileInfo) bool { return !strings.HasSuffix(info.Name(), "_test.go") }
	packages, err := parser.ParseDir(token.NewFileSet(), ".", sources, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	upper := regexp.MustCompile(`[A-Z]`)
	comments := map[string]string{}
	for _, file := range packages["atlas"].Files {
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv == nil {
				continue
			}
			pointer, _ := function.Recv.List[0].Type.(*ast.StarExpr)
			if pointer == nil {
				continue
			}
			if prefix := prefixes()[pointer.X.(*ast.Ident).Name]; prefix != "" {
				words := upper.ReplaceAllStringFunc(function.Name.Name, func(s string) string { return "_" + strings.ToLower(s) })
				comments[prefix+"."+strings.TrimPrefix(words, "_")] = strings.Join(strings.Fields(function.Doc.Text()), " ")
			}
		}
	}
	return comments
}
