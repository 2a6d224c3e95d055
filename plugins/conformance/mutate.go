package conformance

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// The sizes of what is changed.
const (
	mostMutations = 400 // of one answer
	firstElements = 2   // of an array
	hugeBytes     = 1 << 20
	deep          = 20000
)

// unknownWord is what no cloud says.
const unknownWord = "conformance-unknown"

// mutation is one change of an answer's JSON.
type mutation struct {
	name string
	text string
	same bool // whether a right plugin gives the unchanged result
}

// mutations changes a JSON text in every systematic way: each member dropped,
// nulled, of another type, empty, absurd; each array empty or with strange
// elements; each object with a member more. A text that is no object or array
// has none.
func mutations(text string) []mutation {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var root any
	if d.Decode(&root) != nil {
		return nil
	}
	m := &mutator{root: root}
	m.walk(root, "$", func(v any) { m.root = v }, nil)
	return m.list
}

// mutator walks over a JSON tree. set replaces the value it stands at, drop
// takes it out of its object.
type mutator struct {
	root any
	list []mutation
}

func (m *mutator) add(name string, same bool) {
	if len(m.list) >= mostMutations {
		return
	}
	text, err := json.Marshal(m.root)
	if err == nil {
		m.list = append(m.list, mutation{name, string(text), same})
	}
}

// with notes the tree with a value replaced, which is another answer then, and puts
// the old one back.
func (m *mutator) with(name string, old, instead any, set func(any)) {
	set(instead)
	m.add(name, false)
	set(old)
}

func (m *mutator) walk(v any, path string, set func(any), drop func()) {
	if drop != nil {
		drop()
		m.add(path+" missing", false)
		set(v)
		m.with(path+" null", v, nil, set)
	}
	switch v := v.(type) {
	case map[string]any:
		m.with(path+" is a text", v, "conformance", set)
		m.with(path+" is an array", v, []any{}, set)
		m.with(path+" is empty", v, map[string]any{}, set)
		v["conformance_extra"] = map[string]any{"a": []any{json.Number("1"), "x", nil, true}}
		m.add(path+" has a member more", true)
		delete(v, "conformance_extra")
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for _, key := range keys {
			m.walk(v[key], path+"."+key, func(x any) { v[key] = x }, func() { delete(v, key) })
		}
	case []any:
		m.with(path+" is empty", v, []any{}, set)
		m.with(path+" is an object", v, map[string]any{}, set)
		m.with(path+" is a number", v, json.Number("3"), set)
		m.with(path+" has strange elements", v, append(append([]any{}, v...), nil, json.Number("7"), "x", []any{}, map[string]any{}), set)
		for i := range min(len(v), firstElements) {
			m.walk(v[i], fmt.Sprintf("%s[%d]", path, i), func(x any) { v[i] = x }, nil)
		}
	case string:
		m.with(path+" is empty", v, "", set)
		m.with(path+" is an unknown word", v, unknownWord, set)
		m.with(path+" is a number", v, json.Number("7"), set)
		m.with(path+" is an object", v, map[string]any{"a": "b"}, set)
		m.with(path+" is long and strange", v, strings.Repeat("é\u2028\"\\\x00\U0001F600", 500), set)
	case json.Number:
		m.with(path+" is negative", v, json.Number("-1"), set)
		m.with(path+" is huge", v, json.Number("1e300"), set)
		m.with(path+" is a fraction", v, json.Number("0.5"), set)
		m.with(path+" is beyond 64 bits", v, json.Number("123456789012345678901234567890"), set)
		m.with(path+" is a text", v, "seven", set)
		m.with(path+" is an array", v, []any{}, set)
	case bool:
		m.with(path+" is the opposite", v, !v, set)
		m.with(path+" is a text", v, "yes", set)
		m.with(path+" is a number", v, json.Number("2"), set)
	}
}

// rubbish are bodies that no API means to send.
func rubbish(text string) []mutation {
	list := []mutation{
		{name: "an empty body"},
		{name: "spaces", text: " \n "},
		{name: "null", text: "null"},
		{name: "an empty object", text: "{}"},
		{name: "an empty array", text: "[]"},
		{name: "a text", text: `"conformance"`},
		{name: "a number", text: "12"},
		{name: "true", text: "true"},
		{name: "an HTML page", text: "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"},
		{name: "plain text", text: "upstream connect error or disconnect/reset before headers"},
		{name: "deep nesting of arrays", text: strings.Repeat("[", deep)},
		{name: "deep nesting of objects", text: strings.Repeat(`{"a":`, deep) + "1" + strings.Repeat("}", deep)},
		{name: "bytes that are no UTF-8", text: "{\"id\":\"\xff\xfe\x80\"}"},
		{name: "a stray escape", text: `{"id":"\ud800\q"}`},
		{name: "an open string", text: `{"id":"abc`},
		{name: "members twice", text: `{"id":"a","id":{},"id":[1]}`},
		{name: "a number without end", text: `{"id":` + strings.Repeat("9", 5000) + `}`},
	}
	if n := len(text); n > 8 {
		for _, at := range []int{1, n / 4, n / 2, n * 3 / 4, n - 1} {
			list = append(list, mutation{name: fmt.Sprintf("cut after %d of %d bytes", at, n), text: text[:at]})
		}
		list = append(list, mutation{name: "twice in a row", text: text + text})
		if text[0] == '{' {
			list = append(list, mutation{name: "1 MiB more in an unknown member", same: true,
				text: `{"conformance_extra":"` + strings.Repeat("x", hugeBytes) + `",` + text[1:]})
		}
	}
	return list
}
