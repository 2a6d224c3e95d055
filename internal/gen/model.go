package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/dispatch"
	"github.com/exatlas/atlas/core/spec"
)

// model is the table of methods in the words of the generated files.
type model struct {
	methods []method
	types   []*object          // in the order of first use
	byType  map[string]*object // by name
}

type method struct {
	*dispatch.Method
	params *object
	result *object
}

// kindsOf lists kinds of errors for people.
func kindsOf(kinds []spec.Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}

// object is one JSON object type.
type object struct {
	name   string
	doc    string
	input  bool // callers send it: unknown fields are refused
	fields []field
}

type field struct {
	name       string
	doc        string
	required   bool
	value      value
	deflt      string
	min, max   string
	minLen     string
	maxLen     string
	format     string
	openObject bool
}

// isList tells whether maxLen counts items.
func (f *field) isList() bool { return f.value.kind == "array" || f.value.kind == "one-or-many" }

// value is a JSON type.
type value struct {
	kind   string // string integer number boolean array map object any one-or-many
	ref    *object
	elem   *value
	enum   []string
	secret bool
}

func newModel() *model {
	m := &model{byType: map[string]*object{}}
	for _, row := range dispatch.Methods(&dispatch.Services{}).Methods() {
		m.methods = append(m.methods, method{Method: row,
			params: m.object(row.Params, paramsName(row.Name), true, "The params of "+row.Name+"."),
			result: m.object(row.Result, "", false, "")})
	}
	m.object(reflect.TypeFor[dispatch.Request](), "Request", true, "The envelope of a request.")
	m.object(reflect.TypeFor[dispatch.EventItem](), "EventItem", false, "An event, as atlas_next hands it out.")
	m.object(reflect.TypeFor[spec.Error](), "", false, "An error.")
	m.object(reflect.TypeFor[atlas.Settings](), "ClientConfig", true, "The configuration of a client: the document of atlas_open.")
	return m
}

// names maps Go names to those of the generated types where they differ.
func names() map[string]string {
	return map[string]string{"Error": "ErrorDocument", "Info": "AtlasInfo", "Valid": "TokenValidity", "Token": "MintedToken", "API": "ProviderAPI",
		"Entry": "CanonicalGPU", "Attempt": "SpawnAttempt", "CPU": "CPURequest", "SSH": "SSHAccess", "Auth": "ComputeAuth", "App": "FlyApp", "Broken": "FlyBroken", "Line": "FlyLogLine", "Capabilities": "ProviderCapabilities"}
}

func paramsName(methodName string) string {
	var out strings.Builder
	for _, word := range strings.FieldsFunc(methodName, func(r rune) bool { return r == '.' || r == '_' }) {
		switch word {
		case "gpus":
			word = "GPUs"
		case "url":
			word = "URL"
		default:
			word = strings.ToUpper(word[:1]) + word[1:]
		}
		out.WriteString(word)
	}
	return out.String() + "Params"
}

func (m *model) object(t reflect.Type, name string, input bool, doc string) *object {
	if name == "" {
		name = t.Name()
		if other, ok := names()[name]; ok {
			name = other
		}
	}
	if known := m.byType[name]; known != nil {
		return known
	}
	o := &object{name: name, input: input, doc: doc}
	m.byType[name] = o
	o.fields = m.fields(t, input)
	m.types = append(m.types, o)
	return o
}

func (m *model) fields(t reflect.Type, input bool) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if f.Anonymous && name == "" {
			out = append(out, m.fields(f.Type, input)...)
			continue
		}
		required := f.Tag.Get("required") == "true"
		if !input {
			required = !strings.Contains(options, "omit")
		}
		out = append(out, field{name: name, doc: f.Tag.Get("doc"), required: required, value: m.value(f.Type, f.Tag, input),
			deflt: f.Tag.Get("default"), min: f.Tag.Get("min"), max: f.Tag.Get("max"), minLen: f.Tag.Get("minlen"), maxLen: f.Tag.Get("maxlen"),
			format: f.Tag.Get("format"), openObject: f.Tag.Get("type") == "object"})
	}
	return out
}

func (m *model) value(t reflect.Type, tag reflect.StructTag, input bool) value {
	var enum []string
	if text := tag.Get("enum"); text != "" {
		enum = strings.Split(text, ",")
	}
	switch {
	case t == reflect.TypeFor[spec.Raw]():
		return value{kind: "any"}
	case t == reflect.TypeFor[spec.Secret]():
		return value{kind: "string", secret: true}
	case t == reflect.TypeFor[spec.Kind]():
		for _, k := range spec.Kinds() {
			enum = append(enum, string(k))
		}
		return value{kind: "string", enum: enum}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.value(t.Elem(), tag, input)
	case reflect.String:
		return value{kind: "string", enum: enum}
	case reflect.Bool:
		return value{kind: "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return value{kind: "integer"}
	case reflect.Float64:
		return value{kind: "number"}
	case reflect.Slice:
		elem := m.value(t.Elem(), reflect.StructTag(`enum:"`+strings.Join(enum, ",")+`"`), input)
		if tag.Get("single") == "true" {
			return value{kind: "one-or-many", elem: &elem}
		}
		return value{kind: "array", elem: &elem}
	case reflect.Map:
		elem := m.value(t.Elem(), "", input)
		return value{kind: "map", elem: &elem}
	case reflect.Struct:
		return value{kind: "object", ref: m.object(t, "", input, "")}
	}
	panic(fmt.Sprint("gen: no JSON type for ", t))
}

// text names a type for people.
func (v value) text() string {
	switch v.kind {
	case "one-or-many":
		if v.elem.enum != nil {
			return v.elem.text() + " or an array of these"
		}
		return v.elem.text() + " or array of " + v.elem.text() + "s"
	case "array":
		return "array of " + v.elem.text()
	case "map":
		return "object of " + v.elem.text()
	case "object":
		return "[" + v.ref.name + "](#" + strings.ToLower(v.ref.name) + ")"
	case "any":
		return "any JSON"
	}
	if v.secret {
		return "string, secret"
	}
	if len(v.enum) > 8 {
		return v.kind
	}
	if v.enum != nil {
		return "`" + strings.Join(v.enum, "` `") + "`"
	}
	return v.kind
}
