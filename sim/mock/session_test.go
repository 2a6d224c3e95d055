package mock_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/sim/mock"
	"github.com/exatlas/atlas/sim/simkit"
)

// open opens a client for the mock cloud at an address.
func open(t *testing.T, baseURL string) *atlas.Client {
	t.Helper()
	client, err := atlas.Open(atlas.Config{Settings: atlas.Settings{
		DefaultProvider: "mock",
		Providers:       map[string]atlas.ProviderSettings{"mock": {BaseURL: baseURL}},
		Plugins:         atlas.PluginSettings{CacheDir: os.TempDir() + "/exatlas-test-cache"},
		Store:           atlas.StoreSettings{URL: "memory:", Key: atlas.NewSecret(strings.Repeat("01", 32))},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestSession_OnAPreemptedSpotMachineEndsAsPreempted runs the client on the virtual
// time of a bubble; the simulator is outside.
func TestSession_OnAPreemptedSpotMachineEndsAsPreempted(t *testing.T) {
	server, err := mock.Start(mock.Options{Options: simkit.Options{ManualClock: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	synctest.Test(t, func(t *testing.T) {
		client := open(t, server.URL())
		defer client.Close(10 * time.Second)
		for _, row := range []struct{ gpu, do, reason string }{{"rtx_4090", "preempt", "preempted"}, {"h100", "vanish", "vanished"}} {
			session, err := client.Orchestrator.Spawn(t.Context(), atlas.SessionSpawnParams{SpawnParams: atlas.SpawnParams{GPU: []string{row.gpu}, Spot: row.do == "preempt", Image: "i"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := server.Do(session.Compute.ID, row.do); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute) // virtual
			got, err := client.Orchestrator.Get(t.Context(), atlas.SessionParams{ID: session.ID})
			if err != nil || got.State != "ended" || got.Reason != row.reason || session.Compute.GPUType != row.gpu {
				t.Errorf("%s: %+v %v", row.do, got, err)
			}
		}
		if left := server.Machines(); len(left) != 0 {
			t.Errorf("left: %+v", left)
		}
	})
}

func TestClient_IsToldToStartASimulator(t *testing.T) {
	client := open(t, "")
	defer client.Close(10 * time.Second)
	_, err := client.Compute.Spawn(context.Background(), atlas.SpawnParams{GPU: []string{"h100"}, Image: "i"})
	if e := spec.AsError(err); e == nil || e.Kind != spec.KindTransport || !strings.Contains(e.Hint, "exatlas sim mock") || !strings.Contains(e.Hint, "providers.mock.base_url") {
		t.Errorf("%+v", e)
	}
}
