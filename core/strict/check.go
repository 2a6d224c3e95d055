package strict

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// Check holds a filled struct to the rules of its tags, for callers that have
// one instead of a document. A zero value counts as absent, as it does for
// whoever uses the struct. value is a pointer to a struct of the plan's type.
func (p *Plan) Check(value any, subject string) *spec.Error {
	f := check(&p.root, reflect.ValueOf(value).Elem())
	if f == nil {
		return nil
	}
	if f.path != "" {
		subject += "." + f.path
	}
	return &spec.Error{Kind: spec.KindValidation, Message: subject + ": " + f.message, Hint: f.hint}
}

func check(n *node, v reflect.Value) *fault {
	if n.ptr {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch n.kind {
	case reflect.Struct:
		for i := range n.fields {
			field := &n.fields[i]
			at := v.FieldByIndex(field.index)
			if at.IsZero() {
				if field.required {
					return &fault{path: field.name, message: "missing; it is required", hint: "give " + field.name + ", " + expected(&field.node)}
				}
				continue
			}
			if f := check(&field.node, at); f != nil {
				return f.under(field.name)
			}
		}
	case reflect.String:
		return checkText(n, v.String())
	case reflect.Int:
		return n.within(float64(v.Int()))
	case reflect.Float64:
		if x := v.Float(); math.IsNaN(x) || math.IsInf(x, 0) {
			return &fault{message: "expected a finite number"}
		}
		return n.within(v.Float())
	case reflect.Interface:
		s := scanner{data: v.Bytes()}
		if n.object && s.peek() != '{' {
			return &fault{message: "expected an object"}
		}
		if _, f := s.skip(); f != nil {
			return &fault{message: f.message}
		}
		if s.peek(); s.pos < len(s.data) {
			return &fault{message: s.broken("the end").message}
		}
	case reflect.Slice:
		if f := n.room(v.Len()); f != nil {
			return f
		}
		for i := range v.Len() {
			if f := check(n.elem, v.Index(i)); f != nil {
				return f.under("[" + strconv.Itoa(i) + "]")
			}
		}
	case reflect.Map:
		return checkMap(n, v)
	}
	return nil
}

// checkMap holds the values of a map to their rules, in the order of their names so
// that of several mistakes the same one is told each time.
func checkMap(n *node, v reflect.Value) *fault {
	names := v.MapKeys()
	slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, name := range names {
		if f := check(n.elem, v.MapIndex(name)); f != nil {
			return f.under(clip(name.String()))
		}
	}
	return nil
}

// checkText holds a string to its tags.
func checkText(n *node, text string) *fault {
	if n.enum != nil {
		for _, allowed := range n.enum {
			if allowed == text {
				return nil
			}
		}
		hint := "use one of " + strings.Join(n.enum, ", ")
		if near := Nearest(text, n.enum); near != "" {
			hint = "did you mean " + near + "? It is one of " + strings.Join(n.enum, ", ")
		}
		if remedy := n.apart[text]; remedy != "" {
			hint = remedy
		}
		return &fault{message: "not one of " + strings.Join(n.enum, ", "), hint: hint}
	}
	switch {
	case len(text) < n.minLen:
		return &fault{message: "must not be empty"}
	case n.maxLen > 0 && len(text) > n.maxLen:
		return &fault{message: "longer than " + strconv.Itoa(n.maxLen) + " bytes"}
	case n.time && len(text) > 0:
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return &fault{message: "not an RFC 3339 time", hint: "write it like 2026-06-01T12:00:00Z"}
		}
	}
	return nil
}

// room refuses a list of more items than it may hold.
func (n *node) room(items int) *fault {
	if n.maxLen > 0 && items > n.maxLen {
		return &fault{message: "more than " + strconv.Itoa(n.maxLen) + " items"}
	}
	return nil
}

// within holds a number to its bounds.
func (n *node) within(value float64) *fault {
	switch {
	case n.min != nil && value < *n.min:
		return &fault{message: "must be at least " + number(*n.min)}
	case n.max != nil && value > *n.max:
		return &fault{message: "must be at most " + number(*n.max)}
	}
	return nil
}
