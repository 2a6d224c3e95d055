package offers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// cloud answers searches from a list, or fails, or waits for its gate.
type cloud struct {
	manifest spec.Manifest
	offers   []spec.Offer
	types    []spec.GPUType
	fail     *spec.Error
	wait     time.Duration
	asked    atomic.Int64
	question atomic.Pointer[spec.OffersRequest]
	ended    atomic.Int64 // readings that were cut off
}

type clouds map[string]*cloud

func (c clouds) Names() []string { return []string{"lambda_labs", "runpod", "vast"} }

func (c clouds) Manifest(_ context.Context, name string) (*spec.Manifest, error) {
	return &c[name].manifest, nil
}

func (c clouds) Call(ctx context.Context, call spec.Call) (spec.Raw, error) {
	it := c[call.Provider]
	it.asked.Add(1)
	if it.wait > 0 && (clock.System{}).Wait(ctx, it.wait) != nil {
		it.ended.Add(1)
		return nil, &spec.Error{Kind: spec.KindCancelled, Message: "cancelled"}
	}
	if it.fail != nil {
		return nil, it.fail
	}
	if call.Operation == spec.OpListGPUTypes {
		return json.Marshal(spec.GPUTypeList{Items: it.types})
	}
	var q spec.OffersRequest
	if err := json.Unmarshal(call.Request, &q); err != nil {
		return nil, err
	}
	it.question.Store(&q)
	return json.Marshal(spec.OfferList{Items: it.offers})
}

func number(v float64) *float64 { return &v }

func world() clouds {
	c := clouds{}
	for _, name := range []string{"lambda_labs", "runpod", "vast"} {
		c[name] = &cloud{manifest: spec.Manifest{Name: name, Capabilities: []spec.Capability{spec.CapGPU}, Operations: []string{spec.OpSearchOffers}}}
	}
	c["vast"].manifest.Capabilities = []spec.Capability{spec.CapGPU, spec.CapSpot, spec.CapOffers}
	c["vast"].offers = []spec.Offer{
		{ID: "1", GPUNative: "RTX 4090", GPUCount: 1, PricePerHour: 0.40, Reliability: number(0.95), Country: "DE", Raw: spec.Raw(`{"a":1}`)},
		{ID: "2", GPUNative: "RTX 4090", GPUCount: 1, PricePerHour: 0.40, Reliability: number(0.99), Country: "NO", DiskGB: 20},
		{ID: "3", GPUNative: "RTX 4090", GPUCount: 2, PricePerHour: 0.80},
		{ID: "4", GPUNative: "RTX 4090", GPUCount: 1, PricePerHour: 0.10, Spot: true},
		{ID: "5", GPUNative: "H100 SXM", GPUCount: 1, GPUMemoryGB: 80, PricePerHour: 1.9},
		{ID: "6", GPUNative: "Future 1", GPUCount: 1, PricePerHour: 9},
	}
	c["runpod"].manifest.Operations = []string{spec.OpListGPUTypes}
	c["runpod"].types = []spec.GPUType{
		{ID: "NVIDIA GeForce RTX 4090", PricePerHour: number(0.3), Stock: spec.StockHigh, CloudType: spec.CloudCommunity, MaxCount: 1, Regions: []string{"EU-RO-1", "US-KS-2"}},
		{ID: "NVIDIA L4", PricePerHour: number(0.2), Stock: spec.StockUnavailable},
		{ID: "NVIDIA A40"},
	}
	c["lambda_labs"].fail = &spec.Error{Kind: spec.KindRateLimited, Message: "slow down"}
	return c
}

func open(c clouds, keys ...string) *Service {
	known := map[string]spec.Secret{}
	for _, name := range keys {
		known[name] = spec.NewSecret("k")
	}
	return New(c, provider.NewDirectory(c, provider.Settings{Default: "runpod", Keys: known}), catalog.New(), clock.System{})
}

func ids(list []spec.Offer) string {
	var out []string
	for _, o := range list {
		out = append(out, strings.Trim(fmt.Sprintf("%s:%s%s", o.Provider, o.ID, o.Region), ":"))
	}
	return strings.Join(out, " ")
}

func TestSearch_RanksAllCloudsAndTellsOfThoseThatFailed(t *testing.T) {
	s := open(world(), "vast", "runpod", "lambda_labs")
	got, err := s.Search(context.Background(), &Params{GPU: []string{"rtx_4090", "a10"}})
	if err != nil || ids(got.Items) != "runpod:EU-RO-1 runpod:US-KS-2 vast:2 vast:1" {
		t.Fatalf("%s %v", ids(got.Items), err)
	}
	if o := got.Items[2]; o.GPUType != "rtx_4090" || o.GPUMemoryGB != 24 || o.Stock != spec.StockUnknown || got.Items[3].Raw != nil {
		t.Errorf("%+v", o)
	}
	if len(got.Problems) != 1 || got.Problems[0].Provider != "lambda_labs" || got.Problems[0].Error.Kind != spec.KindRateLimited {
		t.Errorf("problems %+v", got.Problems)
	}
}

