package openapicheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// name is what the document is called inside the schema compiler.
const name = "openapi.json"

// Doc is a loaded document. It may be used by several tests at once.
type Doc struct {
	root  map[string]any
	extra map[string]bool // "METHOD /template?name": query parameters beyond the document

	mu       sync.Mutex // guards what follows
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
}

// Load reads the document at path, JSON or, by the end of its name, YAML.
func Load(path string) (*Doc, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if ext := filepath.Ext(path); ext == ".yaml" || ext == ".yml" {
		if text, err = fromYAML(text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	root, ok := value.(map[string]any)
	if !ok || root["paths"] == nil {
		return nil, fmt.Errorf("%s: no OpenAPI document", path)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(name, value); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Doc{root: root, extra: map[string]bool{}, compiler: compiler, schemas: map[string]*jsonschema.Schema{}}, nil
}

// fromYAML turns a YAML document into JSON.
func fromYAML(text []byte) ([]byte, error) {
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// AllowQuery accepts query parameters that the vendor published after the
// document, with any value. template is a path as the document writes it.
func (d *Doc) AllowQuery(method, template string, names ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, parameter := range names {
		d.extra[method+" "+template+"?"+parameter] = true
	}
}

// Request checks a request. path is escaped and begins with a slash, query is
// without its question mark, an empty body is none.
func (d *Doc) Request(method, path, query string, body []byte) error {
	op, err := d.operation(method, path)
	if err != nil {
		return err
	}
	if err := op.checkPath(d); err != nil {
		return err
	}
	if err := op.checkQuery(d, query); err != nil {
		return err
	}
	described, _ := d.resolve(op.object["requestBody"], op.pointer+"/requestBody")
	if described == nil {
		if len(body) > 0 {
			return fmt.Errorf("%s: the document describes no request body", op)
		}
		return nil
	}
	if len(body) == 0 {
		if required, _ := described["required"].(bool); required {
			return fmt.Errorf("%s: the body is missing", op)
		}
		return nil
	}
	_, pointer := d.resolve(op.object["requestBody"], op.pointer+"/requestBody")
	return d.checkBody(op, described, pointer, body)
}

// Response checks an answer. A status that the document leaves to "default" is
// checked against that.
func (d *Doc) Response(method, path string, status int, body []byte) error {
	op, err := d.operation(method, path)
	if err != nil {
		return err
	}
	responses, _ := op.object["responses"].(map[string]any)
	key := strconv.Itoa(status)
	if responses[key] == nil {
		key = "default"
	}
	described, pointer := d.resolve(responses[key], op.pointer+"/responses/"+key)
	if described == nil {
		return fmt.Errorf("%s: the document describes no status %d", op, status)
	}
	content, _ := described["content"].(map[string]any)
	if len(content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("%s: status %d has a body, the document describes none", op, status)
		}
		return nil
	}
	if content["text/event-stream"] != nil {
		return nil // text; the schema says no more than string
	}
	return d.checkBody(op, described, pointer, body)
}

// checkBody checks a JSON body against the first JSON media type of a request
// body or a response.
func (d *Doc) checkBody(op *operation, described map[string]any, pointer string, body []byte) error {
	content, _ := described["content"].(map[string]any)
	for _, media := range []string{"application/json", "application/problem+json"} {
		if content[media] == nil {
			continue
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("%s: the body is no JSON: %w", op, err)
		}
		schema, err := d.schema(pointer + "/content/" + escape(media) + "/schema")
		if err != nil {
			return err
		}
		if err := schema.Validate(value); err != nil {
			return fmt.Errorf("%s: %w\nbody: %s", op, err, body)
		}
		return nil
	}
	return fmt.Errorf("%s: the document describes no JSON body", op)
}

func (d *Doc) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if schema := d.schemas[pointer]; schema != nil {
		return schema, nil
	}
	schema, err := d.compiler.Compile(name + "#" + pointer)
	if err != nil {
		return nil, err
	}
	d.schemas[pointer] = schema
	return schema, nil
}

// resolve follows a reference within the document and returns the object with
// its pointer.
func (d *Doc) resolve(value any, pointer string) (map[string]any, string) {
	object, _ := value.(map[string]any)
	for object != nil {
		reference, ok := object["$ref"].(string)
		if !ok {
			break
		}
		pointer = strings.TrimPrefix(reference, "#")
		var at any = d.root
		for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
			parent, _ := at.(map[string]any)
			at = parent[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
		}
		object, _ = at.(map[string]any)
	}
	return object, pointer
}

// escape writes a member name as part of a JSON pointer in a URL fragment.
func escape(part string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(part))
}
