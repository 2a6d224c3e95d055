package lambdalabs

import (
	"slices"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/sim/lambda"
	"github.com/exatlas/atlas/sim/simkit"
)

func (c *cloud) offers(r *spec.OffersRequest) []spec.Offer {
	c.t.Helper()
	list, err := c.p.SearchOffers(c.env, r)
	if err != nil {
		c.t.Fatalf("search_offers: %v", err)
	}
	return list.Items
}

func TestOffers_ListWhatHasCapacityCheapestFirst(t *testing.T) {
	c := start(t, limits(simkit.Limit{GPU: "gpu_1x_a10", Region: "us-west-1"}))
	all := c.offers(&spec.OffersRequest{})
	if len(all) < 10 || !slices.IsSortedFunc(all, func(a, b spec.Offer) int { return int(1000 * (a.PricePerHour - b.PricePerHour)) }) {
		t.Errorf("%+v", all)
	}
	for _, o := range all {
		if o.GPUCount != 1 || o.GPUMemoryGB == 0 || o.Region == "" || o.ID != "" || o.GPUNative == "gpu_1x_a10" && o.Region == "us-west-1" {
			t.Errorf("%+v", o)
		}
	}
	eight := c.offers(&spec.OffersRequest{GPUs: []string{"gpu_1x_a100_sxm4", "gpu_8x_h100_sxm5"}, GPUCount: 8, MaxPricePerHour: 20, RegionHints: []string{"us-east-1", "us-west-1"}})
	if len(eight) != 2 || eight[0].GPUNative != "gpu_1x_a100_sxm4" || eight[0].PricePerHour != 15.92 || eight[0].GPUMemoryGB != 40 {
		t.Errorf("%+v", eight)
	}
	if one := c.offers(&spec.OffersRequest{Limit: 1, MinGPUMemoryGB: 80, DiskGB: 2000}); len(one) != 1 || one[0].GPUNative != "gpu_1x_gh200" {
		t.Errorf("%+v", one)
	}
	if none := c.offers(&spec.OffersRequest{CloudType: spec.CloudCommunity}); len(none) != 0 {
		t.Errorf("%+v", none)
	}
	if _, err := c.p.SearchOffers(c.env, &spec.OffersRequest{Spot: true}); err == nil || err.Kind != spec.KindUnsupported {
		t.Errorf("spot: %v", err)
	}
	if _, err := c.p.SearchOffers(c.env, &spec.OffersRequest{GPUs: []string{"gpu_8x_h100_sxm5"}}); err == nil || err.Kind != spec.KindValidation {
		t.Errorf("a name of eight with a count of one: %v", err)
	}
}

func TestOffers_CanBeRentedAsTheySay(t *testing.T) {
	c := start(t, lambda.Options{})
	for _, o := range append(c.offers(&spec.OffersRequest{}), c.offers(&spec.OffersRequest{GPUCount: 8})...) {
		s := a10()
		s.GPU, s.GPUCount, s.RegionHints, s.MaxPricePerHour = o.GPUNative, o.GPUCount, []string{o.Region}, o.PricePerHour
		if m := c.spawn(s); m.Region != o.Region || *m.CostPerHour != o.PricePerHour || m.GPUNative != o.GPUNative || m.GPUCount != o.GPUCount {
			t.Errorf("offered %+v, rented %+v", o, m)
		}
	}
}

func TestGPUTypes_AreOneRowForEachCard(t *testing.T) {
	c := start(t, limits(simkit.Limit{GPU: "gpu_1x_gh200"}))
	list, err := c.p.ListGPUTypes(c.env, &spec.GPUTypesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]spec.GPUType{}
	for _, row := range list.Items {
		if _, twice := rows[row.ID]; twice || row.PricePerHour == nil || row.MemoryGB == 0 {
			t.Errorf("%+v", row)
		}
		rows[row.ID] = row
	}
	h100 := rows["gpu_1x_h100_sxm5"]
	if h100.MaxCount != 8 || *h100.PricePerHour != 3.99 || h100.MemoryGB != 80 || h100.DisplayName != "H100 (80 GB SXM5)" || len(h100.Regions) != 6 || h100.Stock != spec.StockUnknown {
		t.Errorf("%+v", h100)
	}
	if rows["gpu_1x_gh200"].Stock != spec.StockUnavailable || rows["gpu_1x_a100_sxm4"].MaxCount != 8 || rows["gpu_1x_a100_80gb_sxm4"].MemoryGB != 80 {
		t.Errorf("%+v", rows)
	}
	if list, err = c.p.ListGPUTypes(c.env, &spec.GPUTypesRequest{GPUCount: 8}); err != nil || len(list.Items) != 5 {
		t.Errorf("with eight: %+v %v", list, err)
	}
}

func TestManifest_IsTrue(t *testing.T) {
	p := Provider()
	m := p.Manifest()
	for _, op := range []string{spec.OpStop, spec.OpStart, spec.OpRunJob, spec.OpGetLogs} {
		if slices.Contains(p.Operations(), op) {
			t.Errorf("it has %s", op)
		}
	}
	for _, lack := range m.Lacks {
		if m.Has(lack.Capability) {
			t.Errorf("it has and lacks %s", lack.Capability)
		}
	}
	paced := slices.ContainsFunc(m.RateLimits, func(l spec.RateLimit) bool { return l.Path == launchPath && l.Requests == 1 && l.WindowMS == 12_000 })
	if !paced || len(m.RateLimits) != 2 {
		t.Errorf("paces %+v", m.RateLimits)
	}
}
