package vast_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim/simkit"
	"github.com/exatlas/atlas/sim/vast"
)

// rental is a simulated Vast and a client that rents from it through the guest.
// The host keeps to Vast's published paces, so these tests rent little.
func rental(t *testing.T, o vast.Options) (*simkit.Server, *atlas.Client) {
	t.Helper()
	server, err := vast.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	settings := atlas.Settings{
		DefaultProvider: "vast",
		Providers:       map[string]atlas.ProviderSettings{"vast": {APIKey: atlas.NewSecret("key-1"), BaseURL: server.URL()}},
		Plugins:         atlas.PluginSettings{CacheDir: os.TempDir() + "/exatlas-test-cache"},
	}
	settings.Compute.SettleMS = 1000
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
		if server.Panics() != 0 {
			t.Error("the simulator has a defect")
		}
	})
	return server, client
}

func machine() atlas.SpawnParams {
	return atlas.SpawnParams{GPU: []string{"rtx_4090"}, Image: "ghcr.io/me/server:1", Ports: []spec.PortRequest{{Internal: 8000}}}
}

// went is how the attempts of a spawn went.
func went(attempts []atlas.SpawnAttempt) string {
	var list []string
	for _, a := range attempts {
		list = append(list, a.Outcome)
	}
	return strings.Join(list, " ")
}

func TestRental_FromSearchToTerminate(t *testing.T) {
	t.Parallel()
	server, client := rental(t, vast.Options{Options: simkit.Options{RateLimits: true}, LogMisses: 2})
	ctx := context.Background()
	found, err := client.Offers.Search(ctx, atlas.OffersParams{GPU: []string{"rtx_4090", "a100_80g"}, Regions: []string{"US", "NO"}, MaxPricePerHour: 2, MinReliability: 0.95})
	if err != nil || len(found.Items) == 0 || len(found.Problems) != 0 || found.Items[0].GPUType != "rtx_4090" || found.Items[0].Stock == "" {
		t.Fatalf("%+v %v", found, err)
	}
	p := machine()
	p.Auth, p.OfferID, p.GPU = "bearer", found.Items[0].ID, nil
	rented, err := client.Compute.Spawn(ctx, p)
	if err != nil {
		t.Fatalf("%v (%s)", err, spec.AsError(err).Hint)
	}
	if rented.Provider != "vast" || went(rented.Attempts) != "rented" || rented.Auth == nil || len(rented.Ports) != 1 {
		t.Errorf("%+v", rented)
	}
	ready, err := client.Compute.AwaitReady(ctx, atlas.AwaitParams{ID: rented.ID, TimeoutMS: 10_000, Probe: &atlas.Probe{Port: 8000, Path: "/health", Token: atlas.NewSecret(rented.Auth.Token)}})
	if err != nil || ready.Status != spec.StatusRunning || ready.GPUType != "rtx_4090" || ready.RequestID != rented.RequestID {
		t.Fatalf("%+v %v", ready, err)
	}
	logs, err := client.Compute.Logs(ctx, atlas.LogsParams{ID: rented.ID})
	if err != nil || len(logs.Lines) < 2 || logs.Cursor == "" {
		t.Errorf("%+v %v", logs, err)
	}
	listed, err := client.Compute.List(ctx, atlas.ListParams{})
	if err != nil || len(listed.Items) != 1 || listed.Items[0].ID != rented.ID || listed.Items[0].Name != rented.Name {
		t.Errorf("%+v %v", listed, err)
	}
	stopped, err := client.Compute.Stop(ctx, atlas.IDParams{ID: rented.ID})
	if err != nil || stopped.Status != spec.StatusStopped {
		t.Errorf("%+v %v", stopped, err)
	}
	if _, err := client.Compute.Terminate(ctx, atlas.IDParams{ID: rented.ID}); err != nil || len(server.Machines()) != 0 || server.Bill().RateNowUSD != 0 {
		t.Errorf("%v, left: %v", err, server.Machines())
	}
}

func TestRental_AdoptsWhatALostAnswerMade(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		fault simkit.Fault
		want  string
	}{
		{"lost", simkit.Fault{Effect: simkit.LostAnswer}, "adopted"},
		{"500 after the effect", simkit.Fault{Effect: simkit.Status, Status: 500, AfterEffect: true}, "adopted"},
		{"200 and no answer", simkit.Fault{Effect: simkit.Status, Status: 200, AfterEffect: true, Body: "{}"}, "adopted"},
		{"503 before it", simkit.Fault{Effect: simkit.Status, Status: 503}, "lost rented"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server, client := rental(t, vast.Options{})
			f := row.fault
			f.Method, f.Path, f.Nth = "PUT", "/api/v0/asks/*", 1
			if _, err := server.AddFault(f); err != nil {
				t.Fatal(err)
			}
			p := machine()
			p.Name = "mine" // a name that others may bear, so the request id alone finds it
			rented, err := client.Compute.Spawn(context.Background(), p)
			if err != nil {
				t.Fatalf("%v (%s)", err, spec.AsError(err).Hint)
			}
			if got := went(rented.Attempts); got != row.want || rented.Name != "mine" {
				t.Errorf("%s, want %s: %+v", got, row.want, rented)
			}
			if list := server.Machines(); len(list) != 1 || list[0].ID != rented.ID {
				t.Errorf("%v, handed out %s", list, rented.ID)
			}
		})
	}
}

