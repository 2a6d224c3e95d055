package catalog

import (
	"strconv"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCatalog_MapsEveryRowThereAndBack(t *testing.T) {
	c := New()
	seen := map[string]bool{}
	for _, e := range c.Entries() {
		if seen[e.Name] || e.MemoryGB <= 0 || len(e.Native) == 0 {
			t.Errorf("row %+v", e)
		}
		seen[e.Name] = true
		for provider, native := range e.Native {
			m := &spec.Manifest{Name: provider}
			if got, err := c.Native(m, e.Name); err != nil || got != native {
				t.Errorf("%s on %s: %q %v", e.Name, provider, got, err)
			}
			if got, err := c.Native(m, native); err != nil || got != native {
				t.Errorf("native %s on %s: %q %v", native, provider, got, err)
			}
			if c.Canonical(m, native) == "" {
				t.Errorf("%s on %s has no canonical name", native, provider)
			}
		}
	}
	for _, name := range strings.Fields("h200 h100 a100_80g a100_40g l40s l4 a6000 rtx_4090 rtx_3090 mi300x h100_pcie l40 a5000 a4000 rtx_6000_ada h100_sxm a10 rtx_6000") {
		if !seen[name] {
			t.Errorf("the seed's %s is missing", name)
		}
	}
}

func TestCatalog_PassesNativeNamesThroughAndNamesMistakes(t *testing.T) {
	c := New()
	runpod := &spec.Manifest{Name: "runpod"}
	if got, err := c.Native(runpod, "NVIDIA Future X1"); err != nil || got != "NVIDIA Future X1" {
		t.Errorf("a new native name: %q %v", got, err)
	}
	if got := c.Canonical(runpod, "NVIDIA Future X1"); got != "" {
		t.Errorf("canonical of a new native name: %q", got)
	}
	if _, err := c.Native(runpod, "RTX4090"); err == nil || err.Hint != "did you mean rtx_4090?" {
		t.Errorf("a misspelt name: %v", err)
	}
	acme := &spec.Manifest{Name: "acme", GPUs: []spec.ManifestGPU{{Canonical: "h100", Native: "h100x"}, {Canonical: "x900_96g", Native: "x900-96"}}}
	for _, row := range []struct {
		m          *spec.Manifest
		name, hint string
	}{
		{runpod, ":h100", "did you mean h100?"}, {runpod, "h1000", "did you mean h100?"}, {runpod, "H-100", "did you mean h100?"}, {runpod, "rtx_490", "did you mean rtx_4090?"},
		{runpod, "a100", "did you mean a100_80g or a100_80g_sxm?"}, {runpod, "a100_sxm", "did you mean a100_80g_sxm?"}, {&spec.Manifest{Name: "lambda_labs"}, "h1o0", "did you mean h100?"},
		{&spec.Manifest{Name: "lambda_labs"}, "rtx_4900", "did you mean rtx_4090?"}, // which others have, where any cloud is asked
		{&spec.Manifest{Name: "vast"}, "a100", "did you mean a100_40g, a100_80g or a100_80g_sxm?"}, {acme, "x900", "did you mean x900_96g?"}, {acme, "h100y", "did you mean h100?"},
		{runpod, "RTX 4090", "did you mean rtx_4090?"}, {runpod, "NVIDIA RTX 4090", "did you mean rtx_4090?"}, {runpod, "GeForce RTX 3090 Ti", "did you mean rtx_3090_ti?"}, {runpod, "NVIDIA H100", "did you mean h100?"},
		{runpod, "H100 SXM", "did you mean h100_sxm?"}, {&spec.Manifest{Name: "vast"}, "RTX 6000 Ada", "did you mean rtx_6000_ada?"}, {&spec.Manifest{Name: "lambda_labs"}, "NVIDIA A10", "did you mean a10?"},
	} {
		got, err := c.Native(row.m, row.name)
		if err == nil || err.Kind != spec.KindValidation || err.Hint != row.hint {
			t.Errorf("%s on %s: %q %+v, want %q", row.name, row.m.Name, got, err, row.hint)
		}
	}
	for _, row := range []struct {
		m    *spec.Manifest
		name string
	}{
		{runpod, "NVIDIA H1000"}, {&spec.Manifest{Name: "vast"}, "H200 SXM@141"}, {&spec.Manifest{Name: "vast"}, "A100X"}, {&spec.Manifest{Name: "lambda_labs"}, "gpu_1x_h200"},
		{&spec.Manifest{Name: "lambda_labs"}, "gpu_8x_b300_sxm6"}, {&spec.Manifest{Name: "lambda_labs"}, "gpu_1x_a10g"}, {acme, "h100x"}, {acme, "acme-h1000"}, {acme, "quantum_accelerator"},
		{&spec.Manifest{Name: "vast"}, "RTX 3080"}, {&spec.Manifest{Name: "vast"}, "RTX 4090"}, {acme, "RTX 4090"}, {&spec.Manifest{Name: "lambda_labs"}, "L40 S"},
	} {
		if got, err := c.Native(row.m, row.name); err != nil || got != row.name {
			t.Errorf("%s on %s: %q %v", row.name, row.m.Name, got, err)
		}
	}
	if _, err := c.Native(&spec.Manifest{Name: "fly"}, "h100"); err == nil || err.Kind != spec.KindValidation {
		t.Errorf("a GPU the provider has not: %v", err)
	}
	if got := c.Canonical(runpod, "NVIDIA H100 80GB HBM3"); got != "h100" {
		t.Errorf("of two names the first is given back: %q", got)
	}
}

func TestCatalog_ManifestsExtendIt(t *testing.T) {
	c := New()
	m := &spec.Manifest{Name: "acme", GPUs: []spec.ManifestGPU{{Canonical: "h100", Native: "acme-h100", MemoryGB: 81}, {Canonical: "x9", Native: "acme-x9"}}}
	for name, native := range map[string]string{"h100": "acme-h100", "x9": "acme-x9", "acme-x9": "acme-x9"} {
		if got, err := c.Native(m, name); err != nil || got != native {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if c.Canonical(m, "acme-h100") != "h100" || c.MemoryGB(m, "h100") != 81 || c.MemoryGB(m, "l4") != 24 {
		t.Error("names or memory of the manifest are not used")
	}
}

func TestCatalog_TellsVastsCardsOfOneNameApart(t *testing.T) {
	c, vast := New(), &spec.Manifest{Name: "vast"}
	for _, e := range c.Entries() {
		native := e.Native["vast"]
		name, size, sized := strings.Cut(native, "@")
		if native == "" {
			continue
		}
		if sized && size != strconv.Itoa(int(e.MemoryGB)) {
			t.Errorf("%s has %g GB, not %s", e.Name, e.MemoryGB, size)
		}
		for _, other := range c.Entries() {
			if rival, _, _ := strings.Cut(other.Native["vast"], "@"); rival == name && other.MemoryGB != e.MemoryGB && !sized {
				t.Errorf("%s and %s are %q alike", e.Name, other.Name, name)
			}
		}
	}
	for native, want := range map[string]string{"A100 PCIE@80": "a100_80g", "A100 PCIE@40": "a100_40g", "A100 SXM4@80": "a100_80g_sxm", "Tesla V100@32": "v100_32g", "A100 PCIE": ""} {
		if got := c.Canonical(vast, native); got != want {
			t.Errorf("%s is %q, want %q", native, got, want)
		}
	}
}
