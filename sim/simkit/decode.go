package simkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/strict"
)

// Decode reads one JSON document strictly. Its errors name the place below
// subject and, for a name that is not known, what was most likely meant: whoever
// tests a program against a simulator has nothing else to go by.
func Decode(text []byte, into any, subject string) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if place := misfit(text, reflect.TypeOf(into).Elem(), subject); place != "" {
			return errors.New(place)
		}
		return fmt.Errorf("%s: it is no JSON: %w", subject, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: something comes after the JSON", subject)
	}
	return nil
}

// misfit finds the first place of a document that does not fit a type, "" where
// it is no JSON at all.
func misfit(text []byte, t reflect.Type, at string) string {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var tree any
	if d.Decode(&tree) != nil {
		return ""
	}
	return misfitOf(tree, t, at)
}

func misfitOf(v any, t reflect.Type, at string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch want := wanted(t); {
	case v == nil || want == "":
	case t == reflect.TypeFor[time.Time]():
		if text, ok := v.(string); !ok || !isTime(text) {
			return at + ": is to be " + want
		}
	case t.Kind() == reflect.Struct:
		return misfitMember(v, fieldsOf(t), at, want)
	case t.Kind() == reflect.Map:
		members, ok := v.(map[string]any)
		if !ok {
			return at + ": is to be " + want
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if place := misfitOf(members[name], t.Elem(), at+"."+name); place != "" {
				return place
			}
		}
	case t.Kind() == reflect.Slice:
		list, ok := v.([]any)
		if !ok {
			return at + ": is to be " + want
		}
		for i, one := range list {
			if place := misfitOf(one, t.Elem(), fmt.Sprintf("%s[%d]", at, i)); place != "" {
				return place
			}
		}
	default:
		if text, err := json.Marshal(v); err != nil || json.Unmarshal(text, reflect.New(t).Interface()) != nil {
			return at + ": is to be " + want
		}
	}
	return ""
}

func misfitMember(v any, fields map[string]reflect.Type, at, want string) string {
	members, ok := v.(map[string]any)
	if !ok {
		return at + ": is to be " + want
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		known, ok := fields[name]
		if !ok {
			return at + "." + name + ": unknown field" + meant(name, slices.Sorted(maps.Keys(fields)))
		}
		if place := misfitOf(members[name], known, at+"."+name); place != "" {
			return place
		}
	}
	return ""
}

// wanted says what fits a type; "" is anything.
func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "a time such as 2026-06-01T12:00:00Z"
	case t == reflect.TypeFor[json.RawMessage]():
		return ""
	}
	switch t.Kind() {
	case reflect.Interface:
		return ""
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float64:
		return "a number"
	case reflect.Uint64:
		return "a whole number from 0"
	}
	return "a whole number"
}

func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}

func meant(name string, known []string) string {
	if near := strict.Nearest(name, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; the fields here are: " + strings.Join(known, ", ")
}

// fieldsOf lists the members of a struct, those of embedded ones included.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			all[name] = f.Type
		}
	}
	return all
}
