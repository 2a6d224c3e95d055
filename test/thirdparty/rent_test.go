package thirdparty

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/examples/providers"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

// compact rewrites a JSON document with its members in order.
func compact(t *testing.T, text []byte) string {
	t.Helper()
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// open drops the three modules into the plugin folder of one client, which rents
// at one simulated Acme, with an account for each provider.
func open(t *testing.T) (*sim.Server, *atlas.Client, map[string]string) {
	t.Helper()
	paths := modules(t)
	server, err := sim.Start("acme", sim.Options{Settings: []byte(`{"per_page":2}`)})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	settings := atlas.Settings{Plugins: atlas.PluginSettings{Dir: folder, CacheDir: compiled}, Providers: map[string]atlas.ProviderSettings{},
		Compute: atlas.ComputeSettings{SettleMS: 200}}
	dropped := map[string]string{}
	for name, path := range paths {
		code, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		dropped[name] = filepath.Join(folder, name+".wasm")
		if err := os.WriteFile(dropped[name], code, 0o600); err != nil {
			t.Fatal(err)
		}
		settings.Providers[name] = atlas.ProviderSettings{BaseURL: server.URL(), APIKey: atlas.NewSecret("key-of-" + name)}
	}
	client, err := atlas.Open(atlas.Config{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if outcome := client.Close(10 * time.Second); outcome != atlas.OK {
			t.Errorf("close: %d", outcome)
		}
		if err := leak.Gauges(client.Info().Live); err != nil {
			t.Error(err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, client, dropped
}

func TestThree_AreListedBesideTheBuiltIn(t *testing.T) {
	server, client, dropped := open(t)
	list, err := client.Providers.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	builtin := 0
	for _, p := range list {
		path, ours := dropped[p.Name]
		if !ours {
			builtin++
			if p.Source != "builtin" || p.Path != "" || p.Error != nil || p.Limits.ComputeMS != 0 || len(p.Addresses) > 0 {
				t.Errorf("%+v", p)
			}
			continue
		}
		delete(dropped, p.Name)
		code, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(code)
		if p.Error != nil || p.Source != "dir" || p.Path != path || p.Version != "0.1.0" || p.SHA256 != hex.EncodeToString(sum[:]) || len(p.Operations) != 8 ||
			!slices.Equal(p.Hosts, []string{"api.acmecompute.invalid"}) || p.Narrowed || p.Pinned || !slices.Equal(p.Addresses, []string{server.URL()}) || !p.Credential.Configured {
			t.Errorf("%+v", p)
		}
		sandboxes := 16
		if p.Name == "acme_go" { // it parks, the others block
			sandboxes = min(runtime.GOMAXPROCS(0), 4)
		}
		if l := p.Limits; l == nil || l.MemoryBytes != 512<<20 || l.ComputeMS != 2000 || l.Requests != 100 || l.Sandboxes != sandboxes {
			t.Errorf("%s: limits %+v", p.Name, p.Limits)
		}
	}
	if len(dropped) > 0 || builtin < 5 {
		t.Errorf("%d built-in providers are listed; missing are %v", builtin, dropped)
	}
}

// TestThree_RentAtOneCloudInOneProcess rents through all three at once. Every
// second create loses its answer: each must find its machine again by the label.
func TestThree_RentAtOneCloudInOneProcess(t *testing.T) {
	server, client, dropped := open(t)
	if _, err := server.AddFault(simkit.Fault{Method: "POST", Path: "/v1/machines", Every: 2, Effect: simkit.LostAnswer}); err != nil {
		t.Fatal(err)
	}
	t.Run("at once", func(t *testing.T) {
		for name := range dropped {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				live(t, client, name)
			})
		}
	})
	if left := server.Machines(); len(left) != 0 {
		t.Errorf("machines are left: %+v", left)
	}
	if creates := server.Faults.List()[0]; creates.Seen != 3*len(dropped) || creates.Fired != creates.Seen/2 {
		t.Errorf("%d creates were sent for %d machines, %d of them lost their answer", creates.Seen, 3*len(dropped), creates.Fired)
	}
	if n := server.Panics(); n != 0 {
		t.Errorf("%d requests ended in a defect of the simulator", n)
	}
}

// live rents, looks at, stops, starts and gives back machines through one
// provider.
func live(t *testing.T, client *atlas.Client, name string) {
	ctx := t.Context()
	target := atlas.Target{Provider: name}
	gpus, err := client.GPUs.List(ctx, atlas.GPUsParams{Target: target, GPUCount: 2})
	if err != nil || len(gpus.Items) != 3 || gpus.Items[1].ID != "a100" || gpus.Items[1].Canonical != "a100_80g" || *gpus.Items[1].PricePerHour != 1.8 || gpus.Items[1].MaxCount != 8 {
		t.Fatalf("gpus: %+v, %v", gpus, err)
	}
	var ids []string
	for n := range 3 {
		m, err := client.Compute.Spawn(ctx, atlas.SpawnParams{Targets: atlas.Targets{Provider: []string{name}}, GPU: []string{"a100_80g"}, GPUCount: 2, Image: "example/app:1", Name: fmt.Sprintf("m-%d", n),
			Auth: atlas.AuthBearer, Ports: []atlas.PortRequest{{Internal: 8000, Protocol: "http"}, {Internal: 22, Protocol: "tcp"}}})
		if err != nil {
			t.Fatalf("spawn: %v", err)
		}
		if m.Provider != name || m.GPUType != "a100_80g" || m.GPUCount != 2 || *m.CostPerHour != 3.6 || m.SSH == nil || m.Ports[0].URL == "" || m.Auth == nil {
			t.Errorf("spawn: %+v", m.Compute)
		}
		ids = append(ids, m.ID)
	}
	one := atlas.IDParams{Target: target, ID: ids[0]}
	if m, err := client.Compute.AwaitReady(ctx, atlas.AwaitParams{Target: target, ID: ids[0]}); err != nil || m.Status != "running" {
		t.Errorf("await_ready: %+v, %v", m, err)
	}
	if list, err := client.Compute.List(ctx, atlas.ListParams{Target: target}); err != nil || len(list.Items) != 3 {
		t.Errorf("list: %+v, %v", list, err)
	}
	for _, step := range []struct {
		do   func(context.Context, atlas.IDParams) (*atlas.Compute, error)
		want spec.Status
	}{{client.Compute.Stop, "stopped"}, {client.Compute.Get, "stopped"}, {client.Compute.Start, "running"}, {client.Compute.Get, "running"}} {
		if m, err := step.do(ctx, one); err != nil || m.Status != step.want {
			t.Errorf("%s: %+v, %v", step.want, m, err)
		}
	}
	if _, err := client.Compute.Start(ctx, one); atlas.KindOf(err) != atlas.KindConflict {
		t.Errorf("start of a running machine: %v", err)
	}
	for _, id := range ids {
		for range 2 {
			if _, err := client.Compute.Terminate(ctx, atlas.IDParams{Target: target, ID: id}); err != nil {
				t.Errorf("terminate: %v", err)
			}
		}
	}
	if _, err := client.Compute.Get(ctx, one); atlas.KindOf(err) != atlas.KindNotFound {
		t.Errorf("get of a machine that is gone: %v", err)
	}
}

func TestEveryLanguage_HasAnExample(t *testing.T) {
	names := []string{}
	for _, l := range providers.Languages() {
		names = append(names, l.Name)
	}
	if !slices.Equal(names, []string{"go", "assemblyscript", "c"}) {
		t.Errorf("the languages are %v", names)
	}
}