func TestSearch_Filters(t *testing.T) {
	for _, row := range []struct {
		name string
		p    Params
		want string
	}{
		{"count", Params{GPU: []string{"rtx_4090"}, GPUCount: 2}, "vast:3"},
		{"spot", Params{GPU: []string{"rtx_4090"}, Spot: true}, "vast:4"},
		{"memory", Params{MinGPUMemoryGB: 40}, "vast:5"},
		{"ceiling", Params{MaxPricePerHour: 0.39}, "runpod:EU-RO-1 runpod:US-KS-2"},
		{"reliability", Params{GPU: []string{"rtx_4090"}, MinReliability: 0.98}, "runpod:EU-RO-1 runpod:US-KS-2 vast:2"},
		{"regions and countries", Params{GPU: []string{"rtx_4090"}, Regions: []string{"us-ks-2", "no"}}, "runpod:US-KS-2 vast:2"},
		{"disk", Params{GPU: []string{"rtx_4090"}, DiskGB: 50}, "runpod:EU-RO-1 runpod:US-KS-2 vast:1"},
		{"tier", Params{GPU: []string{"rtx_4090"}, CloudType: spec.CloudSecure}, "vast:2 vast:1"},
		{"a native name", Params{GPU: []string{"Future 1"}}, "vast:6"},
		{"limit", Params{Limit: 1}, "runpod:EU-RO-1"},
		{"one provider", Params{Targets: provider.Targets{Provider: []string{"vast"}}, GPU: []string{"h100"}}, "vast:5"},
	} {
		s := open(world(), "vast", "runpod")
		got, err := s.Search(context.Background(), &row.p)
		if err != nil || ids(got.Items) != row.want {
			t.Errorf("%s: %v %v", row.name, got, err)
		}
	}
}

func TestSearch_ShowsAnOfferOnce(t *testing.T) {
	c := world()
	c["vast"].offers = append(c["vast"].offers[:2:2], spec.Offer{ID: "1", GPUNative: "RTX 4090", GPUCount: 1, PricePerHour: 0.7}, c["vast"].offers[0])
	c["runpod"].types[0].Regions = []string{"EU-RO-1", "EU-RO-1", "US-KS-2"}
	c["runpod"].types = append(c["runpod"].types, c["runpod"].types[0])
	s := open(c, "vast", "runpod")
	if got, err := s.Search(context.Background(), &Params{GPU: []string{"rtx_4090"}}); err != nil || ids(got.Items) != "runpod:EU-RO-1 runpod:US-KS-2 vast:2 vast:1" {
		t.Errorf("%s %v", ids(got.Items), err)
	}
	if got, err := s.Search(context.Background(), &Params{GPU: []string{"rtx_4090"}, Limit: 2}); err != nil || ids(got.Items) != "runpod:EU-RO-1 runpod:US-KS-2" {
		t.Errorf("of two: %s %v", ids(got.Items), err)
	}
}

