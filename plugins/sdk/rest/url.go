package rest

import (
	"strconv"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// Escape percent-encodes text for one path segment or one query value: all but
// letters, digits and -._~ is encoded, so nothing in it can end the segment, and
// "." and ".." are encoded whole, so that it cannot climb.
func Escape(text string) string {
	extra := 0
	for i := 0; i < len(text); i++ {
		if !unreserved(text[i]) {
			extra += 2
		}
	}
	if text == "." || text == ".." {
		return "%2E%2E"[:3*len(text)]
	}
	if extra == 0 {
		return text
	}
	out := make([]byte, 0, len(text)+extra)
	for i := 0; i < len(text); i++ {
		c := text[i]
		if unreserved(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(out)
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// Query collects a query string.
type Query struct{ text []byte }

// Add appends a parameter unless its value is empty.
func (q *Query) Add(name, value string) {
	if value == "" {
		return
	}
	if len(q.text) == 0 {
		q.text = append(q.text, '?')
	} else {
		q.text = append(q.text, '&')
	}
	q.text = append(q.text, name...)
	q.text = append(q.text, '=')
	q.text = append(q.text, Escape(value)...)
}

// AddInt appends a parameter, 0 included.
func (q *Query) AddInt(name string, value int64) { q.Add(name, strconv.FormatInt(value, 10)) }

// Clone returns a query that can be added to apart.
func (q *Query) Clone() Query { return Query{text: append([]byte(nil), q.text...)} }

// String returns the query with its question mark, "" where it is empty.
func (q *Query) String() string { return string(q.text) }

// Fill replaces placeholders such as {id} in a URL template by values, escaped:
// Fill(template, "id", id, "port", port). A placeholder of another name stays.
func Fill(template string, namesAndValues ...string) string {
	var out []byte
	rest := template
	for {
		before, after, open := strings.Cut(rest, "{")
		name, behind, closed := strings.Cut(after, "}")
		if !open || !closed {
			break
		}
		value, known := "{", false
		for i := 0; i+1 < len(namesAndValues); i += 2 {
			if namesAndValues[i] == name {
				value, known = Escape(namesAndValues[i+1]), true
			}
		}
		if out == nil {
			out = make([]byte, 0, len(template)+64)
		}
		out = append(append(out, before...), value...)
		if rest = after; known {
			rest = behind
		}
	}
	if out == nil {
		return template
	}
	return string(append(out, rest...))
}
