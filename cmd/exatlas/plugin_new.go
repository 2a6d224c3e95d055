package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/examples/providers"
	"github.com/exatlas/atlas/plugins/builtin"
)

// runPluginNew begins a provider: it writes a project that builds and conforms,
// and says what to edit.
func runPluginNew(io streams, args []string) error {
	flags := newArguments("plugin new NAME --lang go|assemblyscript|c [--dir DIR] [--atlas CHECKOUT]", "Writes a provider that builds and conforms, and says what to edit.")
	lang := flags.String("lang", "", "`language`: "+languages())
	dir := flags.String("dir", "", "`folder` to write, new or empty; default NAME")
	checkout := flags.String("atlas", "", "`folder` of a checkout of Atlas that a project in Go builds against, in place of the published module")
	words, err := flags.parse(args, 1, 1)
	if err != nil {
		return err
	}
	name := words[0]
	if *dir == "" {
		*dir = name
	}
	language, err := checkNew(name, *lang)
	if err != nil {
		return err
	}
	module := providers.Module{Version: "v" + atlas.Version}
	if *checkout != "" {
		if module.Replace, err = checkoutOf(*checkout, language); err != nil {
			return err
		}
	}
	files, err := providers.Project(language, name, module)
	if err != nil {
		return err
	}
	if err := writeProject(*dir, files); err != nil {
		return err
	}
	if language.Name == "go" && *checkout == "" {
		language.Build = append([]providers.Step{{Do: "go mod tidy", What: "fetches github.com/exatlas/atlas " + module.Version + "; --atlas builds against a checkout instead"}}, language.Build...)
	}
	tellNew(io.out, name, *dir, language, len(files))
	return nil
}

func languages() string {
	var names []string
	for _, l := range providers.Languages() {
		names = append(names, l.Name)
	}
	return strings.Join(names, ", ")
}

// checkNew refuses names that no plugin can bear, or that are taken.
func checkNew(name, lang string) (providers.Language, error) {
	language, ok := providers.Find(lang)
	switch {
	case !ok && lang == "":
		return language, errors.New("--lang is missing; the languages are " + languages())
	case !ok:
		return language, fmt.Errorf("there is no language %q; the languages are %s", lang, languages())
	case !spec.ValidProvider(name):
		return language, fmt.Errorf("%q cannot be a provider's name: it is 1 to 32 of a-z, 0-9 and underscore", name)
	case slices.ContainsFunc(builtin.List(), func(m builtin.Module) bool { return m.Name == name }):
		return language, fmt.Errorf("%s is the name of a built-in provider, which no plugin can take", name)
	}
	return language, nil
}

// checkoutOf returns the absolute path of a checkout of Atlas.
func checkoutOf(path string, language providers.Language) (string, error) {
	if language.Name != "go" {
		return "", fmt.Errorf("--atlas is for --lang go: a project in %s needs no Go module", language.Title)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	mod, err := os.ReadFile(filepath.Join(path, "go.mod"))
	if err != nil || !strings.HasPrefix(string(mod), "module github.com/exatlas/atlas\n") {
		return "", fmt.Errorf("--atlas: %s is no checkout of Atlas", path)
	}
	return path, nil
}

// writeProject writes into a folder that is new or empty.
func writeProject(dir string, files []providers.File) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: nothing was written; choose another folder with --dir", dir)
	}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := writeNew(path, f.Data); err != nil {
			return err
		}
	}
	return nil
}

// writeNew never replaces a file.
func writeNew(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}

// tellNew says what was written, how to build it and what to edit.
func tellNew(out io.Writer, name, dir string, l providers.Language, files int) {
	fmt.Fprintf(out, "%s: %d files, a provider in %s for Acme Compute, the invented cloud of `exatlas sim acme`.\n\nIn that folder:\n", dir, files, l.Title)
	table := func(steps []providers.Step) {
		for _, s := range steps {
			fmt.Fprintf(out, "  %-22s %s\n", strings.ReplaceAll(s.Do, "{name}", name), strings.ReplaceAll(s.What, "{name}", name))
		}
	}
	table(l.Build)
	fmt.Fprintln(out, "\nThen make it your cloud's:")
	table(l.Edit)
	fmt.Fprintln(out, "\nThe guide is docs/writing-a-provider.md.")
}
