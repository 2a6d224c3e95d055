package compute

import (
	"context"
	"strconv"

	"github.com/exatlas/atlas/core/spec"
)

// underbid tells whether a single offer goes for more than the caller bids: asking
// for it would be refused. The price of a spot offer is the least bid for it; that
// of a catalogue's row is today's price, and a lower bid may win tomorrow.
func (l *plan) underbid(o *spec.Offer) bool {
	if l.params.BidPerHour == 0 || o.ID == "" || o.PricePerHour <= l.params.BidPerHour {
		return false
	}
	if l.leastBid == 0 || o.PricePerHour < l.leastBid {
		l.leastBid = o.PricePerHour
	}
	return true
}

// nothing is the error of a round without candidates, or without one that no other
// spawn of this client is taking.
func (l *plan) nothing(claimed bool) *spec.Error {
	e := &spec.Error{Kind: spec.KindCapacity, Provider: l.provider(), Message: "no offer fits the request now", Retryable: true}
	if claimed {
		e.Message = "other spawns of this client are taking all offers that fit the request now"
	}
	return e
}

func (l *plan) provider() string {
	if len(l.accounts) == 1 {
		return l.accounts[0].Provider
	}
	return ""
}

// explain completes the error of a spawn that found nothing to be had with what the
// caller's own ceiling kept from it. Where that alone was in the way the kind is
// budget: waiting does not help, and more money does. It asks the clouds once more,
// without the ceiling, and so only when the spawn gives up.
func (l *plan) explain(ctx context.Context, e *spec.Error) *spec.Error {
	p := l.params
	switch {
	case e.Kind != spec.KindCapacity || !l.priced:
	case l.leastBid > 0 && l.found == 0:
		return &spec.Error{Kind: spec.KindBudget, Provider: l.provider(), Message: "no offer goes for a bid of " + dollars(p.BidPerHour) + "; the least bid is " + dollars(l.leastBid),
			Hint: "raise bid_per_hour, or leave it out to bid the least that gets a machine"}
	case l.leastBid > 0:
		return beside(e, "others want a bid of "+dollars(l.leastBid)+" at the least", "raise bid_per_hour")
	case p.MaxPricePerHour > 0:
		b := l.service.Offers.Beyond(ctx, l.accounts, l.question())
		switch {
		case b.Cheapest == nil: // a higher ceiling would not help
		case l.found == 0 && !b.Within:
			return &spec.Error{Kind: spec.KindBudget, Provider: l.provider(), Message: "nothing is offered for " + dollars(p.MaxPricePerHour) + "; the cheapest offer costs " + price(b.Cheapest),
				Hint: "raise max_price_per_hour, or name further GPUs, regions or providers; offers.search shows what there is"}
		default:
			return beside(e, "the cheapest offer above max_price_per_hour costs "+price(b.Cheapest), "raise max_price_per_hour")
		}
	}
	return e
}

// beside adds what else stood in the way, and what to do about that.
func beside(e *spec.Error, fact, remedy string) *spec.Error {
	out := *e
	out.Message += "; " + fact
	out.Hint = remedy + ", set wait_for_capacity_ms, or name further GPUs, regions or providers; offers.search shows what there is"
	return &out
}

func dollars(usd float64) string { return strconv.FormatFloat(usd, 'f', -1, 64) + " USD an hour" }

func price(o *spec.Offer) string {
	return dollars(o.PricePerHour) + " (" + o.GPUType + " at " + o.Provider + ")"
}
