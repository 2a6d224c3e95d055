// Command buildplugins builds the guests under plugins/*/guest for WebAssembly,
// brings them into the form that the host compiles, compresses them and writes them
// to plugins/builtin, where the library embeds them. It skips those whose sources are older than what is there. The same
// sources give the same bytes. make plugins runs it, from the repository's root.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/exatlas/atlas/host"
	"github.com/exatlas/atlas/host/wasm"
	"github.com/exatlas/atlas/internal/wholefile"
	"github.com/exatlas/atlas/plugins/builtin"
)

func main() {
	force := flag.Bool("force", false, "build also what is up to date")
	flag.Parse()
	if err := run(*force); err != nil {
		fmt.Fprintln(os.Stderr, "buildplugins:", err)
		os.Exit(1)
	}
}

func run(force bool) error {
	programs, err := filepath.Glob("plugins/*/guest/main.go")
	if err != nil {
		return err
	}
	if len(programs) == 0 {
		return fmt.Errorf("no plugins/*/guest/main.go here; run it from the repository's root")
	}
	// The base comes first: the others are packed against it.
	slices.SortStableFunc(programs, func(a, b string) int { return rank(a) - rank(b) })
	for _, program := range programs {
		folder := filepath.Dir(program)
		name := provider(filepath.Base(filepath.Dir(folder)))
		target := filepath.Join("plugins", "builtin", name+".wasm.br")
		if !force {
			fresh, err := upToDate(target, folder)
			if err != nil {
				return err
			}
			if fresh {
				continue
			}
		}
		if err := build(name, folder, target); err != nil {
			return err
		}
	}
	return nil
}

func rank(program string) int {
	if provider(filepath.Base(filepath.Dir(filepath.Dir(program)))) == builtin.Base {
		return 0
	}
	return 1
}

// provider is the name of the provider whose folder this is.
func provider(folder string) string {
	if folder == "lambdalabs" {
		return "lambda_labs"
	}
	return folder
}

// environment is what a guest is built with, whatever the caller builds for.
func environment() []string {
	return append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOWASM=", "GOFLAGS=", "CGO_ENABLED=0")
}

// upToDate reports whether target is newer than every source of the guest in
// this module, than what packs it, and than what fixes the rest: go.mod, go.sum and
// the compiler.
func upToDate(target, folder string) (bool, error) {
	built, err := os.Stat(target)
	if err != nil {
		return false, nil
	}
	list := exec.Command("go", "list", "-deps", "-f", `{{if .Module}}{{if .Module.Main}}{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`, "./"+filepath.ToSlash(folder))
	list.Env, list.Stderr = environment(), os.Stderr
	out, err := list.Output()
	if err != nil {
		return false, fmt.Errorf("go list %s: %w", folder, err)
	}
	sources := append(strings.Fields(string(out)), "go.mod", "go.sum")
	for _, packer := range []string{"internal/buildplugins/*.go", "plugins/builtin/*.go", "host/wasm/*.go"} {
		files, _ := filepath.Glob(packer)
		sources = append(sources, files...)
	}
	if base := filepath.Join(filepath.Dir(target), builtin.Base+".wasm.br"); base != target {
		sources = append(sources, base)
	}
	if compiler, err := exec.LookPath("go"); err == nil {
		sources = append(sources, compiler)
	}
	for _, source := range sources {
		info, err := os.Stat(source)
		if err != nil || info.ModTime().After(built.ModTime()) {
			return false, nil
		}
	}
	return true, nil
}

func build(name, folder, target string) error {
	temporary, err := os.MkdirTemp("", "buildplugins")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	output := filepath.Join(temporary, name+".wasm")
	compile := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", output, "./"+filepath.ToSlash(folder))
	compile.Env, compile.Stdout, compile.Stderr = environment(), os.Stderr, os.Stderr
	if err := compile.Run(); err != nil {
		return fmt.Errorf("go build %s: %w", folder, err)
	}
	module, err := os.ReadFile(output)
	if err != nil {
		return err
	}
	module, problem := wasm.Bound(module)
	if problem != "" {
		return fmt.Errorf("%s: %s", folder, problem)
	}
	var dictionary [][]byte
	if name != builtin.Base {
		base, err := os.ReadFile(filepath.Join(filepath.Dir(target), builtin.Base+".wasm.br"))
		if err != nil {
			return err
		}
		if base, err = builtin.Unpack(base); err != nil {
			return err
		}
		dictionary = append(dictionary, base)
	}
	outline, err := labelled(module)
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	all, err := builtin.Pack(module, outline, dictionary...)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d KB of WebAssembly, %d KB compressed\n", name, len(module)/1000, len(all)/1000)
	return wholefile.Write(target, all, 0o644) // a build may be reading it
}

// labelled asks the plugin what it says of itself, and returns that with what else is
// told without unpacking the module.
func labelled(module []byte) ([]byte, error) {
	manifest, err := host.Describe(context.Background(), module, "")
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return nil, err
	}
	whole, err := wasm.WithLabel(module, text)
	if err != nil {
		return nil, err
	}
	return wasm.CutOutline(whole)
}
