package fly_test

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
	"github.com/exatlas/atlas/sim/fly"
	"github.com/exatlas/atlas/sim/simkit"
)

// canary is a credential that must appear nowhere but in requests.
const canary = "FlyV1 fm2_canary7f3k9q2x,fm2_discharge1"

// rental is a simulated Fly and a client that rents from it through the guest.
func rental(t *testing.T, o fly.Options, config map[string]string, settleMS ...int64) (*simkit.Server, *atlas.Client) {
	t.Helper()
	server, err := fly.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	settings := atlas.Settings{
		DefaultProvider: "fly",
		Providers:       map[string]atlas.ProviderSettings{"fly": {APIKey: atlas.NewSecret(canary), BaseURL: server.URL(), Config: config}},
		Plugins:         atlas.PluginSettings{CacheDir: os.TempDir() + "/exatlas-test-cache"},
	}
	for _, ms := range settleMS {
		settings.Compute.SettleMS = ms
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
		if server.Panics() != 0 {
			t.Error("the simulator has a defect")
		}
	})
	return server, client
}

func machine() atlas.SpawnParams {
	return atlas.SpawnParams{CPU: &spec.CPU{VCPUCount: 1, MemoryGB: 1}, Image: "ghcr.io/me/server:1", Ports: []spec.PortRequest{{Internal: 8000}}}
}

func apps(server *simkit.Server) []string { return server.Cloud().(*fly.Cloud).Apps() }

func TestRental_FromSpawnToTerminate(t *testing.T) {
	server, client := rental(t, fly.Options{BootMS: 50, StopMS: 50}, nil)
	ctx := context.Background()
	p := machine()
	p.Auth = "bearer"
	rented, err := client.Compute.Spawn(ctx, p)
	if err != nil {
		t.Fatalf("%v (%s)", err, spec.AsError(err).Hint)
	}
	if rented.Provider != "fly" || rented.Attempts[0].Outcome != "rented" || rented.Auth == nil || len(rented.Ports) != 1 {
		t.Errorf("%+v", rented)
	}
	ready, err := client.Compute.AwaitReady(ctx, atlas.AwaitParams{ID: rented.ID, TimeoutMS: 10_000, Probe: &atlas.Probe{Port: 8000, Path: "/health", Token: atlas.NewSecret(rented.Auth.Token)}})
	if err != nil || ready.Status != spec.StatusRunning {
		t.Fatalf("%+v %v", ready, err)
	}
	stopped, err := client.Compute.Stop(ctx, atlas.IDParams{ID: rented.ID})
	if err != nil || stopped.Status != spec.StatusStopped {
		t.Errorf("%+v %v", stopped, err)
	}
	if _, err := client.Compute.Start(ctx, atlas.IDParams{ID: rented.ID}); err != nil {
		t.Error(err)
	}
	listed, err := client.Compute.List(ctx, atlas.ListParams{})
	if err != nil || len(listed.Items) != 1 || listed.Items[0].ID != rented.ID || listed.Items[0].RequestID != rented.RequestID {
		t.Errorf("%+v %v", listed, err)
	}
	if _, err := client.Compute.Terminate(ctx, atlas.IDParams{ID: rented.ID}); err != nil {
		t.Error(err)
	}
	if left := apps(server); len(left) != 0 || len(server.Machines()) != 0 {
		t.Errorf("left: %v %v", left, server.Machines())
	}
}

func TestRental_OfAGPUSaysThatFlyEndedThem(t *testing.T) {
	server, client := rental(t, fly.Options{}, nil)
	p := machine()
	p.CPU, p.GPU = nil, []string{"a10"}
	_, err := client.Compute.Spawn(context.Background(), p)
	if e := spec.AsError(err); err == nil || e.Kind != spec.KindUnsupported || !strings.Contains(e.Message, "2026-08-01") || server.Requests() != 0 {
		t.Errorf("%+v after %d requests", e, server.Requests())
	}
	gpus, err := client.GPUs.List(context.Background(), atlas.GPUsParams{})
	if err != nil || len(gpus.Items) != 0 || server.Requests() != 0 {
		t.Errorf("%+v %v", gpus, err)
	}
}

