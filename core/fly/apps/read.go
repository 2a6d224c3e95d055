package apps

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"
	json "github.com/goccy/go-json"
	"go.yaml.in/yaml/v3"

	"github.com/exatlas/atlas/core/fly"
	"github.com/exatlas/atlas/core/spec"
)

// largest is the size of a configuration file beyond which it is none.
const largest = 256 << 10

// names lists the files flyctl looks for, in its order.
func names() []string { return []string{"fly.toml", "fly.json", "fly.yaml"} }

// document is what of a configuration file matters here.
type document struct {
	App           string `toml:"app" json:"app"`
	PrimaryRegion string `toml:"primary_region" json:"primary_region"`
}

// In reads the configuration of one folder: the first file flyctl would take.
// Found is false where there is none.
func In(folder string) (app App, found bool, err *spec.Error) {
	for _, name := range names() {
		path := filepath.Join(folder, name)
		info, statErr := os.Stat(path)
		if errors.Is(statErr, fs.ErrNotExist) {
			continue
		}
		if statErr != nil {
			return App{Directory: folder, File: path}, true, unreadable(statErr)
		}
		if info.IsDir() {
			continue
		}
		app, err = Read(path)
		return app, true, err
	}
	return App{}, false, nil
}

// Read reads one configuration file.
func Read(path string) (App, *spec.Error) {
	app := App{Directory: filepath.Dir(path), File: path}
	text, err := load(path)
	if err != nil {
		return app, err
	}
	var d document
	if err := parse(path, text, &d); err != nil {
		return app, err
	}
	app.Name, app.PrimaryRegion = d.App, d.PrimaryRegion
	if d.App == "" {
		return app, &spec.Error{Kind: spec.KindValidation, Message: "it names no app", Hint: "add app = \"my-api\" at its top, or name the app where it is asked for"}
	}
	return app, fly.CheckApp("app", d.App)
}

// load reads a regular file of a sensible size. It opens without waiting, since
// opening a pipe would wait for its writer.
func load(path string) ([]byte, *spec.Error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "it is no regular file"}
	}
	text, err := io.ReadAll(io.LimitReader(f, largest+1))
	switch {
	case err != nil:
		return nil, unreadable(err)
	case len(text) > largest:
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "it is larger than " + strconv.Itoa(largest>>10) + " KiB"}
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
}

// parse reads a whole file by the grammar of its name, so that app inside another
// table, a comment or a text is not taken for the app's name.
func parse(path string, text []byte, into *document) *spec.Error {
	var err error
	switch filepath.Ext(path) {
	case ".json":
		err = json.Unmarshal(text, into)
	case ".yaml", ".yml":
		err = into.readYAML(text)
	default:
		if nested(text) {
			return &spec.Error{Kind: spec.KindValidation, Message: "it is nested more than " + strconv.Itoa(deepest) + " levels deep"}
		}
		err = toml.Unmarshal(text, into)
	}
	if err == nil {
		return nil
	}
	message := err.Error()
	var place toml.ParseError
	if errors.As(err, &place) {
		message = place.Error()
	}
	// One line: a parser may quote the file, and files may hold secrets.
	message, _, _ = strings.Cut(message, "\n")
	message = strings.ToValidUTF8(message[:min(len(message), 200)], "")
	return &spec.Error{Kind: spec.KindValidation, Message: "it cannot be parsed: " + message, Hint: "fly config validate tells more"}
}

// readYAML takes what matters out of the tree of a text. Decoding into the document
// would compare each key with all others, and note every pair that is equal.
func (d *document) readYAML(text []byte) error {
	var tree yaml.Node
	if err := yaml.Unmarshal(text, &tree); err != nil || len(tree.Content) == 0 {
		return err
	}
	top := tree.Content[0]
	if top.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: it is no mapping", top.Line)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		field := map[string]*string{"app": &d.App, "primary_region": &d.PrimaryRegion}[key.Value]
		if field == nil || key.Kind != yaml.ScalarNode {
			continue
		}
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if value.Kind != yaml.ScalarNode || seen[key.Value] {
			return fmt.Errorf("line %d: %s is no text, or there twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		if value.Tag != "!!null" {
			*field = value.Value
		}
	}
	return nil
}

func unreadable(err error) *spec.Error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &spec.Error{Kind: spec.KindForbidden, Message: "it cannot be read: " + err.Error(), Err: err}
}
