package conformance

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/builtin"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

// module is a built-in plugin.
func module(t *testing.T, name string) []byte {
	t.Helper()
	for _, m := range builtin.List() {
		if m.Name == name {
			data, err := m.Open()
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	t.Fatalf("the guest %s is not built: run make plugins first", name)
	return nil
}

// recorded is a built-in plugin with what it exchanged with its simulator.
func recorded(t *testing.T, name, options string, spawn Spawner, endpoint string) (Plugin, []Scenario) {
	t.Helper()
	server, err := sim.Start(name, sim.Options{Options: simkit.Options{AnyKey: true}, Settings: json.RawMessage(options)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p := Plugin{Module: module(t, name), BaseURL: server.URL(), Key: spec.NewSecret("conformance-key")}
	scenarios, err := Record(context.Background(), p, spawn, endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return p, scenarios
}

func gpu(native string) Spawner {
	return func(r *spec.SpawnRequest) { r.GPU, r.GPUCount, r.CloudType, r.ContainerDiskGB = native, 1, "", 20 }
}

func TestConformance_EveryBuiltinPlugin(t *testing.T) {
	for _, c := range []struct {
		name, options string
		spawn         Spawner
		endpoint      string
	}{
		{"runpod", "{}", gpu("NVIDIA GeForce RTX 4090"), "stream"},
		{"mock", "{}", gpu("rtx_4090"), "stream"},
		{"lambda_labs", "{}", gpu("gpu_1x_a10"), ""},
		{"vast", "{}", gpu("RTX 4090"), ""},
		{"fly", "{}", func(r *spec.SpawnRequest) { r.CPU = &spec.CPU{VCPUCount: 1, MemoryGB: 1} }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, scenarios := recorded(t, c.name, c.options, c.spawn, c.endpoint)
			report, err := Run(context.Background(), p, scenarios)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %d cases, %v", report.Provider, report.Cases, report.By)
			if len(report.Failures) > 0 || report.Cases < 500 {
				t.Error(report)
			}
		})
	}
}

func TestConformance_FindsTheMistakesOfABrokenPlugin(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "broken.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", file, "../../test/guests/broken")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	broken, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, scenarios := recorded(t, "mock", "{}", gpu("rtx_4090"), "stream")
	p.Module = broken
	report, err := Run(context.Background(), p, scenarios)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, f := range report.Failures {
		text += f.Case + ": " + f.Problem + "\n"
		if strings.HasPrefix(f.Case, "spawn_compute") {
			t.Errorf("what is not broken fails: %+v", f)
		}
	}
	for _, want := range []string{
		"is none of Atlas's",                            // a foreign word for a state
		"the answer 500 became a value",                 // a status that was not looked at
		"stop: request 1 (POST) answered with an empty", // a field that is not there: the guest panics
		"requests",                             // pages without end
		"an identifier led to another address", // an identifier that was not escaped
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q:\n%.3000s", want, text)
		}
	}
	if readable := report.String(); !strings.Contains(readable, "mock: ") || !strings.Contains(readable, "FAIL get_compute: ") || !strings.Contains(readable, "more\n") {
		t.Error(readable)
	}
}
