package runpod

import (
	"fmt"
	"sort"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"
)

// bodyLimit is what the management API takes as a body, bytes.
const bodyLimit = 102400

// shape is what a value of a request body must look like; as much of JSON
// Schema as the contract uses.
type shape struct {
	kind     string // string, integer, number, boolean, object, array
	nullable bool
	min, max float64 // of numbers; max 0: none
	minLen   int
	enum     []string
	match    func(string) bool
	fields   map[string]*shape
	required []string
	open     *shape // additional properties; nil: none allowed
	items    *shape
	minItems int
	maxItems int
	also     func(v *fastjson.Value, path string, errs *[]string)
}

func (s *shape) check(v *fastjson.Value, path string, errs *[]string) {
	if v.Type() == fastjson.TypeNull && s.nullable {
		return
	}
	if got := kindOf(v, s.kind); got != s.kind {
		*errs = append(*errs, fmt.Sprintf("%s: got %s, want %s", path, got, s.kind))
		return
	}
	switch s.kind {
	case "string":
		s.checkString(string(v.GetStringBytes()), path, errs)
	case "integer", "number":
		n := v.GetFloat64()
		if n < s.min {
			*errs = append(*errs, fmt.Sprintf("%s: minimum: got %v, want %v", path, n, s.min))
		}
		if s.max > 0 && n > s.max {
			*errs = append(*errs, fmt.Sprintf("%s: maximum: got %v, want %v", path, n, s.max))
		}
	case "array":
		list := v.GetArray()
		if s.maxItems > 0 && len(list) > s.maxItems {
			*errs = append(*errs, fmt.Sprintf("%s: maxItems: got %d, want %d", path, len(list), s.maxItems))
		}
		if len(list) < s.minItems {
			*errs = append(*errs, fmt.Sprintf("%s: minItems: got %d, want %d", path, len(list), s.minItems))
		}
		for i, item := range list {
			s.items.check(item, fmt.Sprintf("%s[%d]", path, i), errs)
		}
	case "object":
		s.checkObject(v, path, errs)
	}
	if s.also != nil {
		s.also(v, path, errs)
	}
}

func (s *shape) checkString(text, path string, errs *[]string) {
	if len(text) < s.minLen {
		*errs = append(*errs, fmt.Sprintf("%s: minLength: got %d, want %d", path, len(text), s.minLen))
	}
	if s.match != nil && !s.match(text) {
		*errs = append(*errs, fmt.Sprintf("%s: '%s' does not match pattern", path, text))
	}
	if len(s.enum) > 0 {
		for _, known := range s.enum {
			if text == known {
				return
			}
		}
		*errs = append(*errs, fmt.Sprintf("%s: value must be one of '%s'", path, strings.Join(s.enum, "', '")))
	}
}

func (s *shape) checkObject(v *fastjson.Value, path string, errs *[]string) {
	var unknown, missing []string
	v.GetObject().Visit(func(key []byte, field *fastjson.Value) {
		name := string(key)
		inner := s.fields[name]
		if inner == nil {
			inner = s.open
		}
		if inner == nil {
			unknown = append(unknown, "'"+name+"'")
			return
		}
		inner.check(field, path+"."+name, errs)
	})
	for _, name := range s.required {
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

// body parses and checks a request body, or answers the error. The caller
// returns the parser when it is done with the value.
func (c *Cloud) body(ctx *fasthttp.RequestCtx, s *shape) (*fastjson.Value, *fastjson.Parser) {
	text := ctx.PostBody()
	if len(text) > bodyLimit {
		problem(ctx, 413, fmt.Sprintf("request body exceeds %d bytes", bodyLimit))
		return nil, nil
	}
	p := c.parsers.Get()
	v, err := p.ParseBytes(text)
	if err != nil {
		c.parsers.Put(p)
		problem(ctx, 400, "request body could not be parsed as JSON")
		return nil, nil
	}
	var errs []string
	s.check(v, "$", &errs)
	if len(errs) > 0 {
		c.parsers.Put(p)
		invalid(ctx, errs...)
		return nil, nil
	}
	return v, p
}

// strings of an array, as copies.
func stringsOf(v *fastjson.Value, keys ...string) []string {
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

// textOf returns a copy of a string field.
func textOf(v *fastjson.Value, keys ...string) string { return string(v.GetStringBytes(keys...)) }
