package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type expected struct {
	Status int             `json:"status"`
	Answer json.RawMessage `json:"answer"`
}

type step struct {
	Call any `json:"call"`
	expected
	Save map[string]string `json:"save"`
}

type file struct {
	Name   string    `json:"name"`
	Config any       `json:"config"`
	Open   *expected `json:"open"`
	Steps  []step    `json:"steps"`
}

func TestConformance(t *testing.T) {
	paths, err := filepath.Glob("*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(path, ".json"), func(t *testing.T) { runFile(t, path) })
	}
}

func runFile(t *testing.T, path string) {
	var f file
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil || f.Name == "" || len(f.Steps) == 0 && f.Open == nil {
		t.Fatalf("%s says nothing: %v", path, err)
	}
	v := variables{}
	for _, name := range sim.Names() {
		cloud, err := sim.Start(name, sim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer cloud.Close()
		v[name] = cloud.URL()
	}
	if f.Config == nil {
		f.Config = map[string]any{}
	}
	client, outcome, document := atlas.OpenJSON(v.encode(t, f.Config), atlas.Environment{})
	if f.Open == nil {
		f.Open = &expected{}
	}
	v.check(t, "open", *f.Open, int(outcome), document)
	if client == nil {
		return
	}
	defer func() {
		if outcome := client.Close(-1); outcome != atlas.OK {
			t.Errorf("close answered %d", outcome)
		}
	}()
	for i, s := range f.Steps {
		request := v.encode(t, s.Call)
		outcome, document := client.CallJSON(request)
		where := fmt.Sprintf("step %d %s", i+1, request)
		answer := v.check(t, where, s.expected, int(outcome), document)
		for name, pointer := range s.Save {
			if v[name] = pointed(answer, pointer); v[name] == nil {
				t.Fatalf("%s: nothing at %s of %s", where, pointer, document)
			}
		}
	}
}

// variables are what was saved.
type variables map[string]any

var variable = regexp.MustCompile(`\$\{(\w+)\}`)

// fill replaces variables.
func (v variables) fill(t *testing.T, value any) any {
	get := func(name string) any {
		found, ok := v[name]
		if !ok {
			t.Fatalf("nothing was saved as %s", name)
		}
		return found
	}
	switch value := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, item := range value {
			out[key] = v.fill(t, item)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i := range value {
			out[i] = v.fill(t, value[i])
		}
		return out
	case string:
		if whole := variable.FindStringSubmatch(value); whole != nil && whole[0] == value {
			return get(whole[1])
		}
		return variable.ReplaceAllStringFunc(value, func(s string) string { return fmt.Sprint(get(s[2 : len(s)-1])) })
	}
	return value
}

func (v variables) encode(t *testing.T, value any) []byte {
	out, err := json.Marshal(v.fill(t, value))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// check holds an answer against what is expected and returns it.
func (v variables) check(t *testing.T, where string, e expected, status int, document []byte) any {
	t.Helper()
	var answer, pattern any
	if len(document) > 0 {
		if err := json.Unmarshal(document, &answer); err != nil {
			t.Fatalf("%s: no JSON: %s", where, document)
		}
	}
	if status != e.Status {
		t.Fatalf("%s: status %d, want %d: %s", where, status, e.Status, document)
	}
	if e.Answer != nil {
		if err := json.Unmarshal(e.Answer, &pattern); err != nil {
			t.Fatal(err)
		}
		if problem := mismatch(v.fill(t, pattern), answer, ""); problem != "" {
			t.Fatalf("%s: %s\nanswered %s", where, problem, document)
		}
	}
	return answer
}

// mismatch tells what keeps value from matching pattern.
func mismatch(pattern, value any, at string) string {
	fits, named := true, false
	if name, ok := pattern.(string); ok {
		switch name {
		case "$any":
			named = true
		case "$string":
			_, fits = value.(string)
			named = true
		case "$number":
			_, fits = value.(float64)
			named = true
		}
	}
	switch pattern := pattern.(type) {
	case map[string]any:
		object, ok := value.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: %v is no object", at, value)
		}
		for key, item := range pattern {
			got, has := object[key]
			switch {
			case item == "$absent" && has:
				return fmt.Sprintf("%s/%s: is there", at, key)
			case item == "$absent":
			case !has:
				return fmt.Sprintf("%s/%s: is missing", at, key)
			default:
				if problem := mismatch(item, got, at+"/"+key); problem != "" {
					return problem
				}
			}
		}
		return ""
	case []any:
		list, ok := value.([]any)
		if !ok || len(list) != len(pattern) {
			return fmt.Sprintf("%s: %v is no list of %d", at, value, len(pattern))
		}
		for i := range pattern {
			if problem := mismatch(pattern[i], list[i], at+"/"+strconv.Itoa(i)); problem != "" {
				return problem
			}
		}
		return ""
	}
	if named && fits || !named && reflect.DeepEqual(pattern, value) {
		return ""
	}
	return fmt.Sprintf("%s: %v is not %v", at, value, pattern)
}

// pointed returns what a JSON pointer leads to, or nil.
func pointed(value any, pointer string) any {
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch at := value.(type) {
		case map[string]any:
			value = at[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(at) {
				return nil
			}
			value = at[i]
		default:
			return nil
		}
	}
	return value
}

func TestMismatch_MatchesASubset(t *testing.T) {
	for _, row := range []struct {
		pattern, value string
		fits           bool
	}{
		{`{"a":1}`, `{"a":1,"b":2}`, true},
		{`{"a":1}`, `{"a":true}`, false},
		{`{"a":"$absent"}`, `{"a":null}`, false},
		{`{"a":"$absent"}`, `{}`, true},
		{`{"a":"$any"}`, `{}`, false},
		{`{"a":["$string",2]}`, `{"a":["x",2]}`, true},
		{`["$number"]`, `[1,2]`, false},
		{`"$number"`, `false`, false},
		{`{"a":{"b":[]}}`, `{"a":{"b":{}}}`, false},
	} {
		var pattern, value any
		if json.Unmarshal([]byte(row.pattern), &pattern) != nil || json.Unmarshal([]byte(row.value), &value) != nil {
			t.Fatal("bad row")
		}
		if (mismatch(pattern, value, "") == "") != row.fits {
			t.Errorf("%s against %s: fits is not %v", row.pattern, row.value, row.fits)
		}
	}
}
