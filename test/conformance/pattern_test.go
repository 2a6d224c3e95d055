package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

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
