package thirdparty

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/examples/providers"
	"github.com/exatlas/atlas/plugins/conformance"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

// record carries out the plan of an example against a cloud whose clock moves
// only between cases, and which lists one machine a page.
func record(t *testing.T, l providers.Language, module string) []byte {
	t.Helper()
	plan, err := conformance.ReadRecording(filepath.Join(filepath.Dir(module), l.Example+".plan.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sim.Start("acme", sim.Options{Options: simkit.Options{ManualClock: true, Start: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Seed: 7}, Settings: []byte(`{"per_page":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := conformance.Record(t.Context(), module, plan, conformance.RecordOptions{BaseURL: s.URL(), Key: spec.NewSecret("recording-key-1"), CacheDir: compiled,
		Before: func(string) { s.Advance(2 * time.Minute) }})
	if err != nil {
		t.Fatal(err)
	}
	if left := s.Machines(); len(left) > 0 {
		t.Errorf("the plan leaves machines behind: %+v", left)
	}
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestExamples_DoTheSameInThreeLanguages keeps the recordings true, and holds the
// three providers against each other: the same requests, the same values, for the
// same cloud.
func TestExamples_DoTheSameInThreeLanguages(t *testing.T) {
	var first string
	paths := modules(t)
	for _, l := range providers.Languages() {
		got := record(t, l, paths[l.Example])
		file := filepath.Join(filepath.Dir(paths[l.Example]), l.Example+".conformance.json")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || !bytes.Equal(want, got) {
			t.Errorf("%s is not what the simulator answers now; look at the difference after go test ./test/thirdparty -run Examples -update: %v", file, err)
		}
		same := strings.NewReplacer(l.Example, "NAME", strings.ToUpper(l.Example), "NAME").Replace(compact(t, got))
		if first == "" {
			first = same
		} else if same != first {
			t.Errorf("the provider in %s records other exchanges or values than the one in Go:\n%s\n%s", l.Title, same, first)
		}
	}
}
