package conformance

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/builtin"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

var update = flag.Bool("update", false, "record the built-in providers anew from their simulators")

// key opens an account at each simulated cloud.
const key = "recording-key-1"

// module writes a built-in plugin's module to a file.
func module(t testing.TB, name string) string {
	t.Helper()
	for _, m := range builtin.List() {
		if m.Name != name {
			continue
		}
		code, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name+".wasm")
		if err := os.WriteFile(path, code, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Fatalf("no plugin %s is built; run make plugins first", name)
	return ""
}

// record runs a plan against a simulator whose clock moves only between cases.
func record(t *testing.T, cloud, path string, plan *Recording, settings string) *Recording {
	t.Helper()
	s, err := sim.Start(cloud, sim.Options{Options: simkit.Options{ManualClock: true, Start: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Seed: 7}, Settings: json.RawMessage(settings)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := Record(t.Context(), path, plan, RecordOptions{BaseURL: s.URL(), Key: spec.NewSecret(key), CacheDir: compiled,
		Before: func(string) { s.Advance(2 * time.Minute) }})
	if err != nil {
		t.Fatal(err)
	}
	if left := s.Machines(); len(left) > 0 {
		t.Errorf("the plan leaves machines behind: %+v", left)
	}
	return r
}

// TestRecordings_AreWhatTheSimulatorsAnswer keeps the recordings true: they are
// made anew and compared.
func TestRecordings_AreWhatTheSimulatorsAnswer(t *testing.T) {
	for _, m := range builtin.List() {
		t.Run(m.Name, func(t *testing.T) {
			plan, err := ReadRecording(filepath.Join("testdata", m.Name+".plan.json"))
			if err != nil {
				t.Fatal(err)
			}
			settings := map[string]string{"mock": `{"page_size":1,"gpus":["mock-h100"]}`}
			got, err := record(t, m.Name, module(t, m.Name), plan, settings[m.Name]).Encode()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("recorded", m.Name+".conformance.json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(want, got) {
				t.Errorf("%s is not what the simulator answers now; look at the difference after go test ./plugins/conformance -run Recordings -update: %v", file, err)
			}
		})
	}
}
