package openapicheck

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// operation is one method of one path of the document.
type operation struct {
	method   string
	template string
	object   map[string]any
	pointer  string
	values   map[string]string // path parameters of the request
	params   []parameter
}

// parameter is one parameter with its place in the document.
type parameter struct {
	object  map[string]any
	pointer string
}

func (o *operation) String() string { return o.method + " " + o.template }

// operation finds what describes a method and path. Templates with more literal
// segments win.
func (d *Doc) operation(method, path string) (*operation, error) {
	paths := d.root["paths"].(map[string]any)
	best, literal := "", -1
	var values map[string]string
	for template := range paths {
		if found, count, ok := match(template, path); ok && count > literal {
			best, literal, values = template, count, found
		}
	}
	if best == "" {
		return nil, fmt.Errorf("%s %s: the document has no such path", method, path)
	}
	item, _ := paths[best].(map[string]any)
	pointer := "/paths/" + escape(best)
	object, _ := item[strings.ToLower(method)].(map[string]any)
	if object == nil {
		return nil, fmt.Errorf("%s %s: the document has no such method", method, best)
	}
	op := &operation{method: method, template: best, object: object, pointer: pointer + "/" + strings.ToLower(method), values: values}
	for _, level := range []struct {
		object  map[string]any
		pointer string
	}{{item, pointer}, {object, op.pointer}} {
		list, _ := level.object["parameters"].([]any)
		for i, entry := range list {
			resolved, at := d.resolve(entry, level.pointer+"/parameters/"+strconv.Itoa(i))
			op.params = append(op.params, parameter{resolved, at})
		}
	}
	return op, nil
}

// match compares a path with a template and returns the parameters and the
// number of literal segments.
func match(template, path string) (values map[string]string, literal int, ok bool) {
	wanted, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(wanted) != len(got) {
		return nil, 0, false
	}
	values = map[string]string{}
	for i := range wanted {
		if strings.HasPrefix(wanted[i], "{") && strings.HasSuffix(wanted[i], "}") {
			value, err := url.PathUnescape(got[i])
			if err != nil || value == "" {
				return nil, 0, false
			}
			values[strings.Trim(wanted[i], "{}")] = value
			continue
		}
		if wanted[i] != got[i] {
			return nil, 0, false
		}
		literal++
	}
	return values, literal, true
}

func (o *operation) checkPath(d *Doc) error {
	for _, p := range o.params {
		if p.object["in"] != "path" {
			continue
		}
		parameterName, _ := p.object["name"].(string)
		if err := o.checkValue(d, p, o.values[parameterName]); err != nil {
			return err
		}
	}
	return nil
}

func (o *operation) checkQuery(d *Doc, query string) error {
	given, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("%s: query %q: %w", o, query, err)
	}
	for _, p := range o.params {
		if p.object["in"] != "query" {
			continue
		}
		parameterName, _ := p.object["name"].(string)
		values, present := given[parameterName]
		delete(given, parameterName)
		if !present {
			if required, _ := p.object["required"].(bool); required {
				return fmt.Errorf("%s: query parameter %s is missing", o, parameterName)
			}
			continue
		}
		if err := o.checkValue(d, p, values...); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for left := range given {
		if !d.extra[o.String()+"?"+left] {
			return fmt.Errorf("%s: the document has no query parameter %s", o, left)
		}
	}
	return nil
}

// checkValue holds the texts of a parameter against its schema, read as the
// schema's type says.
func (o *operation) checkValue(d *Doc, p parameter, texts ...string) error {
	object, _ := d.resolve(p.object["schema"], p.pointer+"/schema")
	schema, err := d.schema(p.pointer + "/schema")
	if err != nil {
		return err
	}
	var value any
	if object["type"] == "array" {
		if explode, set := p.object["explode"].(bool); set && !explode && len(texts) == 1 {
			texts = strings.Split(texts[0], ",")
		}
		items, _ := d.resolve(object["items"], "")
		list := []any{}
		for _, text := range texts {
			list = append(list, typed(items, text))
		}
		value = list
	} else {
		if len(texts) != 1 {
			return fmt.Errorf("%s: parameter %v is given %d times", o, p.object["name"], len(texts))
		}
		value = typed(object, texts[0])
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%s: parameter %v: %w", o, p.object["name"], err)
	}
	return nil
}

// typed reads a text as the type a schema asks for. What cannot be read stays a
// text, and the schema refuses it.
func typed(schema map[string]any, text string) any {
	switch schema["type"] {
	case "integer":
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	case "number":
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}
