package compute

import (
	"context"
	"testing"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

func TestSpawn_KnowsAnOffersPriceAndPortsBeforeItIsRented(t *testing.T) {
	c := market()
	vast := c["vast"]
	vast.manifest.Capabilities = append(vast.manifest.Capabilities, spec.CapCloudTiers)
	vast.offers[0].DirectPorts, vast.offers[1].DirectPorts = 1, 2
	vast.change = func(m *spec.Compute) { m.CostPerHour = nil }
	s := openMarket(c)
	p := anywhere("rtx_4090")
	p.Ports = []spec.PortRequest{{Internal: 8000}, {Internal: 9000}}
	got, err := s.Spawn(context.Background(), p)
	if err != nil || got.CostPerHour == nil || *got.CostPerHour != 0.31 || tried(got.Attempts) != "fly/:skipped vast/ask1:rented" {
		t.Errorf("%+v %v", got, err)
	}
	vast.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return noCapacity(), false }
	_, err = s.Spawn(context.Background(), &SpawnParams{Targets: provider.Targets{Provider: []string{"vast"}}, OfferID: "ask2", Image: "img"})
	if list := attemptsOf(t, err); len(list) != 1 || list[0].CloudType != "" {
		t.Errorf("an offer is asked for once, whatever its tier: %+v", list)
	}
	closeMarket(t, s)
}

func TestSpawn_CountsThePortOfTheSSHServerAmongAnOffers(t *testing.T) {
	c := market()
	c["vast"].offers[0].DirectPorts, c["vast"].offers[1].DirectPorts = 1, 2
	s := openMarket(c)
	p := anywhere("rtx_4090")
	p.Ports, p.SSHKey = []spec.PortRequest{{Internal: 8000}}, "ssh-ed25519 AAAA me"
	if got, err := s.Spawn(context.Background(), p); err != nil || tried(got.Attempts) != "fly/:skipped vast/ask1:rented" {
		t.Errorf("%+v %v", got, err)
	}
	closeMarket(t, s)
}