func TestRental_RefusedForCapacityIsOneAttemptAndLeavesNothing(t *testing.T) {
	server, client := rental(t, fly.Options{Options: simkit.Options{Capacity: []simkit.Limit{{Count: 0}}}}, map[string]string{"org": "personal"})
	for range 6 {
		_, err := client.Compute.Spawn(context.Background(), machine())
		e := spec.AsError(err)
		if err == nil || e.Kind != spec.KindCapacity || e.UnknownOutcome || !strings.Contains(string(e.Details), `"refused"`) || strings.Contains(string(e.Details), `"lost"`) {
			t.Errorf("%+v %s", e, e.Details)
		}
	}
	if left := apps(server); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestRental_AdoptsWhatALostAnswerMade(t *testing.T) {
	for _, row := range []struct {
		name  string
		fault simkit.Fault
		born  string // how the attempts went
	}{
		{"lost", simkit.Fault{Effect: simkit.LostAnswer}, "adopted"},
		{"408 after the effect", simkit.Fault{Effect: simkit.Status, Status: 408, AfterEffect: true}, "adopted"},
		{"500 after the effect", simkit.Fault{Effect: simkit.Status, Status: 500, AfterEffect: true}, "adopted"},
		{"503 before it", simkit.Fault{Effect: simkit.Status, Status: 503}, "lost rented"},
	} {
		t.Run(row.name, func(t *testing.T) {
			server, client := rental(t, fly.Options{Options: simkit.Options{ListLagMS: 60_000}}, nil, 1000) // the listing lags; the app's own does not
			f := row.fault
			f.Method, f.Path, f.Nth = "POST", "/v1/apps/*/machines", 1
			if _, err := server.AddFault(f); err != nil {
				t.Fatal(err)
			}
			rented, err := client.Compute.Spawn(context.Background(), machine())
			if err != nil {
				t.Fatalf("%v (%s)", err, spec.AsError(err).Hint)
			}
			var went []string
			for _, a := range rented.Attempts {
				went = append(went, a.Outcome)
			}
			if got := strings.Join(went, " "); got != row.born {
				t.Errorf("%s, want %s", got, row.born)
			}
			if list := server.Machines(); len(list) != 1 || list[0].ID != rented.ID {
				t.Errorf("%v, handed out %s", list, rented.ID)
			}
		})
	}
}

func TestRental_ManyAtOnceWithEveryThirdAnswerLost_RentsEachExactlyOnce(t *testing.T) {
	const count, atOnce = 300, 60
	server, client := rental(t, fly.Options{}, map[string]string{"org": "personal"})
	if _, err := server.AddFault(simkit.Fault{Method: "POST", Path: "/v1/apps/*/machines", Every: 3, Effect: simkit.LostAnswer}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	ids := map[string]int{}
	var wg sync.WaitGroup
	for range atOnce {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range count / atOnce {
				rented, err := client.Compute.Spawn(context.Background(), machine())
				if err != nil {
					t.Errorf("%v (%s)", err, spec.AsError(err).Hint)
					return
				}
				mu.Lock()
				ids[rented.ID]++
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	list := server.Machines()
	if len(ids) != count || len(list) != count {
		t.Errorf("%d handed out, %d at the cloud, want %d", len(ids), len(list), count)
	}
	for _, m := range list {
		if ids[m.ID] != 1 {
			t.Errorf("%s was handed out %d times", m.ID, ids[m.ID])
		}
	}
	for id := range ids {
		if _, err := client.Compute.Terminate(context.Background(), atlas.IDParams{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if left := apps(server); len(left) != 0 || server.Bill().RateNowUSD != 0 {
		t.Errorf("%d apps are left, %v an hour", len(left), server.Bill().RateNowUSD)
	}
}
