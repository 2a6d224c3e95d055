package rental

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
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
const canary = "rpa_CANARY_7f3k9q2x"

// cloud starts a simulated RunPod and a client that uses it.
func cloud(t testing.TB, o simkit.Options, settings string, change func(*atlas.Settings)) (*sim.Server, *atlas.Client) {
	t.Helper()
	server, err := sim.Start("runpod", sim.Options{Options: o, Settings: []byte(settings)})
	if err != nil {
		t.Fatal(err)
	}
	config := atlas.Config{Settings: atlas.Settings{
		DefaultProvider: "runpod",
		Providers:       map[string]atlas.ProviderSettings{"runpod": {APIKey: atlas.NewSecret(canary), BaseURL: server.URL()}},
		Plugins:         atlas.PluginSettings{CacheDir: os.TempDir() + "/exatlas-test-cache"},
	}}
	if change != nil {
		change(&config.Settings)
	}
	client, err := atlas.Open(config)
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

func fault(t testing.TB, server *sim.Server, f simkit.Fault) {
	t.Helper()
	if _, err := server.AddFault(f); err != nil {
		t.Fatal(err)
	}
}

func pod() atlas.SpawnParams {
	return atlas.SpawnParams{GPU: []string{"rtx_4090"}, Image: "ghcr.io/me/server:1", ContainerDiskGB: 10}
}

// spawnMany rents machines at the same time and returns their identifiers.
func spawnMany(t testing.TB, client *atlas.Client, count, atOnce int) map[string]int {
	t.Helper()
	var left, failed atomic.Int64
	left.Store(int64(count))
	var mu sync.Mutex
	ids := map[string]int{}
	var wg sync.WaitGroup
	for range atOnce {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for left.Add(-1) >= 0 {
				machine, err := client.Compute.Spawn(context.Background(), pod())
				if err != nil {
					if failed.Add(1) <= 3 {
						t.Errorf("spawn: %v (hint: %s)", err, spec.AsError(err).Hint)
					}
					continue
				}
				mu.Lock()
				ids[machine.ID]++
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d spawns failed", n, count)
	}
	return ids
}

func exactly(t testing.TB, server *sim.Server, ids map[string]int, want int) {
	t.Helper()
	if len(ids) != want {
		t.Errorf("%d machines handed out, want %d", len(ids), want)
	}
	machines := server.Machines()
	if len(machines) != want {
		t.Errorf("%d machines at the cloud, want %d", len(machines), want)
	}
	for _, m := range machines {
		if ids[m.ID] != 1 {
			t.Fatalf("machine %s at the cloud was handed out %d times", m.ID, ids[m.ID])
		}
	}
}

func TestSpawn_TenThousandWithEveryThirdAnswerLost_RentsEachExactlyOnce(t *testing.T) {
	count := 10_000
	if testing.Short() {
		count = 600
	}
	server, client := cloud(t, simkit.Options{}, "", nil)
	fault(t, server, simkit.Fault{Method: "POST", Path: "/v2/pods", Every: 3, Effect: simkit.LostAnswer})
	ids := spawnMany(t, client, count, 1000)
	exactly(t, server, ids, count)
	lost := server.Faults.List()[0].Fired
	t.Logf("%d spawns, %d answers lost after the effect: %d machines at the cloud, none twice, %d requests", count, lost, len(server.Machines()), server.Requests())
	if lost < count/3 {
		t.Errorf("only %d answers of %d were lost: the test proves little", lost, count)
	}
}
