package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas/plugins/conformance"
)

// begin runs exatlas plugin new in a folder of its own.
func begin(t *testing.T, args ...string) (code int, said, folder string) {
	t.Helper()
	folder = t.TempDir()
	t.Chdir(folder)
	var out bytes.Buffer
	code = run(context.Background(), streams{strings.NewReader(""), &out, &out}, append([]string{"plugin", "new"}, args...))
	return code, out.String(), folder
}

// TestPluginNew_WritesAProjectUnderItsName looks at what is written; that it
// builds and conforms is test/thirdparty's to prove.
func TestPluginNew_WritesAProjectUnderItsName(t *testing.T) {
	for lang, example := range map[string]string{"go": "acme_go", "assemblyscript": "acme_as", "c": "acme_c"} {
		code, said, folder := begin(t, "north_star", "--lang", lang)
		if code != 0 || !strings.Contains(said, "north_star.plan.json") || !strings.Contains(said, "make it your cloud's") {
			t.Fatal(lang, code, said)
		}
		count := 0
		err := filepath.WalkDir(filepath.Join(folder, "north_star"), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			count++
			text, err := os.ReadFile(path)
			if strings.Contains(path+string(text), example) || strings.Contains(string(text), strings.ToUpper(example)) || strings.Contains(string(text), "examples/providers") {
				t.Errorf("%s: %s still speaks of the example", lang, path)
			}
			return err
		})
		if err != nil || count < 10 {
			t.Errorf("%s: %d files, %v", lang, count, err)
		}
		for _, file := range []string{"plan", "conformance"} {
			r, err := conformance.ReadRecording(filepath.Join(folder, "north_star", "north_star."+file+".json"))
			if err != nil || r.Provider != "north_star" {
				t.Errorf("%s: %+v, %v", lang, r, err)
			}
		}
		if fetches := strings.Contains(said, "go mod tidy"); fetches != (lang == "go") {
			t.Errorf("%s: what comes before make is %s", lang, said)
		}
		if lang == "go" {
			mod, err := os.ReadFile(filepath.Join(folder, "north_star", "go.mod"))
			if err != nil || !strings.Contains(string(mod), "require github.com/exatlas/atlas v0.") || strings.Contains(string(mod), "replace") {
				t.Errorf("%s, %v", mod, err)
			}
		}
	}
}

func TestPluginNew_RefusesBeforeItWrites(t *testing.T) {
	here, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"cannot be a provider's name":      {"North-Star", "--lang", "go"},
		"1 to 32 of a-z":                   {"../north", "--lang", "c"},
		"name of a built-in provider":      {"runpod", "--lang", "c"},
		"--lang is missing; the languages": {"north"},
		`there is no language "rust"`:      {"north", "--lang", "rust"},
		"is no checkout of Atlas":          {"north", "--lang", "go", "--atlas", "."},
		"needs no Go module":               {"north", "--lang", "c", "--atlas", here},
		"usage: exatlas plugin new NAME":   {"--lang", "go"},
		"one argument too many: south":     {"north", "south", "--lang", "go"},
	} {
		code, said, folder := begin(t, args...)
		if code == 0 || !strings.Contains(said, want) {
			t.Errorf("%q: %d, %s", args, code, said)
		}
		if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
			t.Errorf("%q wrote %v, %v", args, entries, err)
		}
	}
}

func TestPluginNew_NeverReplacesAFile(t *testing.T) {
	folder := t.TempDir()
	kept := filepath.Join(folder, "Makefile")
	if err := os.WriteFile(kept, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, said, _ := begin(t, "north", "--lang", "c", "--dir", folder)
	if code != 1 || !strings.Contains(said, "is not empty: nothing was written") {
		t.Error(code, said)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "mine" {
		t.Errorf("the file is now %q, %v", text, err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("files were added: %v", entries)
	}
	if code, said, _ := begin(t, "north", "--lang", "c", "--dir", t.TempDir()); code != 0 {
		t.Error("an empty folder was refused:", said)
	}
}
