package strict

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/exatlas/atlas/core/spec"
)

var (
	rawType    = reflect.TypeFor[spec.Raw]()
	secretType = reflect.TypeFor[spec.Secret]()
)

// Plan decodes one type. It is built once and used from any goroutine.
type Plan struct {
	root node
}

// node decodes one kind of value.
type node struct {
	kind   reflect.Kind // Struct, String, Bool, Int, Float64, Slice, Map, Interface for Raw, Invalid for Secret
	typ    reflect.Type // type to allocate behind a pointer, or of the slice or map
	ptr    bool
	single bool
	enum   []string
	apart  map[string]string // what to do instead, by value that is none of enum and that people try
	min    *float64
	max    *float64
	minLen int
	maxLen int
	object bool // a Raw that must be an object
	time   bool // a string that must be an RFC 3339 time
	elem   *node
	fields []field
	names  []string

	elsewhere func(name string) string // of the root alone: see Plan.Elsewhere
}

type field struct {
	name     string
	index    []int
	required bool
	node     node
}

// Compile builds the plan of a struct type. It panics on a type that no
// document can fill, which is a mistake in the table of methods and shows in the
// first test.
func Compile(t reflect.Type) *Plan {
	if t.Kind() != reflect.Struct {
		panic("strict: " + t.String() + " is no struct")
	}
	root, known := roots.Load(t)
	if !known {
		root, _ = roots.LoadOrStore(t, build(t, ""))
	}
	return &Plan{root: root.(node)}
}

// roots keeps the node of each type, which nobody changes: every client of a process
// has the same methods, and the plans of their parameters are most of what opening one
// takes. What is set of a plan is set of its copy of the node.
var roots sync.Map

// Has reports whether documents of this plan have a field of that name.
func (p *Plan) Has(name string) bool { return slices.Contains(p.root.names, name) }

// Elsewhere sets whom to ask about an unknown field: hint answers what the caller
// most likely meant to do with it, or "". It is asked before near names are looked
// for, and set before the plan is used.
func (p *Plan) Elsewhere(hint func(name string) string) { p.root.elsewhere = hint }

func build(t reflect.Type, tag reflect.StructTag) node {
	n := node{typ: t}
	if t.Kind() == reflect.Pointer {
		n.ptr, n.typ = true, t.Elem()
		t = n.typ
	}
	n.single = tag.Get("single") == "true"
	n.min, n.max = bound(tag.Get("min")), bound(tag.Get("max"))
	n.minLen, _ = strconv.Atoi(tag.Get("minlen"))
	n.maxLen, _ = strconv.Atoi(tag.Get("maxlen"))
	n.object, n.time = tag.Get("type") == "object", tag.Get("format") == "date-time"
	enum := tag.Get("enum")
	switch {
	case t == rawType:
		n.kind = reflect.Interface
	case t == secretType:
		n.kind = reflect.Invalid
	case t.Kind() == reflect.Struct:
		n.kind = reflect.Struct
		n.fields = structFields(t, nil)
		for _, f := range n.fields {
			n.names = append(n.names, f.name)
		}
		if len(n.fields) > 64 {
			panic("strict: " + t.String() + " has more than 64 fields")
		}
	case t.Kind() == reflect.String:
		n.kind = reflect.String
		if enum != "" {
			n.enum = strings.Split(enum, ",")
		}
		if value, remedy, given := strings.Cut(tag.Get("apart"), "="); given {
			n.apart = map[string]string{value: remedy}
		}
	case t.Kind() == reflect.Bool:
		n.kind = reflect.Bool
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		n.kind = reflect.Int
	case t.Kind() == reflect.Float64:
		n.kind = reflect.Float64
	case t.Kind() == reflect.Slice:
		elem := build(t.Elem(), reflect.StructTag(`enum:"`+enum+`"`))
		n.kind, n.elem = reflect.Slice, &elem
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		elem := build(t.Elem(), "")
		n.kind, n.elem = reflect.Map, &elem
	default:
		panic("strict: no document fills a " + t.String())
	}
	return n
}

func structFields(t reflect.Type, prefix []int) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), prefix...), i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
			continue
		case f.Anonymous && name == "":
			out = append(out, structFields(f.Type, index)...)
			continue
		case name == "":
			name = f.Name
		}
		out = append(out, field{name: name, index: index, required: f.Tag.Get("required") == "true", node: build(f.Type, f.Tag)})
	}
	return out
}

func bound(text string) *float64 {
	if text == "" {
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic("strict: bound " + text + " is no number")
	}
	return &v
}
