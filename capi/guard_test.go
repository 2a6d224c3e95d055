package main

import (
	"strings"
	"testing"

	"github.com/goccy/go-json"

	"github.com/exatlas/atlas"
)

// cancel calls the export of atlas_cancel: a test cannot name C types, but it can
// infer them.
func cancel[H ~uint64, P any, N ~uint64, S any](export func(H, P, N) S, handle uint64) S {
	var id P
	return export(H(handle), id, 0)
}

func TestGuard_TurnsAPanicIntoAStatus(t *testing.T) {
	handle := clients.add(&fake{}) // its CancelID panics
	defer clients.close(handle, 0)
	if status := cancel(exatlas_go_cancel, handle); atlas.Outcome(status) != atlas.Internal {
		t.Errorf("status %d, want ATLAS_INTERNAL", status)
	}
}

func TestGuard_QuotesTheRuntimeAndNothingElse(t *testing.T) {
	const key = "sk-canary"
	for name, row := range map[string]struct {
		panics func()
		says   string
	}{
		"runtime error": {func() { var none []int; _ = none[len(key)] }, "index out of range"},
		"text":          {func() { panic(key) }, "panic with a string"},
		"value":         {func() { panic(struct{ key string }{key}) }, "panic with a struct"},
	} {
		var text []byte
		func() {
			defer func() { text = faultDocument(recover()) }()
			row.panics()
		}()
		var document struct {
			Error struct{ Kind, Message, Hint string }
		}
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatalf("%s: %v: %s", name, err, text)
		}
		got := document.Error
		if got.Kind != "internal" || !strings.Contains(got.Message, row.says) || !strings.Contains(got.Message, "guard_test.go") && !strings.Contains(got.Message, "TestGuard") || got.Hint == "" {
			t.Errorf("%s: %s", name, text)
		}
		if strings.Contains(string(text), key) {
			t.Errorf("%s: the document quotes the value: %s", name, text)
		}
	}
}
