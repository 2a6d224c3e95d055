// Command gen writes what is generated from the table of methods: docs/methods.md,
// the settings in docs/configuration.md, the JSON Schema under docs/schema, the
// Python types and the TypeScript types. With -check it writes nothing and fails
// when a file is stale. It is run from the root of the repository and knows the
// table and the plugins' manifests alone; nothing imports it.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	check := flag.Bool("check", false, "fail when a generated file is stale; write nothing")
	root := flag.String("root", ".", "root of the repository")
	flag.Parse()
	stale, err := run(*root, *check)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
	for _, path := range stale {
		if *check {
			fmt.Fprintln(os.Stderr, "gen:", path, "is stale; run: go run ./internal/gen")
		} else {
			fmt.Println("wrote", path)
		}
	}
	if *check && len(stale) > 0 {
		os.Exit(1)
	}
}

// run compares or writes every generated file and returns those that differed.
func run(root string, check bool) (stale []string, err error) {
	m := newModel()
	configuration, err := configurationPage(filepath.Join(root, "docs/configuration.md"), m)
	if err != nil {
		return nil, err
	}
	methods, err := methodsPage(m, filepath.Join(root, "core/spec/error.go"))
	if err != nil {
		return nil, err
	}
	files := []struct {
		path string
		text []byte
	}{
		{"docs/methods.md", methods},
		{"docs/configuration.md", configuration},
		{"docs/providers.md", providersPage()},
		{"docs/schema/methods.json", methodsSchema(m)},
		{"docs/schema/config.json", configSchema(m)},
		{"bindings/python/exatlas/_types.py", pythonTypes(m)},
		{"bindings/node/types.d.ts", typescriptTypes(m)},
	}
	for _, f := range files {
		path := filepath.Join(root, f.path)
		have, readErr := os.ReadFile(path)
		if readErr == nil && bytes.Equal(have, f.text) {
			continue
		}
		stale = append(stale, f.path)
		if check {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, f.text, 0o644); err != nil {
			return nil, err
		}
	}
	return stale, nil
}
