package compute

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/offers"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// clouds is several fakes under one backend.
type clouds map[string]*fake

func (c clouds) Names() []string {
	var names []string
	for name := range c {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (c clouds) Manifest(_ context.Context, name string) (*spec.Manifest, error) {
	if c[name] == nil {
		return nil, spec.NewError(spec.KindNotFound, "no such plugin")
	}
	return &c[name].manifest, nil
}

func (c clouds) Call(ctx context.Context, call spec.Call) (spec.Raw, error) {
	return c[call.Provider].Call(ctx, call)
}

// market is RunPod with a catalogue, Vast with single offers, and Fly without
// GPUs. Each has a key but nokey.
func market() clouds {
	c := clouds{}
	for _, name := range []string{"runpod", "vast", "fly", "nokey"} {
		f := newFake()
		f.manifest.Name = name
		f.manifest.Credential = &spec.Credential{Env: []string{strings.ToUpper(name) + "_API_KEY"}}
		c[name] = f
	}
	c["runpod"].manifest.Operations = slices.DeleteFunc(spec.Operations(), func(op string) bool { return op == spec.OpSearchOffers })
	c["runpod"].types = []spec.GPUType{
		{ID: "NVIDIA GeForce RTX 4090", MemoryGB: 24, PricePerHour: ptr(0.44), Stock: spec.StockHigh, CloudType: spec.CloudSecure, Regions: []string{"US-KS-2", "EU-RO-1"}},
		{ID: "NVIDIA GeForce RTX 4090", MemoryGB: 24, PricePerHour: ptr(0.34), Stock: spec.StockLow, CloudType: spec.CloudCommunity},
		{ID: "NVIDIA L4", MemoryGB: 24, PricePerHour: ptr(0.30), Stock: spec.StockUnavailable, CloudType: spec.CloudSecure},
		{ID: "NVIDIA H100 80GB HBM3", MemoryGB: 80, PricePerHour: ptr(2.5), CloudType: spec.CloudSecure, MaxCount: 8},
	}
	vast := c["vast"]
	vast.manifest.Capabilities = []spec.Capability{spec.CapGPU, spec.CapSpot, spec.CapOffers}
	for i, price := range []float64{0.29, 0.31, 0.60} {
		vast.offers = append(vast.offers, spec.Offer{ID: fmt.Sprint("ask", i), GPUNative: "RTX 4090", GPUCount: 1, GPUMemoryGB: 24, PricePerHour: price, Reliability: ptr(0.99), Region: "Norway"})
	}
	c["fly"].manifest.Capabilities = []spec.Capability{spec.CapCPU}
	return c
}

func ptr(v float64) *float64 { return &v }

func openMarket(c clouds) *Service {
	keys := map[string]spec.Secret{}
	for name := range c {
		if name != "nokey" {
			keys[name] = spec.NewSecret(canary)
		}
	}
	directory := provider.NewDirectory(c, provider.Settings{Default: "runpod", Keys: keys})
	gpus := catalog.New()
	return New(Wiring{Backend: c, Directory: directory, Catalog: gpus, Offers: offers.New(c, directory, gpus, clock.System{}),
		Events: events.NewBus(clock.System{}, events.Settings{}), Clock: clock.System{}, Random: rand.Reader, Settings: Settings{NamePrefix: "atlas-", Settle: time.Second}})
}

func closeMarket(t *testing.T, s *Service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if !s.Close(ctx) {
		t.Error("background work was left")
	}
}

func anywhere(names ...string) *SpawnParams {
	return &SpawnParams{Targets: provider.Targets{Provider: []string{provider.Any}}, GPU: names, Image: "img"}
}

// tried writes attempts as provider/offer-or-tier:outcome.
func tried(list []Attempt) string {
	var out []string
	for _, a := range list {
		what := a.OfferID
		if what == "" {
			what = string(a.CloudType)
		}
		out = append(out, a.Provider+"/"+what+":"+a.Outcome)
	}
	return strings.Join(out, " ")
}

func attemptsOf(t *testing.T, err error) []Attempt {
	t.Helper()
	var d struct{ Attempts []Attempt }
	if e := spec.AsError(err); e == nil || json.Unmarshal(e.Details, &d) != nil {
		t.Fatalf("no attempts in %v", err)
	}
	return d.Attempts
}

func TestSpawn_AnywhereTakesTheCheapestAndMovesOnAfterCapacity(t *testing.T) {
	gone := map[string]bool{"ask0": true}
	c := market()
	c["vast"].create = func(_ int, r *spec.SpawnRequest) (*spec.Error, bool) {
		if gone[r.OfferID] {
			return noCapacity(), false
		}
		return nil, true
	}
	s := openMarket(c)
	got, err := s.Spawn(context.Background(), anywhere("rtx_4090"))
	if err != nil || got.Provider != "vast" || tried(got.Attempts) != "fly/:skipped vast/ask0:refused vast/ask1:rented" {
		t.Fatalf("%v %v", got, err)
	}
	if at := got.Attempts[2]; at.Price != 0.31 || at.Region != "Norway" || got.Attempts[0].Kind != spec.KindUnsupported {
		t.Errorf("attempts %+v", got.Attempts)
	}
	if len(c["nokey"].calls) != 0 || len(c["fly"].calls) != 0 {
		t.Error("a cloud without a key or without GPUs was asked")
	}
	// ask1 is claimed, so the next one goes on to RunPod's cheaper tier, without a
	// region that nobody asked for.
	if got, err = s.Spawn(context.Background(), anywhere("rtx_4090")); err != nil || got.Provider != "runpod" || got.CloudType != spec.CloudCommunity {
		t.Fatalf("%+v %v", got, err)
	}
	if r := c["runpod"].spawns[0]; len(r.RegionHints) != 0 || r.OfferID != "" || r.GPU != "NVIDIA GeForce RTX 4090" {
		t.Errorf("sent %+v", r)
	}
	closeMarket(t, s)
}

func TestSpawn_OrdersCandidatesAsAsked(t *testing.T) {
	refuse := func(int, *spec.SpawnRequest) (*spec.Error, bool) { return noCapacity(), false }
	for _, row := range []struct {
		name   string
		params func(*SpawnParams)
		want   string
	}{
		{"any, one GPU: by price", func(p *SpawnParams) {}, "fly/:skipped vast/ask0:refused vast/ask1:refused runpod/community:refused runpod/secure:refused vast/ask2:refused"},
		{"a list of providers: in its order", func(p *SpawnParams) { p.Provider = []string{"runpod", "vast"} }, "runpod/community:refused runpod/secure:refused vast/ask0:refused vast/ask1:refused vast/ask2:refused"},
		{"a list by price", func(p *SpawnParams) { p.Provider, p.Prefer = []string{"runpod", "vast"}, PreferPrice }, "vast/ask0:refused vast/ask1:refused runpod/community:refused runpod/secure:refused vast/ask2:refused"},
		{"GPUs in order", func(p *SpawnParams) { p.GPU = []string{"h100", "rtx_4090"} }, "fly/:skipped runpod/secure:refused vast/ask0:refused vast/ask1:refused runpod/community:refused runpod/secure:refused vast/ask2:refused"},
		{"a ceiling", func(p *SpawnParams) { p.MaxPricePerHour = 0.35 }, "fly/:skipped vast/ask0:refused vast/ask1:refused runpod/community:refused"},
		{"one market place", func(p *SpawnParams) { p.Provider = []string{"vast"} }, "vast/ask0:refused vast/ask1:refused vast/ask2:refused"},
		{"a region", func(p *SpawnParams) { p.RegionHints = []string{"EU-RO-1"} }, "fly/:skipped runpod/community:refused runpod/secure:refused"},
		{"a tier", func(p *SpawnParams) { p.Provider, p.CloudType = []string{"runpod", "fly"}, spec.CloudSecure }, "fly/:skipped runpod/secure:refused"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := market()
			c["vast"].create, c["runpod"].create = refuse, refuse
			s := openMarket(c)
			p := anywhere("rtx_4090")
			row.params(p)
			_, err := s.Spawn(context.Background(), p)
			if kind(err) != spec.KindCapacity || !spec.AsError(err).Retryable || tried(attemptsOf(t, err)) != row.want {
				t.Errorf("%v: %s", err, tried(attemptsOf(t, err)))
			}
			closeMarket(t, s)
		})
	}
}

func TestSpawn_StopsWhereGoingOnIsWrong(t *testing.T) {
	for _, row := range []struct {
		kind  spec.Kind
		open  bool
		calls int
	}{{spec.KindFunds, false, 2}, {spec.KindValidation, false, 1}, {spec.KindRateLimited, false, 5}, {spec.KindProvider, false, 5}, {spec.KindUnauthorized, false, 2}, {spec.KindForbidden, false, 3}, {spec.KindInternal, false, 1}} {
		c := market()
		refuse := func(int, *spec.SpawnRequest) (*spec.Error, bool) {
			return &spec.Error{Kind: row.kind, Message: "no"}, false
		}
		c["vast"].create, c["runpod"].create = refuse, refuse
		s := openMarket(c)
		_, err := s.Spawn(context.Background(), anywhere("rtx_4090"))
		if kind(err) != row.kind || len(c["vast"].spawns)+len(c["runpod"].spawns) != row.calls {
			t.Errorf("%s: %v after %d creates", row.kind, err, len(c["vast"].spawns)+len(c["runpod"].spawns))
		}
		closeMarket(t, s)
	}
}

func TestSpawn_NeverKeepsAMachineAboveTheCeiling(t *testing.T) {
	c := market()
	c["vast"].change = func(m *spec.Compute) { m.CostPerHour = ptr(0.9) }
	c["runpod"].change = func(m *spec.Compute) { m.CostPerHour = ptr(0.34) }
	s := openMarket(c)
	p := anywhere("rtx_4090")
	p.MaxPricePerHour = 0.4
	got, err := s.Spawn(context.Background(), p)
	if err != nil || got.Provider != "runpod" || tried(got.Attempts) != "fly/:skipped vast/ask0:too_dear vast/ask1:too_dear runpod/community:rented" {
		t.Errorf("%+v %v", got, err)
	}
	for _, r := range append(c["vast"].spawns, c["runpod"].spawns...) {
		if r.MaxPricePerHour != 0.4 {
			t.Errorf("the guest was not told the ceiling: %+v", r)
		}
	}
	closeMarket(t, s)
	if len(c["vast"].machines) != 0 || len(c["runpod"].machines) != 1 {
		t.Errorf("left: %v %v", c["vast"].machines, c["runpod"].machines)
	}
}

func TestSpawn_ManyAtOnceNeverTakeOneOfferTwice(t *testing.T) {
	c := market()
	c["vast"].offers = nil
	for i := range 40 {
		c["vast"].offers = append(c["vast"].offers, spec.Offer{ID: fmt.Sprint("ask", i), GPUNative: "RTX 4090", GPUCount: 1, PricePerHour: 0.3})
	}
	s := openMarket(c)
	var work sync.WaitGroup
	var mu sync.Mutex
	rented := 0
	for range 60 {
		work.Go(func() {
			p := anywhere("rtx_4090")
			p.Provider = []string{"vast"}
			if _, err := s.Spawn(context.Background(), p); err == nil {
				mu.Lock()
				rented++
				mu.Unlock()
			} else if kind(err) != spec.KindCapacity {
				t.Error(err)
			}
		})
	}
	work.Wait()
	taken := map[string]int{}
	for _, r := range c["vast"].spawns {
		taken[r.OfferID]++
	}
	if rented != 40 || len(taken) != 40 || len(c["vast"].spawns) != 40 {
		t.Errorf("%d rented, %d offers in %d creates", rented, len(taken), len(c["vast"].spawns))
	}
	if c["vast"].count[spec.OpSearchOffers] != 1 {
		t.Errorf("%d searches for 60 spawns at once", c["vast"].count[spec.OpSearchOffers])
	}
	closeMarket(t, s)
}

func TestSpawn_WaitsForCapacityAndLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := market()
		began := time.Now()
		empty := func(int, *spec.SpawnRequest) (*spec.Error, bool) {
			if time.Since(began) < 3*time.Minute {
				return noCapacity(), false
			}
			return nil, true
		}
		c["vast"].create, c["runpod"].create = empty, empty
		s := openMarket(c)
		p := anywhere("rtx_4090")
		p.WaitForCapacityMS = (10 * time.Minute).Milliseconds()
		got, err := s.Spawn(context.Background(), p)
		if err != nil || time.Since(began) < 3*time.Minute || time.Since(began) > 5*time.Minute {
			t.Errorf("%v %v after %s", got, err, time.Since(began))
		}
		if n := c["runpod"].count[spec.OpListGPUTypes]; n < 4 || n > 9 {
			t.Errorf("the catalogue was read %d times", n)
		}
		began = time.Now()
		c["vast"].create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return noCapacity(), false }
		c["runpod"].create = c["vast"].create
		p.WaitForCapacityMS = (2 * time.Minute).Milliseconds()
		if _, err = s.Spawn(context.Background(), p); kind(err) != spec.KindCapacity || time.Since(began) > 2*time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		closeMarket(t, s)
	})
}

