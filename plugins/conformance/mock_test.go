package conformance

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/plugins/mock"
	"github.com/exatlas/atlas/sim"
)

// TestMock_HasEveryGPUOfTheCatalogue keeps the lists of the mock cloud's plugin and
// of its simulator, which may import neither the catalogue nor each other, in step.
func TestMock_HasEveryGPUOfTheCatalogue(t *testing.T) {
	cloud, err := sim.Start("mock", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	response, err := http.Get(cloud.URL() + "/v1/gpus?tier=secure")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		ID        string  `json:"id"`
		Canonical string  `json:"canonical"`
		MemoryGB  float64 `json:"memory_gb"`
	}
	var listed struct {
		GPUs []row `json:"gpus"`
	}
	if err := json.Unmarshal(text, &listed); err != nil {
		t.Fatal(err)
	}
	has := map[string]row{}
	for _, g := range listed.GPUs {
		has[g.Canonical] = g
	}
	gpus, manifest := catalog.New(), mock.Provider().Manifest()
	entries := gpus.Entries()
	if len(entries) != len(has) || len(entries) != len(manifest.GPUs) {
		t.Errorf("the catalogue has %d GPUs, the simulator %d, the plugin %d", len(entries), len(has), len(manifest.GPUs))
	}
	for _, e := range entries {
		native, wrong := gpus.Native(&manifest, e.Name)
		if wrong != nil || native != has[e.Name].ID || has[e.Name].MemoryGB != e.MemoryGB || gpus.Canonical(&manifest, native) != e.Name {
			t.Errorf("%s is %q (%v) to the plugin, and to the simulator %+v", e.Name, native, wrong, has[e.Name])
		}
	}
}
