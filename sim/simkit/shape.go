package simkit

import (
	"fmt"
	"sort"
	"strings"

	"github.com/valyala/fastjson"
)

// Shape is what a value of a request body must look like; as much of JSON
// Schema as the contracts use.
type Shape struct {
	Kind     string // string, integer, number, boolean, object, array, any
	Nullable bool
	Min, Max float64 // of numbers; Max 0: none
	MinLen   int
	Enum     []string
	Match    func(string) bool
	Fields   map[string]*Shape
	Required []string
	Open     *Shape // additional properties; nil: none allowed
	Items    *Shape
	MinItems int
	MaxItems int
	Also     func(v *fastjson.Value, path string, errs *[]string)
}

// Check appends what is wrong with a value, in the words of a JSON Schema
// validator.
func (s *Shape) Check(v *fastjson.Value, path string, errs *[]string) {
	if v.Type() == fastjson.TypeNull && s.Nullable {
		return
	}
	if s.Kind == "any" {
		return
	}
	if got := kindOf(v, s.Kind); got != s.Kind {
		*errs = append(*errs, fmt.Sprintf("%s: got %s, want %s", path, got, s.Kind))
		return
	}
	switch s.Kind {
	case "string":
		s.checkString(string(v.GetStringBytes()), path, errs)
	case "integer", "number":
		n := v.GetFloat64()
		if n < s.Min {
			*errs = append(*errs, fmt.Sprintf("%s: minimum: got %v, want %v", path, n, s.Min))
		}
		if s.Max > 0 && n > s.Max {
			*errs = append(*errs, fmt.Sprintf("%s: maximum: got %v, want %v", path, n, s.Max))
		}
	case "array":
		list := v.GetArray()
		if s.MaxItems > 0 && len(list) > s.MaxItems {
			*errs = append(*errs, fmt.Sprintf("%s: maxItems: got %d, want %d", path, len(list), s.MaxItems))
		}
		if len(list) < s.MinItems {
			*errs = append(*errs, fmt.Sprintf("%s: minItems: got %d, want %d", path, len(list), s.MinItems))
		}
		for i, item := range list {
			s.Items.Check(item, fmt.Sprintf("%s[%d]", path, i), errs)
		}
	case "object":
		s.checkObject(v, path, errs)
	}
	if s.Also != nil {
		s.Also(v, path, errs)
	}
}

func (s *Shape) checkString(text, path string, errs *[]string) {
	if len(text) < s.MinLen {
		*errs = append(*errs, fmt.Sprintf("%s: minLength: got %d, want %d", path, len(text), s.MinLen))
	}
	if s.Match != nil && !s.Match(text) {
		*errs = append(*errs, fmt.Sprintf("%s: '%s' does not match pattern", path, text))
	}
	if len(s.Enum) > 0 {
		for _, known := range s.Enum {
			if text == known {
				return
			}
		}
		*errs = append(*errs, fmt.Sprintf("%s: value must be one of '%s'", path, strings.Join(s.Enum, "', '")))
	}
}

func (s *Shape) checkObject(v *fastjson.Value, path string, errs *[]string) {
	var unknown, missing []string
	v.GetObject().Visit(func(key []byte, field *fastjson.Value) {
		name := string(key)
		inner := s.Fields[name]
		if inner == nil {
			inner = s.Open
		}
		if inner == nil {
			unknown = append(unknown, "'"+name+"'")
			return
		}
		inner.Check(field, path+"."+name, errs)
	})
	for _, name := range s.Required {
		if !v.Exists(name) {
			missing = append(missing, "'"+name+"'")
		}
	}
	if len(unknown) > 0 {
		sort.Strings(unknown)
		*errs = append(*errs, path+": additional properties "+strings.Join(unknown, ", ")+" not allowed")
	}
	if len(missing) == 1 {
		*errs = append(*errs, path+": missing property "+missing[0])
	} else if len(missing) > 1 {
		*errs = append(*errs, path+": missing properties "+strings.Join(missing, ", "))
	}
}

// kindOf names a value's type; a number without a fraction is an integer where
// one is wanted.
func kindOf(v *fastjson.Value, want string) string {
	switch v.Type() {
	case fastjson.TypeObject:
		return "object"
	case fastjson.TypeArray:
		return "array"
	case fastjson.TypeString:
		return "string"
	case fastjson.TypeTrue, fastjson.TypeFalse:
		return "boolean"
	case fastjson.TypeNull:
		return "null"
	}
	if f := v.GetFloat64(); want == "integer" && f == float64(int64(f)) {
		return "integer"
	}
	return "number"
}

// Texts copies an array of strings; nil where there is none.
func Texts(v *fastjson.Value, keys ...string) []string {
	list := v.GetArray(keys...)
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = string(item.GetStringBytes())
	}
	return out
}

// Text copies a string.
func Text(v *fastjson.Value, keys ...string) string { return string(v.GetStringBytes(keys...)) }