func TestSpawn_WaitsForCapacityThroughARoundThatFails(t *testing.T) {
	hiccup := &spec.Error{Kind: spec.KindTransport, Message: "the connection broke"}
	for _, row := range []struct {
		name   string
		rounds []*spec.Error // nil: there is capacity
		want   spec.Kind
		tries  int
	}{
		{"a hiccup after a shortage", []*spec.Error{noCapacity(), hiccup, noCapacity(), hiccup, nil}, "", 5},
		{"a hiccup at first", []*spec.Error{hiccup, nil}, spec.KindTransport, 1},
		{"the key is taken away", []*spec.Error{noCapacity(), {Kind: spec.KindUnauthorized, Message: "no"}, nil}, spec.KindUnauthorized, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) { return row.rounds[n-1], false }
			r := newRig(f, Settings{})
			p := gpu("h100")
			p.CloudType, p.WaitForCapacityMS = spec.CloudSecure, time.Hour.Milliseconds()
			_, err := r.Spawn(context.Background(), p)
			if kind(err) != row.want || len(f.spawns) != row.tries {
				t.Errorf("%s: %v after %d creates", row.name, err, len(f.spawns))
			}
			r.finish(t)
		})
	}
}

func TestSpawn_ALostAnswerIsSettledAtItsOwnCloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := market()
		c["vast"].create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) { return lost(), n == 1 }
		s := openMarket(c)
		got, err := s.Spawn(context.Background(), anywhere("rtx_4090"))
		if err != nil || got.Provider != "vast" || tried(got.Attempts) != "fly/:skipped vast/ask0:adopted" {
			t.Fatalf("%+v %v", got, err)
		}
		// The next one's answers are lost before the effect: it goes on to another
		// offer or cloud only once the listing says so.
		c["vast"].before = func(_ context.Context, _ int, op string) *spec.Error {
			if op == spec.OpFind {
				return &spec.Error{Kind: spec.KindForbidden, Message: "no"}
			}
			return nil
		}
		if _, err = s.Spawn(context.Background(), anywhere("rtx_4090")); err == nil || !spec.AsError(err).UnknownOutcome || len(c["runpod"].spawns) != 0 {
			t.Errorf("an undecided create: %v, %d creates elsewhere", err, len(c["runpod"].spawns))
		}
		closeMarket(t, s)
	})
}

