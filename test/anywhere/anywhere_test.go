package anywhere

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

const (
	ceiling  = 0.60 // USD an hour
	accounts = 20   // of Vast, which lets each rent once in 4.5 s: one alone would hardly be seen
)

// world is four clouds with random room and random trouble, and a client of all.
func world(t *testing.T, spawns int) (map[string]*sim.Server, *atlas.Client) {
	t.Helper()
	vastOffers := fmt.Sprintf(`{"hosts":%d}`, spawns/2)
	clouds := map[string]struct {
		o        simkit.Options
		settings string
	}{
		"runpod": {simkit.Options{Faults: []simkit.Fault{
			{Method: "POST", Path: "/v2/pods", Every: 3, Effect: simkit.LostAnswer},
			{Method: "POST", Path: "/v2/pods", Every: 7, Effect: simkit.Status, Status: 503},
			{Method: "POST", Path: "/v2/pods", Every: 11, Effect: simkit.Reset},
		}, Capacity: []simkit.Limit{{GPU: "NVIDIA GeForce RTX 4090", Count: spawns * 45 / 100}, {GPU: "NVIDIA GeForce RTX 3090", Count: spawns / 4}, {GPU: "NVIDIA L4", Count: spawns / 4}}}, ""},
		"vast": {simkit.Options{Faults: []simkit.Fault{
			{Method: "PUT", Path: "/api/v0/asks/*", Every: 4, Effect: simkit.LostAnswer},
			{Method: "PUT", Path: "/api/v0/asks/*", Every: 9, Effect: simkit.Status, Status: 500},
		}}, vastOffers},
		"lambda_labs": {simkit.Options{}, ""},
		"fly":         {simkit.Options{}, ""},
	}
	servers := map[string]*sim.Server{}
	settings := atlas.Settings{Providers: map[string]atlas.ProviderSettings{}, Compute: atlas.ComputeSettings{SettleMS: 1000},
		Plugins: atlas.PluginSettings{CacheDir: os.TempDir() + "/exatlas-test-cache"}}
	for name, c := range clouds {
		server, err := sim.Start(name, sim.Options{Options: c.o, Settings: []byte(c.settings)})
		if err != nil {
			t.Fatal(err)
		}
		servers[name] = server
		settings.Providers[name] = atlas.ProviderSettings{APIKey: atlas.NewSecret("anywhere-" + name), BaseURL: server.URL()}
	}
	vast := settings.Providers["vast"]
	vast.Accounts = map[string]atlas.Secret{}
	for n := range accounts {
		vast.Accounts["a"+strconv.Itoa(n)] = atlas.NewSecret("anywhere-vast-" + strconv.Itoa(n))
	}
	settings.Providers["vast"] = vast
	client, err := atlas.Open(atlas.Config{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if outcome := client.Close(20 * time.Second); outcome != atlas.OK {
			t.Errorf("close: %d", outcome)
		}
		if err := leak.Gauges(client.Info().Live); err != nil {
			t.Error(err)
		}
		for _, server := range servers {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return servers, client
}

func TestSpawn_AThousandAnywhereRentOneMachineEachBelowTheCeiling(t *testing.T) {
	spawns := 1000
	if testing.Short() {
		spawns = 200
	}
	servers, client := world(t, spawns)
	gpus, disk := []string{"rtx_4090", "rtx_3090", "l4", "a10"}, 10
	market, err := client.Offers.Search(t.Context(), atlas.OffersParams{Targets: atlas.Targets{Provider: []string{"vast"}}, GPU: gpus, DiskGB: disk, MaxPricePerHour: ceiling, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	short := 0 // spawns that Vast alone was asked for, and had nothing
	var work sync.WaitGroup
	var mu sync.Mutex
	rented := map[string]int{}
	offers := map[string]int{}
	failures := map[string]int{}
	moved := map[atlas.Kind]int{}
	for n := range spawns {
		where := "any"
		if n%10 == 0 {
			where = "vast:a" + strconv.Itoa(n/10%accounts)
		}
		work.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
			defer cancel()
			got, err := client.Compute.Spawn(ctx, atlas.SpawnParams{Targets: atlas.Targets{Provider: []string{where}}, GPU: gpus,
				Image: "ghcr.io/me/server:1", ContainerDiskGB: disk, Prefer: "price", MaxPricePerHour: ceiling})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures[fmt.Sprintf("%s: %.150s", atlas.KindOf(err), err)]++
				if where != "any" && atlas.KindOf(err) == atlas.KindCapacity {
					short++
				}
				switch atlas.KindOf(err) { // a cloud that keeps a spawn waiting may outlast its deadline; then it has rented nothing
				case atlas.KindCapacity, atlas.KindTimeout, atlas.KindRateLimited:
				default:
					t.Errorf("%v", err)
				}
				return
			}
			cloud, _, _ := strings.Cut(got.Provider, ":")
			rented[cloud+"/"+got.ID]++
			if at := got.Attempts[len(got.Attempts)-1]; at.OfferID != "" {
				offers[cloud+"/"+at.OfferID]++
			}
			for _, attempt := range got.Attempts {
				if attempt.Kind != "" {
					moved[attempt.Kind]++
				}
			}
		})
	}
	work.Wait()
	if outcome := client.Close(30 * time.Second); outcome != atlas.OK { // what was abandoned is given back by then
		t.Errorf("close: %d", outcome)
	}
	machines := 0
	clouds := map[string]int{}
	for name, server := range servers {
		for _, m := range server.Machines() {
			machines++
			clouds[name]++
			if rented[name+"/"+m.ID] != 1 {
				t.Errorf("machine %s of %s was handed out %d times", m.ID, name, rented[name+"/"+m.ID])
			}
			if m.Rate > ceiling {
				t.Errorf("machine %s of %s costs %g USD an hour", m.ID, name, m.Rate)
			}
		}
	}
	for name, server := range servers {
		for _, f := range server.Faults.List() {
			if f.Fired == 0 {
				t.Errorf("the fault %s of %s never came: the test proves little", f.Effect, name)
			}
		}
	}
	if short > 0 && len(offers) < len(market.Items)*9/10 {
		t.Errorf("%d spawns found nothing, and of %d offers %d are rented", short, len(market.Items), len(offers))
	}
	if len(offers) < spawns/50 || moved[atlas.KindCapacity] == 0 {
		t.Errorf("%d offers are rented, spawns moved on for %v: the test proves little", len(offers), moved)
	}
	if machines != len(rented) || len(rented) < spawns*8/10 || len(clouds) < 2 {
		t.Errorf("%d machines for %d successes, on %v", machines, len(rented), clouds)
	}
	for offer, times := range offers {
		if times != 1 {
			t.Errorf("offer %s was rented %d times", offer, times)
		}
	}
	t.Logf("%d spawns: %d machines on %v, none above %.2f USD an hour, %d offers taken once each; moved on: %v, refused: %v", spawns, machines, clouds, ceiling, len(offers), moved, failures)
}
