package compute

import (
	"context"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

func TestSpawn_SaysWhatTheCeilingKeptFromIt(t *testing.T) {
	empty := func(int, *spec.SpawnRequest) (*spec.Error, bool) { return noCapacity(), false }
	for _, row := range []struct {
		name    string
		gpu     string
		ceiling float64
		full    bool // the clouds have nothing free
		kind    spec.Kind
		says    string
		silent  string
	}{
		{"all are dearer", "rtx_4090", 0.1, false, spec.KindBudget, "the cheapest offer costs 0.29 USD an hour (rtx_4090 at vast)", ""},
		{"some are dearer, the others refused", "rtx_4090", 0.32, true, spec.KindCapacity, "none left; the cheapest offer above max_price_per_hour costs 0.34 USD an hour (rtx_4090 at runpod)", ""},
		{"some are dearer, the others out of stock", "l4", 0.35, false, spec.KindCapacity, "no offer fits the request now; the cheapest offer above max_price_per_hour costs 0.5 USD an hour (l4 at vast)", ""},
		{"none is dearer", "rtx_4090", 9, true, spec.KindCapacity, "none left", "max_price_per_hour"},
		{"there is no ceiling", "rtx_4090", 0, true, spec.KindCapacity, "none left", "max_price_per_hour"},
	} {
		c := market()
		c["vast"].offers = append(c["vast"].offers, spec.Offer{ID: "l4", GPUNative: "L4", GPUCount: 1, GPUMemoryGB: 24, PricePerHour: 0.5})
		if row.full {
			c["vast"].create, c["runpod"].create = empty, empty
		}
		s := openMarket(c)
		p := anywhere(row.gpu)
		p.MaxPricePerHour = row.ceiling
		_, err := s.Spawn(context.Background(), p)
		e := spec.AsError(err)
		if e == nil || e.Kind != row.kind || !strings.Contains(e.Message, row.says) || e.Retryable != (row.kind == spec.KindCapacity) || e.Hint == "" {
			t.Errorf("%s: %+v", row.name, e)
		}
		if row.silent != "" && strings.Contains(e.Error(), row.silent) {
			t.Errorf("%s: a ceiling that is not in the way is named: %v", row.name, e)
		}
		if row.says == "" || strings.Contains(row.says, "max_price_per_hour") && !strings.Contains(e.Hint, "raise max_price_per_hour") {
			t.Errorf("%s: hint %q", row.name, e.Hint)
		}
		closeMarket(t, s)
	}
}

func TestSpawn_ABidThatIsTooLowIsRefusedBeforeAnythingIsSentAndLocksNothing(t *testing.T) {
	c := market()
	vast := c["vast"]
	for i := range vast.offers {
		vast.offers[i].Spot = true
	}
	s := openMarket(c)
	p := &SpawnParams{Targets: provider.Targets{Provider: []string{"vast"}}, GPU: []string{"rtx_4090"}, Image: "img", Spot: true, BidPerHour: 0.001}
	_, err := s.Spawn(context.Background(), p)
	if e := spec.AsError(err); e == nil || e.Kind != spec.KindBudget || e.Retryable || !strings.Contains(e.Message, "the least bid is 0.29 USD an hour") || e.Hint == "" || len(vast.spawns) != 0 {
		t.Fatalf("%+v after %d creates", e, len(vast.spawns))
	}
	// A bid for some of them is made for those alone.
	p.BidPerHour = 0.30
	vast.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return noCapacity(), false }
	_, err = s.Spawn(context.Background(), p)
	if e := spec.AsError(err); e == nil || e.Kind != spec.KindCapacity || !strings.Contains(e.Message, "others want a bid of 0.31 USD an hour") || len(vast.spawns) != 1 {
		t.Fatalf("%+v after %d creates", e, len(vast.spawns))
	}
	vast.create = nil
	p.BidPerHour = 0
	if got, err := s.Spawn(context.Background(), p); err != nil || got.Attempts[0].OfferID != "ask0" {
		t.Errorf("without a bid: %+v %v", got, err)
	}
	closeMarket(t, s)
}

func TestSpawn_ARefusalThatIsNotTheOffersLeavesItToTheNext(t *testing.T) {
	for kind, again := range map[spec.Kind]string{spec.KindValidation: "ask0", spec.KindFunds: "ask0", spec.KindRateLimited: "ask0", spec.KindCapacity: "ask1"} {
		c := market()
		vast := c["vast"]
		vast.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
			if n == 1 {
				return &spec.Error{Kind: kind, Message: "no"}, false
			}
			return nil, true
		}
		s := openMarket(c)
		p := &SpawnParams{Targets: provider.Targets{Provider: []string{"vast"}}, GPU: []string{"rtx_4090"}, Image: "img"}
		got, err := s.Spawn(context.Background(), p)
		if err != nil {
			got, err = s.Spawn(context.Background(), p)
		}
		if err != nil || offerOf(got) != again {
			t.Errorf("%s: %+v %v", kind, got, err)
		}
		closeMarket(t, s)
	}
}

// offerOf is the offer that was taken.
func offerOf(s *Spawned) string { return s.Attempts[len(s.Attempts)-1].OfferID }