func TestSpawn_RefusesWhatNoCloudCanServe(t *testing.T) {
	c := market()
	s := openMarket(c)
	for _, row := range []struct {
		p       *SpawnParams
		kind    spec.Kind
		message string
	}{
		{&SpawnParams{Targets: provider.Targets{Provider: []string{"any", "vast"}}, GPU: []string{"h100"}}, spec.KindValidation, "any stands beside"},
		{&SpawnParams{Targets: provider.Targets{Provider: []string{"vast", "vast"}}, GPU: []string{"h100"}}, spec.KindValidation, "the same name twice"},
		{&SpawnParams{Targets: provider.Targets{Provider: []string{"any"}, APIKey: spec.NewSecret("k")}, GPU: []string{"h100"}}, spec.KindValidation, "params.api_key"},
		{&SpawnParams{Targets: provider.Targets{Provider: []string{"vast", "runpod"}}, OfferID: "1"}, spec.KindValidation, "params.offer_id"},
		{&SpawnParams{Targets: provider.Targets{Provider: []string{"runpod", "fly"}}, GPU: []string{"h100"}, Spot: true}, spec.KindUnsupported, "no provider can serve this"},
		{&SpawnParams{CPU: &spec.CPU{}, MaxPricePerHour: 1}, spec.KindUnsupported, "max_price_per_hour"},
		{&SpawnParams{GPU: []string{"h100"}, Ports: []spec.PortRequest{{Internal: 1}, {Internal: 2, Symmetric: true}}}, spec.KindUnsupported, "leave ports[1].symmetric out"},
		{&SpawnParams{GPU: []string{"h100"}, Ports: []spec.PortRequest{{Internal: 2, Symmetric: true, Protocol: spec.ProtocolHTTP}}}, spec.KindValidation, "a symmetric port is a tcp port"},
		{&SpawnParams{GPU: []string{"h100"}, Ports: []spec.PortRequest{{Internal: 2, Protocol: spec.ProtocolTCP}, {Internal: 2, Symmetric: true}}}, spec.KindValidation, "the same port as an earlier one"},
		{&SpawnParams{GPU: []string{"h100"}, Spot: true, BidPerHour: 2, MaxPricePerHour: 1}, spec.KindValidation, "bid_per_hour"},
	} {
		if _, err := s.Spawn(context.Background(), row.p); kind(err) != row.kind || !strings.Contains(err.Error(), row.message) {
			t.Errorf("%+v: %v", row.p, err)
		}
	}
	for name, f := range c {
		if len(f.calls) != 0 {
			t.Errorf("%s was asked: %v", name, f.calls)
		}
	}
	closeMarket(t, s)
}