func TestSearch_LeavesOutWhatHasNoPriceToSpeakOf(t *testing.T) {
	c := world()
	for _, price := range []float64{0, -1, 1e308, 9e302} {
		c["runpod"].types = append(c["runpod"].types, spec.GPUType{ID: "NVIDIA GeForce RTX 4090", PricePerHour: number(price)})
		c["vast"].offers = append(c["vast"].offers, spec.Offer{ID: fmt.Sprint("odd ", price), GPUNative: "RTX 4090", GPUCount: 1, PricePerHour: price})
	}
	s := open(c, "vast", "runpod")
	got, err := s.Search(context.Background(), &Params{GPU: []string{"rtx_4090"}})
	if err != nil || ids(got.Items) != "runpod:EU-RO-1 runpod:US-KS-2 vast:2 vast:1" {
		t.Errorf("%s %v", ids(got.Items), err)
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
}

func TestSearch_FindsWhatCostsTheCeilingToTheCent(t *testing.T) {
	for _, row := range []struct {
		each    float64
		count   int
		ceiling float64
	}{{0.2, 3, 0.6}, {1.12, 6, 6.72}, {0.17, 5, 0.85}, {2.79, 3, 8.37}} {
		c := world()
		c["runpod"].types = []spec.GPUType{{ID: "NVIDIA L4", PricePerHour: number(row.each), Stock: spec.StockHigh}}
		s := open(c, "runpod")
		got, err := s.Search(context.Background(), &Params{GPU: []string{"l4"}, GPUCount: row.count, MaxPricePerHour: row.ceiling})
		if err != nil || len(got.Items) != 1 || got.Items[0].PricePerHour != row.ceiling {
			t.Errorf("%d of %v: %+v %v", row.count, row.each, got, err)
		}
		if got, err = s.Search(context.Background(), &Params{GPU: []string{"l4"}, GPUCount: row.count, MaxPricePerHour: row.ceiling - 0.0001}); err != nil || len(got.Items) != 0 {
			t.Errorf("above the ceiling: %+v %v", got, err)
		}
	}
}

func TestSearch_FailsWhenNoCloudAnswers(t *testing.T) {
	s := open(world(), "lambda_labs")
	if _, err := s.Search(context.Background(), &Params{}); err == nil || spec.AsError(err).Kind != spec.KindRateLimited {
		t.Errorf("%v", err)
	}
	s = open(world(), "lambda_labs", "runpod")
	_, err := s.Search(context.Background(), &Params{Spot: true})
	if e := spec.AsError(err); e == nil || e.Kind != spec.KindUnsupported || !strings.Contains(string(e.Details), `"provider":"runpod"`) {
		t.Errorf("%v", err)
	}
	if _, err = open(world()).Search(context.Background(), &Params{}); err == nil || spec.AsError(err).Kind != spec.KindUnauthorized {
		t.Errorf("no key at all: %v", err)
	}
	if _, err = open(world(), "vast").Search(context.Background(), &Params{GPU: []string{"RTX4090"}}); err == nil || spec.AsError(err).Hint != "did you mean rtx_4090?" {
		t.Errorf("a misspelt GPU: %v", err)
	}
}

func TestSearch_SharesAListingForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := world()
		c["vast"].wait = time.Second
		s := open(c, "vast")
		var work sync.WaitGroup
		for range 50 {
			work.Go(func() {
				if got, err := s.Search(context.Background(), &Params{GPU: []string{"h100"}}); err != nil || len(got.Items) != 1 {
					t.Errorf("%v %v", got, err)
				}
			})
		}
		work.Wait()
		time.Sleep(fresh - time.Millisecond)
		if _, err := s.Search(context.Background(), &Params{GPU: []string{"h100"}}); err != nil || c["vast"].asked.Load() != 1 {
			t.Errorf("asked %d times", c["vast"].asked.Load())
		}
		time.Sleep(time.Millisecond)
		if _, err := s.Search(context.Background(), &Params{GPU: []string{"h100"}}); err != nil || c["vast"].asked.Load() != 2 {
			t.Errorf("asked %d times after it went stale", c["vast"].asked.Load())
		}
		c["vast"].fail = &spec.Error{Kind: spec.KindTransport, Message: "no"}
		time.Sleep(fresh)
		for want := int64(3); want < 5; want++ { // failures are not kept
			if _, err := s.Search(context.Background(), &Params{GPU: []string{"h100"}}); err == nil || c["vast"].asked.Load() != want {
				t.Errorf("asked %d times, %v", c["vast"].asked.Load(), err)
			}
		}
	})
}

func TestSearch_ACallerThatLeavesDoesNotEndTheOthersReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := world()
		c["vast"].wait = time.Minute / 2
		s := open(c, "vast")
		ctx, cancel := context.WithCancel(context.Background())
		var work sync.WaitGroup
		work.Go(func() {
			if _, err := s.Search(ctx, &Params{}); err == nil || spec.AsError(err).Kind != spec.KindCancelled {
				t.Errorf("the one that left: %v", err)
			}
		})
		work.Go(func() {
			if _, err := s.Search(context.Background(), &Params{}); err != nil {
				t.Errorf("the one that stayed: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		work.Wait()
		ctx, cancel = context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		time.Sleep(fresh)
		if _, err := s.Search(ctx, &Params{}); err == nil || spec.AsError(err).Kind != spec.KindTimeout {
			t.Errorf("alone and out of time: %v", err)
		}
		s.Close()
		if c["vast"].ended.Load() != 1 {
			t.Error("a reading nobody waits for goes on")
		}
	})
}

func TestClaims_HoldUntilSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := newClaims(clock.System{}), &provider.Account{Provider: "vast"}
		if !c.Take(a, "1") || c.Take(a, "1") || !c.Take(a, "2") || !c.Take(&provider.Account{Provider: "acme"}, "1") {
			t.Error("a claim does not hold, or holds too much")
		}
		c.Release(a, "1")
		further := &provider.Account{Provider: "vast:acme"} // the offers are the cloud's
		if !c.Take(further, "1") || c.Take(a, "1") {
			t.Error("a released claim holds, or two accounts take one offer")
		}
		c.Release(further, "1")
		if !c.Take(a, "1") {
			t.Error("a claim that another account has released holds")
		}
		c.Settled(a, "1")
		if c.Take(a, "1") {
			t.Error("a settled claim ends before the listing forgets the offer")
		}
		time.Sleep(settledLimit)
		if !c.Take(a, "1") || c.Take(a, "2") {
			t.Error("claims end at the wrong time")
		}
		time.Sleep(claimLimit)
		for i := range 2000 {
			c.Take(a, fmt.Sprint("x", i))
		}
		if !c.Take(a, "2") {
			t.Error("a claim outlives its limit")
		}
	})
}

// A market shows its cheapest offers, so that those of a region are among them only
// where it is asked for that region.
func TestSearch_AsksTheCloudForTheRegions(t *testing.T) {
	c := world()
	s := open(c, "vast")
	if _, err := s.Search(context.Background(), &Params{GPU: []string{"rtx_4090"}, Regions: []string{"no"}}); err != nil {
		t.Error(err)
	}
	if q := c["vast"].question.Load(); q == nil || !slices.Equal(q.RegionHints, []string{"no"}) {
		t.Errorf("asked %+v", q)
	}
	s.Close()
}
