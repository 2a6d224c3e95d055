package apps

import (
	"context"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// Params of fly.apps.discover.
type Params struct {
	Path     string `json:"path" default:"." doc:"Folder to look in."`
	MaxDepth *int   `json:"max_depth" min:"0" max:"32" default:"3" doc:"How many levels of folders below it to look in; 0: in itself alone."`
}

// App is one app found.
type App struct {
	Name          string `json:"name" doc:"Name of the app."`
	Directory     string `json:"directory" doc:"Folder of its configuration, absolute."`
	File          string `json:"file" doc:"The configuration file, absolute."`
	PrimaryRegion string `json:"primary_region,omitempty" doc:"Its primary region, where the file names one."`
}

// Broken is a file or folder that could not be read.
type Broken struct {
	File    string `json:"file" doc:"The file or folder, absolute."`
	Message string `json:"message" doc:"What is wrong with it."`
	Hint    string `json:"hint,omitempty" doc:"What to do about it."`
}

// FlyApps is the result of fly.apps.discover.
type FlyApps struct {
	Items  []App    `json:"items" doc:"The apps, by name."`
	Broken []Broken `json:"broken" doc:"Files and folders that could not be read."`
}

const standardDepth = 3

// vendored reports whether a folder holds what others wrote or tools made.
func vendored(name string) bool {
	switch name {
	case "node_modules", "bower_components", "vendor", "deps", "_build", "target", "dist", "__pycache__", "venv", "site-packages", "Pods", "elm-stuff":
		return true
	}
	return strings.HasPrefix(name, ".") // hidden
}

// Discover finds the apps of a folder. The folder itself is looked into whatever
// its name is; below it hidden and vendored folders are not. Links to folders
// inside it are followed, each folder once.
func Discover(ctx context.Context, p *Params) (*FlyApps, error) {
	path := p.Path
	if path == "" {
		path = "."
	}
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.path: there is no working folder: " + err.Error()}
	}
	info, err := os.Stat(root)
	switch {
	case err != nil:
		e := unreadable(err)
		if os.IsNotExist(err) {
			e.Kind = spec.KindNotFound
		}
		e.Message = "params.path: " + e.Message
		return nil, e
	case !info.IsDir():
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.path: no folder", Hint: "give the folder of the app or one above it"}
	}
	depth := standardDepth
	if p.MaxDepth != nil {
		depth = *p.MaxDepth
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, unreadable(err)
	}
	w := &walk{ctx: ctx, real: real, seen: map[string]bool{real: true}, found: &FlyApps{Items: []App{}, Broken: []Broken{}}}
	// Level by level, so that a folder is found by its shortest way.
	level := []string{root}
	for ; len(level) > 0; depth-- {
		var next []string
		for _, folder := range level {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			next = append(next, w.folder(folder, depth > 0)...)
		}
		level = next
	}
	sort.Slice(w.found.Items, func(i, j int) bool {
		a, b := &w.found.Items[i], &w.found.Items[j]
		return a.Name < b.Name || a.Name == b.Name && a.File < b.File
	})
	return w.found, nil
}

// walk is one search.
type walk struct {
	ctx   context.Context
	real  string          // the root without links
	seen  map[string]bool // folders without links
	found *FlyApps
}

// folder reads the configuration of a folder and returns the folders below it
// that are to be looked into.
func (w *walk) folder(path string, deeper bool) []string {
	app, found, err := In(path)
	switch {
	case err != nil:
		w.broken(app.File, err)
	case found:
		w.found.Items = append(w.found.Items, app)
	}
	if !deeper {
		return nil
	}
	entries, readErr := os.ReadDir(path)
	if readErr != nil {
		w.broken(path, unreadable(readErr))
	}
	var below []string
	for _, entry := range entries {
		name := entry.Name()
		if vendored(name) {
			continue
		}
		child := filepath.Join(path, name)
		link := entry.Type()&os.ModeSymlink != 0
		if !entry.IsDir() && !link {
			continue
		}
		if link {
			if info, err := os.Stat(child); err != nil || !info.IsDir() {
				continue
			}
		}
		if w.fresh(child) {
			below = append(below, child)
		}
	}
	return below
}

// fresh reports whether a folder lies inside the root and was not seen yet.
func (w *walk) fresh(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil || w.seen[real] || real != w.real && !strings.HasPrefix(real, strings.TrimSuffix(w.real, "/")+"/") {
		return false
	}
	w.seen[real] = true
	return true
}

func (w *walk) broken(path string, err *spec.Error) {
	w.found.Broken = append(w.found.Broken, Broken{File: path, Message: err.Message, Hint: err.Hint})
}
