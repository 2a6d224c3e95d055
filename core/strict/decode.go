package strict

import (
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// fault is a mistake on its way up; each level adds its part of the path.
type fault struct {
	path    string
	message string
	hint    string
	syntax  bool
}

func (f *fault) under(part string) *fault {
	if !f.syntax {
		switch {
		case f.path == "" || f.path[0] == '[':
			f.path = part + f.path
		default:
			f.path = part + "." + f.path
		}
	}
	return f
}

// Decode fills the struct into points to from the document. subject names the
// document in errors, such as "params". No text of the document is kept by
// reference.
func (p *Plan) Decode(data []byte, into any, subject string) *spec.Error {
	s := scanner{data: data}
	v := reflect.ValueOf(into).Elem()
	f := s.decode(&p.root, v)
	if f == nil && s.peek() != 0 {
		f = s.broken("the end")
	}
	if f == nil && s.pos < len(s.data) {
		f = s.broken("the end")
	}
	if f == nil {
		return nil
	}
	text := subject
	if f.path != "" {
		if f.path[0] != '[' {
			text += "."
		}
		text += f.path
	}
	if f.syntax {
		f.hint = "send one JSON object"
	}
	return &spec.Error{Kind: spec.KindValidation, Message: text + ": " + f.message, Hint: f.hint}
}

func (s *scanner) decode(n *node, v reflect.Value) *fault {
	c := s.peek()
	if c == 'n' && (n.kind != reflect.Interface || n.object) {
		return s.wrong(n)
	}
	if n.ptr {
		fresh := reflect.New(n.typ)
		v.Set(fresh)
		v = fresh.Elem()
	}
	switch n.kind {
	case reflect.Struct:
		if c != '{' {
			return s.wrong(n)
		}
		return s.object(n, v)
	case reflect.Interface:
		if n.object && c != '{' {
			return s.wrong(n)
		}
		raw, f := s.skip()
		if f == nil {
			v.SetBytes(append([]byte(nil), raw...))
		}
		return f
	case reflect.Invalid, reflect.String:
		if c != '"' {
			return s.wrong(n)
		}
		return s.str(n, v)
	case reflect.Bool:
		if c != 't' && c != 'f' {
			return s.wrong(n)
		}
		v.SetBool(c == 't')
		return s.word(strconv.FormatBool(c == 't'))
	case reflect.Int, reflect.Float64:
		if c != '-' && (c < '0' || c > '9') {
			return s.wrong(n)
		}
		return s.num(n, v)
	case reflect.Slice:
		return s.list(n, v)
	}
	if c != '{' {
		return s.wrong(n)
	}
	v.Set(reflect.MakeMap(n.typ))
	return s.each(true, func(key []byte) *fault {
		name := string(key)
		at := reflect.ValueOf(name).Convert(n.typ.Key())
		if v.MapIndex(at).IsValid() {
			return &fault{path: clip(name), message: "given twice"}
		}
		item := reflect.New(n.typ.Elem()).Elem()
		if f := s.decode(n.elem, item); f != nil {
			return f.under(clip(name))
		}
		v.SetMapIndex(at, item)
		return nil
	})
}

func (s *scanner) object(n *node, v reflect.Value) *fault {
	var seen, filled uint64 // by field; one that is null is seen and not filled
	f := s.each(true, func(key []byte) *fault {
		at := -1
		for i := range n.fields {
			if n.fields[i].name == string(key) {
				at = i
				break
			}
		}
		if at < 0 {
			return unknownField(string(key), n)
		}
		field := &n.fields[at]
		if seen&(1<<at) != 0 {
			return &fault{path: field.name, message: "given twice"}
		}
		seen |= 1 << at
		if s.peek() == 'n' && (field.node.kind != reflect.Interface || field.node.object) { // null stands for absent
			return s.word("null")
		}
		filled |= 1 << at
		if f := s.decode(&field.node, v.FieldByIndex(field.index)); f != nil {
			return f.under(field.name)
		}
		return nil
	})
	if f != nil {
		return f
	}
	for i := range n.fields {
		if n.fields[i].required && filled&(1<<i) == 0 {
			return &fault{path: n.fields[i].name, message: "missing; it is required", hint: "give " + n.fields[i].name + ", " + expected(&n.fields[i].node)}
		}
	}
	return nil
}

func (s *scanner) str(n *node, v reflect.Value) *fault {
	text, f := s.text()
	if f != nil {
		return f
	}
	if n.kind == reflect.Invalid {
		v.Set(reflect.ValueOf(spec.NewSecret(string(text))))
		return nil
	}
	value := string(text)
	if f := checkText(n, value); f != nil {
		return f
	}
	v.SetString(value)
	return nil
}

func (s *scanner) num(n *node, v reflect.Value) *fault {
	text, f := s.number()
	if f != nil {
		return f
	}
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return &fault{message: "the number is out of range"}
	}
	if n.kind == reflect.Float64 {
		v.SetFloat(value)
	} else {
		whole, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			if value != math.Trunc(value) || math.Abs(value) > 1<<53 {
				return &fault{message: "expected a whole number, got a fraction or one out of range"}
			}
			whole = int64(value)
		}
		v.SetInt(whole)
	}
	return n.within(value)
}

