package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/plugins/sdk"
)

func TestMain(m *testing.M) { leak.Main(m) }

// silence is a cloud that must not be asked.
type silence struct{ asked int }

func (s *silence) Do(sdk.Request) (sdk.Response, *spec.Error) {
	s.asked++
	return sdk.Response{}, &spec.Error{Kind: spec.KindTransport, Message: "asked"}
}

// asking are the ways to ask for what a cloud may have nothing for, by parameter,
// and the capability by which the core refuses it already, if any.
func asking() map[string]struct {
	capability spec.Capability
	change     func(*spec.SpawnRequest)
} {
	return map[string]struct {
		capability spec.Capability
		change     func(*spec.SpawnRequest)
	}{
		"gpu":                {spec.CapGPU, func(s *spec.SpawnRequest) { s.GPU = "h100" }},
		"gpu_count":          {spec.CapGPU, func(s *spec.SpawnRequest) { s.GPUCount = 2 }},
		"cpu":                {spec.CapCPU, func(s *spec.SpawnRequest) { s.GPU, s.CPU = "", &spec.CPU{VCPUCount: 2} }},
		"offer_id":           {spec.CapOffers, func(s *spec.SpawnRequest) { s.OfferID = "1" }},
		"spot":               {spec.CapSpot, func(s *spec.SpawnRequest) { s.Spot = true }},
		"bid_per_hour":       {spec.CapSpot, func(s *spec.SpawnRequest) { s.Spot, s.BidPerHour = true, 1 }},
		"cloud_type":         {spec.CapCloudTiers, func(s *spec.SpawnRequest) { s.CloudType = spec.CloudCommunity }},
		"max_price_per_hour": {"", func(s *spec.SpawnRequest) { s.MaxPricePerHour = 1 }},
		"entrypoint":         {"", func(s *spec.SpawnRequest) { s.Entrypoint = []string{"a"} }},
		"network_volume_id":  {spec.CapNetworkVolumes, func(s *spec.SpawnRequest) { s.NetworkVolumeID = "v" }},
		"volume_mount_path":  {"", func(s *spec.SpawnRequest) { s.VolumeGB, s.VolumeMountPath = 10, "/v" }},
		"template_id":        {"", func(s *spec.SpawnRequest) { s.TemplateID = "t" }},
		"ssh_key":            {"", func(s *spec.SpawnRequest) { s.SSHKey = "ssh-ed25519 AAAA me" }},
	}
}

func TestParameters_AreRefusedAsThePageSays(t *testing.T) {
	ways := asking()
	for _, p := range parameters() {
		for i, cell := range p.cells() {
			if !strings.HasPrefix(cell, refused) {
				continue
			}
			cloud, manifest := providers()[i], providers()[i].Manifest()
			way, known := ways[p.name]
			if !known {
				t.Errorf("%s: the test cannot ask for it", p.name)
				continue
			}
			if way.capability != "" && !manifest.Has(way.capability) {
				continue // the core refuses it
			}
			s := &spec.SpawnRequest{RequestID: "0123456789", Name: "n", Image: "i", GPU: "gpu_1x_a10", GPUCount: 1}
			if !manifest.Has(spec.CapGPU) {
				s.GPU, s.GPUCount, s.CPU = "", 0, &spec.CPU{}
			}
			way.change(s)
			world := &silence{}
			if _, err := cloud.Spawn(sdk.Env{HTTP: world}, s); err == nil || err.Kind != spec.KindUnsupported || world.asked != 0 {
				t.Errorf("%s at %s: %v, %d requests", p.name, manifest.Name, err, world.asked)
			}
		}
	}
}

func TestParameters_AreAllOnThePage(t *testing.T) {
	// These mean nothing to a cloud: the core chooses by them.
	own := map[string]bool{"prefer": true, "wait_for_capacity_ms": true, "include_raw": true}
	listed := map[string]bool{}
	for _, p := range parameters() {
		name, _, _ := strings.Cut(p.name, ":")
		listed[name] = true
	}
	kind := reflect.TypeFor[compute.SpawnParams]()
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		if name != "" && !own[name] && !listed[name] {
			t.Errorf("%s is not on the page", name)
		}
	}
}
