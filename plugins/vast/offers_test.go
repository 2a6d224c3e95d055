package vast

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	simvast "github.com/exatlas/atlas/sim/vast"
)

func TestSearch_FiltersAtTheCloud(t *testing.T) {
	r := newRig(t, simvast.Options{})
	for name, q := range map[string]*spec.OffersRequest{
		"all":         {},
		"count":       {GPUCount: 4},
		"name":        {GPUs: []string{"RTX 4090"}},
		"names":       {GPUs: []string{"RTX 4090", "A100 PCIE@80", "H200"}},
		"size":        {GPUs: []string{"A100 PCIE@40"}},
		"memory":      {MinGPUMemoryGB: 80},
		"ceiling":     {MaxPricePerHour: 0.3},
		"region":      {RegionHints: []string{"us", "EU-RO-1"}},
		"reliability": {MinReliability: 0.99},
		"disk":        {DiskGB: 400},
		"secure":      {CloudType: spec.CloudSecure},
		"community":   {CloudType: spec.CloudCommunity},
		"spot":        {Spot: true, MaxPricePerHour: 0.3},
		"limit":       {Limit: 3},
	} {
		list := r.offers(q)
		if len(list) == 0 {
			t.Errorf("%s: nothing", name)
		}
		last := 0.0
		for _, o := range list {
			if o.ID == "" || o.Provider != "vast" || o.PricePerHour < last || !o.Verified || o.Country == "" || o.Region != o.Country || o.Reliability == nil || o.VCPUCount <= 0 || o.MemoryGB <= 0 ||
				o.GPUCount != max(q.GPUCount, 1) || o.Spot != q.Spot || o.GPUMemoryGB < q.MinGPUMemoryGB || o.DirectPorts < 1 || o.DiskGB < float64(q.DiskGB) ||
				q.MaxPricePerHour > 0 && o.PricePerHour > q.MaxPricePerHour || *o.Reliability < q.MinReliability || q.CloudType != "" && o.CloudType != q.CloudType {
				t.Errorf("%s: %+v", name, o)
			}
			last = o.PricePerHour
			if name == "region" && o.Country != "US" || name == "size" && (o.GPUNative != "A100 PCIE@40" || o.GPUMemoryGB != 40) ||
				len(q.GPUs) > 0 && !strings.Contains(strings.Join(q.GPUs, ","), o.GPUNative) {
				t.Errorf("%s: %+v", name, o)
			}
		}
		if q.Limit > 0 && len(list) != q.Limit || len(list) > maxLimit {
			t.Errorf("%s: %d offers", name, len(list))
		}
		if !r.sent[len(r.sent)-1].aside {
			t.Errorf("%s: a search counts as a change", name)
		}
	}
	if _, err := searchOffers(r.env, &spec.OffersRequest{RegionHints: []string{"EU-RO-1"}}); err == nil || err.Kind != spec.KindValidation {
		t.Errorf("no country: %v", err)
	}
}

func TestSearch_ShowsManySpawnsAtOnceAnOfferEach(t *testing.T) {
	r := newRig(t, simvast.Options{Hosts: 300})
	got, err := searchOffers(r.env, &spec.OffersRequest{GPUs: []string{"RTX 4090"}})
	if err != nil || len(got.Items) <= 64 {
		t.Errorf("%d offers, %v", len(got.Items), err)
	}
}

func TestSearch_TellsCardsOfOneNameApart(t *testing.T) {
	r := newRig(t, simvast.Options{})
	for asked, want := range map[string][]string{"A100 PCIE@80": {"A100 PCIE@80"}, "A100 PCIE@40": {"A100 PCIE@40"}, "A100 PCIE": {"A100 PCIE"}, "Tesla V100@32": {"Tesla V100@32"}} {
		sizes := map[float64]bool{}
		for _, o := range r.offers(&spec.OffersRequest{GPUs: []string{asked}}) {
			sizes[o.GPUMemoryGB] = true
			if o.GPUNative != want[0] {
				t.Errorf("%s: %+v", asked, o)
			}
		}
		if alone := strings.Contains(asked, "@"); alone && len(sizes) != 1 || !alone && len(sizes) != 2 {
			t.Errorf("%s: sizes %v", asked, sizes)
		}
	}
	both := map[string]bool{}
	for _, o := range r.offers(&spec.OffersRequest{GPUs: []string{"Tesla V100@16", "A100 SXM4@80"}}) {
		both[o.GPUNative] = true
	}
	if len(both) != 2 || !both["Tesla V100@16"] || !both["A100 SXM4@80"] {
		t.Errorf("%v", both)
	}
}