func (s *scanner) list(n *node, v reflect.Value) *fault {
	if s.peek() != '[' {
		if !n.single {
			return s.wrong(n)
		}
		item := reflect.New(n.typ.Elem()).Elem()
		if f := s.decode(n.elem, item); f != nil {
			if f.path == "" && strings.HasPrefix(f.message, "expected") {
				return &fault{message: "expected " + expected(n) + f.message[strings.LastIndex(f.message, ", got"):]}
			}
			return f
		}
		v.Set(reflect.Append(reflect.MakeSlice(n.typ, 0, 1), item))
		return nil
	}
	out := reflect.MakeSlice(n.typ, 0, 4)
	f := s.each(false, func([]byte) *fault {
		if f := n.room(out.Len() + 1); f != nil {
			return f
		}
		item := reflect.New(n.typ.Elem()).Elem()
		if f := s.decode(n.elem, item); f != nil {
			return f.under("[" + strconv.Itoa(out.Len()) + "]")
		}
		out = reflect.Append(out, item)
		return nil
	})
	if f == nil {
		v.Set(out)
	}
	return f
}

func (s *scanner) wrong(n *node) *fault {
	given := s.jsonType()
	if _, f := s.skip(); f != nil {
		return f
	}
	return &fault{message: "expected " + expected(n) + ", got " + given}
}

func expected(n *node) string {
	text := map[reflect.Kind]string{reflect.Struct: "an object", reflect.String: "a string", reflect.Invalid: "a string",
		reflect.Bool: "a boolean", reflect.Int: "a whole number", reflect.Float64: "a number", reflect.Slice: "an array",
		reflect.Map: "an object", reflect.Interface: "a JSON value"}[n.kind]
	if n.object {
		text = "an object"
	}
	if n.kind == reflect.Slice && n.single {
		text = expected(n.elem) + " or an array"
	}
	return text
}

func unknownField(name string, n *node) *fault {
	f := &fault{path: clip(name), message: "unknown field"}
	if n.elsewhere != nil {
		f.hint = n.elsewhere(name)
	}
	switch near := Nearest(name, n.names); {
	case f.hint != "":
	case near != "":
		f.hint = "did you mean " + near + "?"
	case len(n.names) == 0:
		f.hint = "there are no fields here"
	default:
		f.hint = "the fields here are: " + strings.Join(n.names, ", ")
	}
	return f
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// clip keeps a name of the caller's short enough for an error text.
func clip(name string) string {
	if len(name) > 64 {
		return strings.ToValidUTF8(name[:64], "") + "..."
	}
	return name
}
