package providers

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed go/main.go go/provider go/Makefile go/README.md go/.gitignore go/acme_go.plan.json go/acme_go.conformance.json
//go:embed assemblyscript/assembly assemblyscript/README.md assemblyscript/.gitignore assemblyscript/.npmrc assemblyscript/asconfig.json
//go:embed assemblyscript/package.json assemblyscript/package-lock.json assemblyscript/acme_as.plan.json assemblyscript/acme_as.conformance.json
//go:embed c/provider.c c/spawn.c c/convert.c c/errors.c c/provider.h c/atlas_guest.c c/atlas_guest.h c/atlas_json.c
//go:embed c/Makefile c/README.md c/requirements.txt c/.gitignore c/acme_c.plan.json c/acme_c.conformance.json
var examples embed.FS

// A File is one file of a project. Path has slashes.
type File struct {
	Path string
	Data []byte
}

// A Step is something to do next: a file and what to do there, or a command and
// what it does.
type Step struct{ Do, What string }

// Language is one of those a project can be written in.
type Language struct {
	Name    string
	Title   string // for people
	Example string // the name of the provider in its folder
	Build   []Step
	Edit    []Step
}

// Languages lists them. Build are commands for the folder of a project, in order;
// {name} stands for the provider's name.
func Languages() []Language {
	return []Language{
		{Name: "go", Title: "Go", Example: "acme_go",
			Build: []Step{{"make", "builds {name}.wasm"}, {"make test", "tests it, and holds it against the recording"}},
			Edit: []Step{{"provider/manifest.go", "addresses, hosts, credential, capabilities, GPUs"}, {"provider/convert.go", "the cloud's field names and states"},
				{"provider/errors.go", "its failures"}, {"provider/spawn.go", "what a create sends, and what is refused"}, {"provider/compute.go", "the other operations"},
				{"{name}.plan.json", "what to record from your cloud"}}},
		{Name: "assemblyscript", Title: "AssemblyScript", Example: "acme_as",
			Build: []Step{{"npm ci", "installs the compiler"}, {"npm run build", "builds {name}.wasm"}, {"npm test", "holds it against the recording"}},
			Edit: []Step{{"assembly/manifest.ts", "addresses, hosts, credential, capabilities, GPUs"}, {"assembly/convert.ts", "the cloud's field names and states"},
				{"assembly/errors.ts", "its failures"}, {"assembly/spawn.ts", "what a create sends, and what is refused"}, {"assembly/index.ts", "the other operations"},
				{"{name}.plan.json", "what to record from your cloud"}}},
		{Name: "c", Title: "C", Example: "acme_c",
			Build: []Step{{"make", "installs a compiler into build/ and builds {name}.wasm"}, {"make test", "holds it against the recording"}},
			Edit: []Step{{"provider.h", "name, address, label"}, {"provider.c", "the manifest in describe, and the operations"}, {"convert.c", "the cloud's field names and states"},
				{"errors.c", "its failures"}, {"spawn.c", "what a create sends, and what is refused"}, {"{name}.plan.json", "what to record from your cloud"}}},
	}
}

// Find returns a language by its name.
func Find(name string) (Language, bool) {
	for _, l := range Languages() {
		if l.Name == name {
			return l, true
		}
	}
	return Language{}, false
}

// modulePath is the package path of a Go project until it gets a home.
const modulePath = "example.com/"

// Module is the Go module of Atlas that a project in Go requires.
type Module struct {
	Version string // such as v0.1.0
	Replace string // a checkout that stands for it; empty: none
}

// Project returns the files of a new provider: the example in that language under
// another name. name is a valid provider name.
func Project(l Language, name string, atlas Module) ([]File, error) {
	rename := strings.NewReplacer(
		"github.com/exatlas/atlas/examples/providers/go/", modulePath+name+"/",
		l.Example, name,
		strings.ToUpper(l.Example), strings.ToUpper(name),
	)
	var files []File
	err := fs.WalkDir(examples, l.Name, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := examples.ReadFile(at)
		if err != nil {
			return err
		}
		files = append(files, File{rename.Replace(strings.TrimPrefix(at, l.Name+"/")), []byte(rename.Replace(string(data)))})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if l.Name == "go" {
		text := fmt.Sprintf("module %s%s\n\ngo 1.26.0\n\nrequire github.com/exatlas/atlas %s\n", modulePath, name, atlas.Version)
		if atlas.Replace != "" {
			text += fmt.Sprintf("\nreplace github.com/exatlas/atlas => %s\n", modPath(atlas.Replace))
		}
		files = append(files, File{"go.mod", []byte(text)})
	}
	return files, nil
}

// modPath writes a folder as go.mod wants it: quoted where it holds what would end
// or split a word there.
func modPath(folder string) string {
	if strings.ContainsAny(folder, " \t\"'`(),[]{}") {
		return strconv.Quote(folder)
	}
	return folder
}
