package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/exatlas/atlas"
)

func header(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../include/atlas.h")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var defined = regexp.MustCompile(`(?m)^#define (ATLAS_[A-Z_]+) (\d+)`)

func TestHeader_StatusesEqualTheOutcomes(t *testing.T) {
	outcomes := map[string]atlas.Outcome{
		"ATLAS_OK": atlas.OK, "ATLAS_FAILED": atlas.Failed, "ATLAS_PENDING": atlas.Pending, "ATLAS_INVALID": atlas.Invalid,
		"ATLAS_BAD_CLIENT": atlas.BadClient, "ATLAS_CLOSED": atlas.Closed, "ATLAS_BUSY": atlas.Busy, "ATLAS_TOO_LARGE": atlas.TooLarge,
		"ATLAS_NO_MEMORY": atlas.NoMemory, "ATLAS_FORKED": atlas.Forked, "ATLAS_VERSION": atlas.BadABI, "ATLAS_TIMEOUT": atlas.Timeout,
		"ATLAS_CANCELLED": atlas.Cancelled, "ATLAS_INTERNAL": atlas.Internal,
	}
	seen := 0
	for _, match := range defined.FindAllStringSubmatch(header(t), -1) {
		number, err := strconv.Atoi(match[2])
		if err != nil {
			t.Fatal(err)
		}
		if match[1] == "ATLAS_ABI_VERSION" {
			if number != atlas.ABI {
				t.Errorf("the header's ABI version is %d, atlas.ABI is %d", number, atlas.ABI)
			}
			continue
		}
		seen++
		outcome, ok := outcomes[match[1]]
		if !ok || int(outcome) != number {
			t.Errorf("%s is %d in the header and %d in Go (known: %v)", match[1], number, outcome, ok)
		}
		if name := statusName(number); name != match[1] {
			t.Errorf("atlas_status_name(%d) = %s, want %s", number, name, match[1])
		}
	}
	if seen != len(outcomes) {
		t.Errorf("the header defines %d statuses, Go %d", seen, len(outcomes))
	}
	if name := statusName(-7); name != "ATLAS_UNKNOWN" {
		t.Errorf("atlas_status_name(-7) = %s, want ATLAS_UNKNOWN", name)
	}
}

func TestHeader_SaysWhenEachStatusIsReturned(t *testing.T) {
	text := header(t)
	for _, match := range defined.FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`(?m)^ \*.*\b` + match[1] + `\b`).MatchString(text) {
			t.Errorf("no comment says when a function returns %s", match[1])
		}
	}
}

func TestLibrary_TellsTheVersionOfPackageAtlas(t *testing.T) {
	if got := libraryVersion(); got != atlas.Version {
		t.Errorf("capi/shim.h says %s, atlas.Version is %s", got, atlas.Version)
	}
}

var declared = regexp.MustCompile(`(?s)/\*\n((?: \*[^\n]*\n)+?) \*/\nATLAS_API [^;(]*?(atlas_[a-z_]+)\(`)

func TestHeader_EveryFunctionTellsTheSameFiveThings(t *testing.T) {
	text := header(t)
	found := declared.FindAllStringSubmatch(text, -1)
	if want := strings.Count(text, "\nATLAS_API "); len(found) != want || want == 0 {
		t.Fatalf("%d of %d functions have a comment directly above", len(found), want)
	}
	for _, match := range found {
		comment, name := match[1], match[2]
		at := 0
		for _, label := range []string{"\n * Ownership: ", "\n * Threads:   ", "\n * Returns:   ", "\n * Since:     "} {
			next := strings.Index(comment, label)
			if next <= at {
				t.Errorf("%s: the line %q is missing or out of order", name, strings.TrimSpace(label))
			}
			at = next
		}
	}
}

func TestExports_DecodeCallEncodeInFifteenLines(t *testing.T) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "exports.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	exports := 0
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		exports++
		if lines := set.Position(function.End()).Line - set.Position(function.Pos()).Line + 1; lines >= 15 {
			t.Errorf("%s has %d lines", function.Name.Name, lines)
		}
		first, ok := function.Body.List[0].(*ast.DeferStmt)
		if !ok || first.Call.Fun.(*ast.Ident).Name != "guard" {
			t.Errorf("%s does not start with its guard", function.Name.Name)
		}
	}
	if want := strings.Count(header(t), "\nATLAS_API ") - 4; exports != want {
		t.Errorf("%d exports, want %d: all functions of the header but the four that work after fork", exports, want)
	}
}