func TestRental_GoesOnAfterARefusalThatLeftAMachine(t *testing.T) {
	t.Parallel()
	server, client := rental(t, vast.Options{})
	// The first instance of a simulator bears this number.
	f := simkit.Fault{Method: "PUT", Path: "/api/v0/asks/*", Nth: 1, Effect: simkit.Status, Status: 200, AfterEffect: true,
		Body: `{"success":false,"error":"invalid_price","msg":"bid too low","new_contract":7835601}`}
	if _, err := server.AddFault(f); err != nil {
		t.Fatal(err)
	}
	p := machine()
	p.Spot = true
	rented, err := client.Compute.Spawn(context.Background(), p)
	if err != nil {
		t.Fatalf("%v (%s)", err, spec.AsError(err).Hint)
	}
	if got := went(rented.Attempts); got != "refused rented" || !rented.Spot {
		t.Errorf("%s %+v", got, rented)
	}
	if list := server.Machines(); len(list) != 1 || list[0].ID != rented.ID {
		t.Errorf("%v, handed out %s", list, rented.ID)
	}
}

func TestRental_AtOnceNeverTakesOneOfferTwice(t *testing.T) {
	t.Parallel()
	server, client := rental(t, vast.Options{DoubleRent: true})
	var wg sync.WaitGroup
	for range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			p := machine()
			p.MaxPricePerHour = 0.5
			if rented, err := client.Compute.Spawn(context.Background(), p); err != nil || rented.CostPerHour == nil || *rented.CostPerHour > 0.5 {
				t.Errorf("%+v %v", rented, err)
			}
		}()
	}
	wg.Wait()
	if n := server.Cloud().(*vast.Cloud).Doubled(); n != 0 || len(server.Machines()) != 3 {
		t.Errorf("%d offers were rented twice, %d machines", n, len(server.Machines()))
	}
	for _, m := range server.Machines() {
		if m.Rate > 0.5 {
			t.Errorf("%+v", m)
		}
	}
}

func TestRental_OfWhatVastHasNotIsRefusedBeforeAnyRequest(t *testing.T) {
	t.Parallel()
	server, client := rental(t, vast.Options{})
	ctx := context.Background()
	for name, change := range map[string]func(*atlas.SpawnParams){
		"cpu":            func(p *atlas.SpawnParams) { p.GPU, p.CPU = nil, &spec.CPU{VCPUCount: 2} },
		"network volume": func(p *atlas.SpawnParams) { p.NetworkVolumeID = "v" },
	} {
		p := machine()
		change(&p)
		if _, err := client.Compute.Spawn(ctx, p); err == nil || spec.AsError(err).Kind != spec.KindUnsupported {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := client.Jobs.Run(ctx, atlas.RunParams{Endpoint: "e", Input: spec.Raw(`{}`)}); err == nil || spec.AsError(err).Kind != spec.KindUnsupported {
		t.Errorf("jobs: %v", err)
	}
	if server.Requests() != 0 {
		t.Errorf("%d requests", server.Requests())
	}
	gpus, err := client.GPUs.List(ctx, atlas.GPUsParams{})
	if err != nil || len(gpus.Items) == 0 || server.Requests() != 2 {
		t.Errorf("%v %v", gpus, err)
	}
	canonical := map[string]bool{}
	for _, g := range gpus.Items {
		canonical[g.Canonical] = true
	}
	for _, name := range []string{"a100_80g", "a100_40g", "v100_16g", "v100_32g", "rtx_3080", "h200", "l40s"} {
		if !canonical[name] {
			t.Errorf("%s is not among the canonical names", name)
		}
	}
}

func TestRental_AfterABidThatIsTooLowLocksNoOffer(t *testing.T) {
	t.Parallel()
	server, client := rental(t, vast.Options{})
	p := machine()
	p.Spot, p.BidPerHour = true, 0.001
	before := server.Requests()
	_, err := client.Compute.Spawn(context.Background(), p)
	e := spec.AsError(err)
	if e == nil || e.Kind != spec.KindBudget || !strings.Contains(e.Message, "the least bid is ") || server.Requests()-before != 1 {
		t.Fatalf("%+v after %d requests", e, server.Requests()-before)
	}
	p.BidPerHour = 0
	if got, err := client.Compute.Spawn(context.Background(), p); err != nil || !got.Spot {
		t.Errorf("%+v %v", got, err)
	}
}
