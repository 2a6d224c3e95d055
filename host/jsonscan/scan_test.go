package jsonscan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// FuzzObject compares with encoding/json: what one takes for an object the
// other does too, nesting aside, and its members lie where they are said to.
func FuzzObject_AgreesWithEncodingJSON(f *testing.F) {
	for _, text := range []string{`{}`, ` { "a" : [1,{"b":null},"\ud83d\ude00"] , "" : -0.5e+7 } `, `{"a":01}`, `{"a":1,}`, `{"a" 1}`, `{"\u0061":1,"a":2}`, `{"a":"\x"}`, `{"a":[}`, `{"a":{]}`, "{\"a\":\"\xff\"}", "{\"a\":\"\x00\"}",
		`{"a":tru}`, `{}{}`, "\ufeff{}", `{"a":1.}`, `{"a":-}`, `{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, `{"a":` + strings.Repeat(`{"b":`, 201) + `1` + strings.Repeat("}", 202)} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, ok := Object(text, nil)
		valid := utf8.Valid(text) && json.Valid(text) && bytes.TrimLeft(text, " \t\r\n")[0] == '{'
		if ok && !valid || !ok && valid && strings.Count(string(text), "{")+strings.Count(string(text), "[") <= MaxDepth {
			t.Fatalf("%q: an object: %v, encoding/json says %v", text, ok, valid)
		}
		if !ok {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		if _, err := decoder.Token(); err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			key, err := decoder.Token()
			if err != nil {
				t.Fatal(err)
			}
			var ours string
			if err := json.Unmarshal([]byte(`"`+m.Key+`"`), &ours); err != nil || ours != key {
				t.Errorf("%q: the key %q is %q (%v)", text, m.Key, key, err)
			}
			var value json.RawMessage
			if err := decoder.Decode(&value); err != nil || string(value) != string(text[m.Start:m.End]) {
				t.Errorf("%q: the value of %s is %q, we read %q (%v)", text, m.Key, value, text[m.Start:m.End], err)
			}
		}
		if decoder.More() {
			t.Errorf("%q: a member is missing", text)
		}
	})
}