func TestSearch_ReadsOddRows(t *testing.T) {
	env, _ := scripted(t, say(200, `{"offers":[null,{"id":"5","gpu_name":"RTX 4090 ","gpu_ram":"24564","num_gpus":1,"dph_total":"0.5","cpu_cores":0,"cpu_cores_effective":16,"cpu_ram":262144,"geolocation":null,"reliability":7,"extra":[]},
		{"id":6,"gpu_name":"RTX 4090","dph_base":0.3,"storage_cost":0.72,"dph_total":null,"cpu_cores":64,"cpu_cores_effective":16.0,"cpu_ram":262144,"geolocation":"Atlantis, Atlantic"}]}`))
	list, err := searchOffers(env, &spec.OffersRequest{})
	if err != nil || len(list.Items) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	a, b := list.Items[0], list.Items[1]
	if a.ID != "5" || a.GPUNative != "RTX 4090" || a.PricePerHour != 0.5 || a.MemoryGB != 256 || a.Reliability != nil || a.GPUMemoryGB != 24 || a.Region != "" {
		t.Errorf("%+v", a)
	}
	if b.PricePerHour != 0.3+20*0.72/720 || b.MemoryGB != 64 || b.Country != "" {
		t.Errorf("%+v", b)
	}
	for _, body := range []string{``, `{}`, `{"offers":{}}`, `{"offers":[{"gpu_name":"x"}]}`, `{"offers":["x"]}`, `{"offers":[{"id":5}]`} {
		env, _ := scripted(t, say(200, body))
		if _, err := searchOffers(env, &spec.OffersRequest{}); err == nil || err.Kind != spec.KindProvider {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, odd := range []string{`{"gpu_name":"x"}`, `{"id":null}`, `{"id":-3}`, `{"id":1.5}`, `{"id":"` + strings.Repeat("9", 1<<16) + `"}`, `"x"`, `[]`} {
		env, _ := scripted(t, say(200, `{"offers":[`+odd+`,{"id":5,"gpu_name":"RTX 4090","dph_total":0.5}]}`))
		if list, err := searchOffers(env, &spec.OffersRequest{}); err != nil || len(list.Items) != 1 || list.Items[0].ID != "5" {
			t.Errorf("beside %.40s: %+v %v", odd, list, err)
		}
	}
	env, _ = scripted(t, say(404, `{"error":"auth_error","msg":"Invalid user key"}`))
	if _, err := searchOffers(env, &spec.OffersRequest{}); err == nil || err.Kind != spec.KindUnauthorized {
		t.Errorf("a bad key, which is 404 here: %v", err)
	}
}

func TestGPUTypes_JoinPricesAndSizes(t *testing.T) {
	r := newRig(t, simvast.Options{})
	all, err := listGPUTypes(r.env, &spec.GPUTypesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]spec.GPUType{}
	for _, g := range all.Items {
		if rows[g.ID].ID != "" || g.Provider != "vast" || g.Stock == "" {
			t.Errorf("%+v", g)
		}
		rows[g.ID] = g
	}
	if g := rows["RTX 4090"]; g.MemoryGB != 24 || g.PricePerHour == nil || *g.PricePerHour <= 0 || g.Stock == spec.StockUnavailable {
		t.Errorf("%+v", g)
	}
	for id, gb := range map[string]float64{"A100 PCIE@40": 40, "A100 PCIE@80": 80, "Tesla V100@16": 16, "L40S": 48, "H200": 141, "B200": 180, "GH200 SXM@96": 96} {
		if g := rows[id]; g.MemoryGB != gb || strings.Contains(id, "A100") && g.PricePerHour != nil {
			t.Errorf("%s: %+v", id, g)
		}
	}
	if all, err = listGPUTypes(r.env, &spec.GPUTypesRequest{GPUCount: 8}); err != nil || len(all.Items) == 0 {
		t.Fatal(err)
	}
	for _, g := range all.Items { // Vast counts machines with any number of GPUs
		if g.Stock != spec.StockUnknown && g.Stock != spec.StockUnavailable {
			t.Errorf("eight of them: %+v", g)
		}
	}
	if _, err := listGPUTypes(r.env, &spec.GPUTypesRequest{CloudType: spec.CloudSecure}); err != nil || !strings.Contains(r.last("GET", "/api/v0/metrics").path, "hosting_type=secure_cloud") {
		t.Errorf("%v", err)
	}
	env, _ := scripted(t, say(200, `{"success":true,"gpus":[{"gpu_name":"A100 PCIE","available":0,"price_p10":0.5},{"gpu_name":null}]}`), say(404, `<html>`))
	if all, err = listGPUTypes(env, &spec.GPUTypesRequest{}); err != nil || len(all.Items) != 1 || all.Items[0].ID != "A100 PCIE" || all.Items[0].Stock != spec.StockUnavailable {
		t.Errorf("sizes that are not told: %+v %v", all, err)
	}
	env, _ = scripted(t, say(200, `{"success":true}`))
	if _, err = listGPUTypes(env, &spec.GPUTypesRequest{}); err == nil || err.Kind != spec.KindProvider {
		t.Error(err)
	}
}

func TestCards_HaveTheSizeTheyAreSoldWith(t *testing.T) {
	for memoryMB, gb := range map[float64]float64{24564: 24, 23028: 24, 24576: 24, 15360: 16, 16376: 16, 46068: 48, 49140: 48, 81559: 80, 81920: 80, 40536: 40, 95830: 94, 97887: 96,
		97871: 96, 143771: 141, 183359: 180, 11264: 11, 10240: 10, 12288: 12, 32607: 32, 20470: 20, 196288: 192, 7000: 6.8, 0: 0} {
		if got := memoryGB(memoryMB); got != gb {
			t.Errorf("%g MB: %g GB, want %g", memoryMB, got, gb)
		}
	}
	for native, want := range map[string]card{"RTX 4090": {"RTX 4090", 0}, "A100 PCIE@80": {"A100 PCIE", 80}, "odd@name": {"odd@name", 0}, "x@0": {"x@0", 0}} {
		if got := parseCard(native); got != want {
			t.Errorf("%s: %+v", native, got)
		}
	}
	if got := nativeOf("A100 PCIE", 0); got != "A100 PCIE" {
		t.Error(got)
	}
}
