package conformance

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// mutant is a body that differs from a good one in one thing.
type mutant struct {
	what string
	body string
	same bool // the plugin must answer as if nothing was different
}

// most bounds the fields of one body that are changed.
const most = 100

// mutants are the ways in which an answer may differ from the expected one.
func mutants(body string) []mutant {
	out := []mutant{
		{what: "an empty body", body: ""}, {what: "a page of HTML", body: "<html><body><h1>502 Bad Gateway</h1></body></html>"}, {what: "null", body: "null"},
		{what: "an empty object", body: "{}"}, {what: "an empty list", body: "[]"}, {what: "a string", body: `"ok"`}, {what: "a number", body: "17"},
		{what: "bytes that are no UTF-8", body: "{\"id\":\"\xff\xfe\"}"}, {what: "deep nesting", body: strings.Repeat("[", 20000) + strings.Repeat("]", 20000)},
		{what: "a huge number", body: `{"id":1e999999,"items":[1e400]}`},
	}
	if len(body) > 1 {
		out = append(out, mutant{what: "half of it", body: body[:len(body)/2]}, mutant{what: "all but the last byte", body: body[:len(body)-1]})
	}
	var tree any
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&tree) != nil {
		return out
	}
	out = append(out, mutant{what: "white space around it", body: " \r\n\t" + body + "\n ", same: true})
	places := 0
	walk(tree, "", func(path string, set func(any), remove func()) {
		if places++; places > most {
			return
		}
		add := func(what string, value any, same bool) {
			set(value)
			text, err := json.Marshal(tree)
			if err == nil {
				out = append(out, mutant{what: path + " " + what, body: string(text), same: same})
			}
		}
		for what, value := range map[string]any{"is null": nil, "is a string": "odd", "is an empty string": "", "is a number": json.Number("17"), "is a negative number": json.Number("-1.5"),
			"is a huge number": json.Number("1e30"), "is true": true, "is an empty object": map[string]any{}, "is an empty list": []any{}, "is a list of one null": []any{nil}} {
			add(what, value, false)
		}
		if remove != nil {
			remove()
			if text, err := json.Marshal(tree); err == nil {
				out = append(out, mutant{what: path + " is missing", body: string(text)})
			}
		}
	})
	extend(tree)
	if text, err := json.Marshal(tree); err == nil {
		out = append(out, mutant{what: "fields that nobody knows", body: string(text), same: true})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].what < out[j].what })
	return out
}

// walk visits every field, and the first element of every list. Whatever visit
// does to a place is undone after it.
func walk(node any, path string, visit func(path string, set func(any), remove func())) {
	switch n := node.(type) {
	case map[string]any:
		names := make([]string, 0, len(n))
		for name := range n {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			kept := n[name]
			visit(path+"."+name, func(v any) { n[name] = v }, func() { delete(n, name) })
			n[name] = kept
			walk(kept, path+"."+name, visit)
		}
	case []any:
		if len(n) > 0 {
			kept := n[0]
			visit(path+"[0]", func(v any) { n[0] = v }, nil)
			n[0] = kept
			walk(kept, path+"[0]", visit)
		}
	}
}

// extend adds fields that no version of the API has, to every object that has some.
func extend(node any) {
	switch n := node.(type) {
	case map[string]any:
		for _, child := range n {
			extend(child)
		}
		if _, named := n["id"]; named { // objects without are often maps, whose keys mean something
			n["zz_new_field"] = map[string]any{"a": []any{json.Number("1"), "x"}}
		}
	case []any:
		for _, child := range n {
			extend(child)
		}
	}
}

func place(k int, e Exchange) string { return fmt.Sprintf("request %d (%s)", k+1, e.Method) }
