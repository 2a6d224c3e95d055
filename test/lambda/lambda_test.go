package lambda

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

// canary is a credential that must appear nowhere but in requests.
const canary = "secret_exatlas_CANARY_9d2k"

// cloud starts a simulated Lambda and a client that uses it. Lambda's limits are
// on in it: whoever asks faster than once a second, or launches faster than once
// in 12 seconds, gets a 429.
func cloud(t *testing.T, o simkit.Options, settings string) (*sim.Server, *atlas.Client) {
	t.Helper()
	server, err := sim.Start("lambda_labs", sim.Options{Options: o, Settings: []byte(settings)})
	if err != nil {
		t.Fatal(err)
	}
	client, err := atlas.Open(atlas.Config{Settings: atlas.Settings{
		DefaultProvider: "lambda_labs",
		Providers:       map[string]atlas.ProviderSettings{"lambda_labs": {APIKey: atlas.NewSecret(canary), BaseURL: server.URL()}},
		Plugins:         atlas.PluginSettings{CacheDir: os.TempDir() + "/exatlas-test-cache"},
	}})
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
	return server, client
}

func a10() atlas.SpawnParams {
	return atlas.SpawnParams{GPU: []string{"a10"}, Image: "ghcr.io/me/server:1", Auth: "bearer", Ports: []atlas.PortRequest{{Internal: 8000}}}
}

func TestRental_FromOfferToTheEndAtLambdasPace(t *testing.T) {
	t.Parallel()
	// A second of the pace is 1.2 of the simulator's, so that a busy machine's
	// delays do not count, and a host without paces still meets the limits.
	server, client := cloud(t, simkit.Options{RateLimits: true, ClockFactor: 1.2}, `{"terminate_ms":1}`)
	ctx := context.Background()
	machine, err := client.Compute.Spawn(ctx, a10())
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, spec.AsError(err).Hint)
	}
	if machine.GPUType != "a10" || machine.Auth == nil || *machine.CostPerHour != 1.29 || len(machine.Attempts) != 1 || machine.Attempts[0].Region != machine.Region {
		t.Errorf("%+v", machine)
	}
	// Offers, types, key, image, rulesets twice, launch: none is repeated, so none
	// was refused.
	if n := server.Requests(); n != 7 {
		t.Errorf("%d requests for one machine: %v", n, server.State().ByRoute)
	}
	at := server.Machines()
	if len(at) != 1 || at[0].ID != machine.ID || at[0].Env["ATLAS_PRESHARED_KEY"] != machine.Auth.Token {
		t.Fatalf("at the cloud: %+v", at)
	}
	up, err := client.Compute.Get(ctx, atlas.IDParams{ID: machine.ID})
	if err != nil || up.Status != spec.StatusRunning || up.Ports[0].URL != server.URL()+"/proxy/"+machine.ID+"/8000" || up.Image != "ghcr.io/me/server:1" {
		t.Errorf("%+v %v", up, err)
	}
	if _, err = client.Compute.Stop(ctx, atlas.IDParams{ID: machine.ID}); kind(err) != spec.KindUnsupported || !strings.Contains(spec.AsError(err).Error(), "lambda_labs") {
		t.Errorf("stop: %v", err)
	}
	before := server.Requests()
	if _, err = client.Compute.Terminate(ctx, atlas.IDParams{ID: machine.ID}); err != nil || len(server.Machines()) != 0 || server.Requests() != before+1 {
		t.Errorf("terminate: %v, %d machines, %d requests", err, len(server.Machines()), server.Requests()-before)
	}
}

func TestRental_LostAnswersAreAdoptedNotRepeated(t *testing.T) {
	t.Parallel()
	server, client := cloud(t, simkit.Options{Faults: []simkit.Fault{{Method: "POST", Path: "/api/v1/instance-operations/launch", Nth: 1, Effect: simkit.LostAnswer}}}, "")
	machine, err := client.Compute.Spawn(context.Background(), a10())
	if err != nil {
		t.Fatal(err)
	}
	if at := server.Machines(); len(at) != 1 || at[0].ID != machine.ID || machine.Auth == nil {
		t.Errorf("rented %+v, at the cloud %+v", machine, at)
	}
}

func TestRental_GoesOnAfterARefusedRegionAndKeepsTheCeiling(t *testing.T) {
	t.Parallel()
	server, client := cloud(t, simkit.Options{Capacity: []simkit.Limit{{Region: "us-west-1"}, {GPU: "gpu_1x_h100_pcie"}}}, `{"stale_capacity":true}`)
	p := a10()
	p.RegionHints, p.MaxPricePerHour = []string{"us-west-1", "us-east-1"}, 1.29
	machine, err := client.Compute.Spawn(context.Background(), p)
	if err != nil || machine.Region != "us-east-1" || len(machine.Attempts) != 2 || machine.Attempts[0].Kind != spec.KindCapacity {
		t.Errorf("%+v %v", machine, err)
	}
	p.MaxPricePerHour = 1.28
	if _, err = client.Compute.Spawn(context.Background(), p); kind(err) != spec.KindBudget || !strings.Contains(err.Error(), "1.29") || len(server.Machines()) != 1 {
		t.Errorf("under the price: %v", err)
	}
}

func TestRental_TwoAtOnceShareThePace(t *testing.T) {
	t.Parallel()
	server, client := cloud(t, simkit.Options{RateLimits: true, ClockFactor: 1.2}, "")
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := client.Compute.Spawn(context.Background(), a10()); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	at := server.Machines()
	if len(at) != 2 || at[1].CreatedAt.Sub(at[0].CreatedAt) < 12*time.Second {
		t.Errorf("%+v", at)
	}
}

func kind(err error) spec.Kind {
	var e *spec.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

func TestPace_SaysWhatToDoWhereItRefuses(t *testing.T) {
	t.Parallel()
	_, client := cloud(t, simkit.Options{RateLimits: true}, "")
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		_, err := client.Compute.List(ctx, atlas.ListParams{})
		cancel()
		if err == nil || kind(err) == spec.KindTimeout { // the plugin was still being compiled
			continue
		}
		if e := spec.AsError(err); e.Kind != spec.KindRateLimited || e.Hint == "" || e.RetryAfterMS <= 0 || e.RetryAfterMS > 1001 || !e.Retryable {
			t.Errorf("%+v", e)
		}
		return
	}
}
