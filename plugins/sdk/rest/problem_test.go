package rest

import (
	"slices"
	"strings"
	"testing"

	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

func TestReadProblem_FindsTheMostTellingSentence(t *testing.T) {
	for _, row := range []struct {
		text string
		want Problem
	}{
		{`{"title":"t","detail":"d","code":7}`, Problem{JSON: true, Text: "d", Code: "7"}},
		{`{"error":"e"}`, Problem{JSON: true, Text: "e"}},
		{`{"error":{"message":"m","code":"c"},"title":"t"}`, Problem{JSON: true, Text: "m", Code: "c"}},
		{`{"code":"mine","error":{"error":{"message":"m","code":"c"}}}`, Problem{JSON: true, Text: "m", Code: "mine"}},
		{`{"errors":["a",{"message":"b"},3,{},[1],null]}`, Problem{JSON: true, Text: "a", Errors: []string{"a", "b", "3"}}},
		{`{"error":{"errors":[{"detail":"deep"}]}}`, Problem{JSON: true, Text: "deep"}},
		{`{"message":"m","error":{"message":"e"`, Problem{Text: `{"message":"m","error":{"message":"e"`}},
		{"\n oops\nmore", Problem{Text: "oops"}},
		{"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>", Problem{Text: "a web page in place of an answer: 502 Bad Gateway"}},
		{"\n<!DOCTYPE html>\n<HTML><HEAD><TITLE lang=\"en\">\n  Just a moment...\n</TITLE>", Problem{Text: "a web page in place of an answer: Just a moment..."}},
		{"<html><title>", Problem{Text: "a web page in place of an answer"}},
		{"<title", Problem{Text: "a web page in place of an answer"}},
		{"<title></title><p>", Problem{Text: "a web page in place of an answer"}},
		{"<", Problem{Text: "a web page in place of an answer"}},
		{`["x"]`, Problem{Text: `["x"]`}},
		{``, Problem{}},
	} {
		got := ReadProblem(row.text)
		if got.JSON != row.want.JSON || got.Text != row.want.Text || got.Code != row.want.Code || !slices.Equal(got.Errors, row.want.Errors) {
			t.Errorf("%s: %+v, want %+v", row.text, got, row.want)
		}
	}
}

// BenchmarkReadProblem_Nested is an error that means harm: it must cost no more
// than a walk over it.
func BenchmarkReadProblem_Nested(b *testing.B) {
	const depth = 500
	text := strings.Repeat(`{"error":`, depth) + `{"message":"x","pad":"` + strings.Repeat("y", 1<<20) + `"}` + strings.Repeat("}", depth)
	b.Run("problem", func(b *testing.B) {
		for b.Loop() {
			if p := ReadProblem(text); p.Text != "x" {
				b.Fatalf("%+v", p)
			}
		}
	})
	b.Run("walk", func(b *testing.B) {
		for b.Loop() {
			r := jsonx.New(text)
			r.Skip()
		}
	})
}

func TestSays_WantsAWholeObject(t *testing.T) {
	for body, want := range map[string]bool{`{"ok":true}`: true, " {\"a\":{\"ok\":false},\"ok\":true}\r\n": true, `{"ok":false}`: false, `{"ok":"yes"}`: false, `{"ok":1}`: false, `{"ok":null}`: false,
		`{"a":{"ok":true}}`: false, `[{"ok":true}]`: false, `{"ok":true`: false, `{"ok":true}}`: false, `{"ok":true,"ok":false}`: false, `true`: false, ``: false} {
		if got := Says(body, "ok"); got != want {
			t.Errorf("%q: %v", body, got)
		}
	}
}
