package rental

import (
	"context"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

// flyCloud is a simulated Fly and a client that uses it.
func flyCloud(t *testing.T, faults ...simkit.Fault) (*sim.Server, *atlas.Client) {
	server, err := sim.Start("fly", sim.Options{Options: simkit.Options{Faults: faults}})
	if err != nil {
		t.Fatal(err)
	}
	_, client := cloud(t, simkit.Options{}, "", func(s *atlas.Settings) {
		s.Compute.SettleMS = 100
		s.Providers["fly"] = atlas.ProviderSettings{APIKey: atlas.NewSecret(canary), BaseURL: server.URL()}
	})
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, client
}

// shell is a machine whose app has an address and a disk, which cost for themselves.
func shell() atlas.SpawnParams {
	return atlas.SpawnParams{Targets: atlas.Targets{Provider: []string{"fly"}}, CPU: &spec.CPU{}, Image: "img:1", VolumeGB: 10,
		Ports: []atlas.PortRequest{{Internal: 22, Protocol: "tcp"}}}
}

func TestSpawn_ALostCreateLeavesNoAppBesideItsMachine(t *testing.T) {
	server, client := flyCloud(t, simkit.Fault{Method: "POST", Path: "/v1/apps/*/machines", Effect: simkit.Status, Status: 502, Nth: 1})
	machine, err := client.Compute.Spawn(t.Context(), shell())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Compute.Terminate(t.Context(), atlas.IDParams{Target: atlas.Target{Provider: "fly"}, ID: machine.ID}); err != nil {
		t.Fatal(err)
	}
	if outcome := client.Close(30 * time.Second); outcome != atlas.OK {
		t.Errorf("close: %d", outcome)
	}
	if rate := server.Bill().RateNowUSD; rate != 0 {
		t.Errorf("what the create left costs %g USD an hour", rate)
	}
}

func TestSpawn_ACallerWhoLeavesLeavesNoApp(t *testing.T) {
	server, client := flyCloud(t, simkit.Fault{Method: "POST", Path: "/v1/apps/*/machines", Effect: simkit.Slow, DelayMS: 600_000, Nth: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := make(chan error, 1)
	go func() {
		_, err := client.Compute.Spawn(ctx, shell())
		gone <- err
	}()
	for deadline := time.Now().Add(20 * time.Second); server.Faults.List()[0].Fired == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the create was never sent")
		}
	}
	cancel()
	if err := <-gone; atlas.KindOf(err) != atlas.KindCancelled {
		t.Fatal(err)
	}
	if outcome := client.Close(30 * time.Second); outcome != atlas.OK {
		t.Errorf("close: %d", outcome)
	}
	if rate := server.Bill().RateNowUSD; rate != 0 {
		t.Errorf("what the spawn left costs %g USD an hour", rate)
	}
}
