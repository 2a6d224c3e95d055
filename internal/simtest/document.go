package simtest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Doc is a decoded answer, whose values are read by paths such as "pods.0.id".
type Doc struct{ V any }

// Read decodes an answer; none is the empty Doc.
func Read(t testing.TB, text []byte) Doc {
	t.Helper()
	var d Doc
	if len(text) == 0 {
		return d
	}
	if err := json.Unmarshal(text, &d.V); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

// At reads a value; nil where there is none.
func (d Doc) At(path string) any {
	v := d.V
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// Text reads a string, "" where there is none.
func (d Doc) Text(path string) string { s, _ := d.At(path).(string); return s }

// Num reads a number, 0 where there is none.
func (d Doc) Num(path string) float64 { n, _ := d.At(path).(float64); return n }

// Int reads a whole number, 0 where there is none.
func (d Doc) Int(path string) int64 { return int64(d.Num(path)) }

// Count is how many elements a list has.
func (d Doc) Count(path string) int { l, _ := d.At(path).([]any); return len(l) }

// Wants checks values, which are printed for the comparison: path, value, path,
// value.
func (d Doc) Wants(t testing.TB, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := fmt.Sprint(d.At(pairs[i])); got != pairs[i+1] {
			t.Errorf("%s is %s, want %s in %v", pairs[i], got, pairs[i+1], d.V)
		}
	}
}