func TestSpawn_AMachineOfAnEarlierCandidateHasThePriceOfItsOwnOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clouds{"vast": market()["vast"], "runpod": market()["runpod"]}
		vast := c["vast"]
		vast.offers = append(vast.offers[:1:1], spec.Offer{ID: "other", GPUNative: "L40S", GPUCount: 1, GPUMemoryGB: 48, PricePerHour: 0.9, Reliability: ptr(0.99), Region: "Norway"})
		c["runpod"].types = nil
		vast.lag = 3500 * time.Millisecond // the first offer's create shows once the second offer's is lost, too
		vast.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) { return lost(), n == 1 }
		vast.change = func(m *spec.Compute) { m.GPUNative, m.GPUCount = "", 0 }
		s := openMarket(c)
		got, err := s.Spawn(context.Background(), anywhere("rtx_4090", "l40s"))
		if err != nil || got.ID != "m1" || len(vast.spawns) != 4 {
			t.Fatalf("%+v %v after %d creates", got, err, len(vast.spawns))
		}
		if got.GPUType != "rtx_4090" || got.CostPerHour == nil || *got.CostPerHour != 0.29 {
			t.Errorf("it is said to be %s for %v", got.GPUType, *got.CostPerHour)
		}
		if at := got.Attempts[len(got.Attempts)-1]; at.OfferID != "ask0" || at.Outcome != OutcomeAdopted || at.RequestID != vast.spawns[0].RequestID {
			t.Errorf("the last attempt is %+v", at)
		}
		account := &provider.Account{Provider: "vast"}
		if time.Sleep(time.Minute); !s.Offers.Claims.Take(account, "ask0") || s.Offers.Claims.Take(account, "other") {
			t.Error("the claims: what was rented is settled, and what was lost beside it runs out by itself")
		}
		closeMarket(t, s)
	})
}
