package orchestrator

import (
	"hash/maphash"
	"time"
	"unique"

	"github.com/exatlas/atlas/core/spec"
)

// terms are what memory holds of the document of a session that nothing is done
// to: what its end hangs on, and how its machine looked last. A hundred thousand
// of them take some megabytes.
type terms struct {
	idleTTL, maxLifetime, readyTimeout int64 // ms, as all times here
	began, rentedAt, readyAt, pricedAt int64
	maxCost, price, spent              float64
	priced                             bool // price is known
	spot, stopped, keeps, stops        bool
	looks                              uint64 // of the machine, as looksOf prints them; 0: it is not known
	account                            string // one text for all of an account
}

func (d *document) terms() terms {
	t := terms{idleTTL: d.IdleTTL, maxLifetime: d.MaxLifetime, readyTimeout: d.ReadyTimeout, began: d.Began, rentedAt: d.RentedAt, readyAt: d.ReadyAt, pricedAt: d.PricedAt,
		account: unique.Make(d.Account).Value(), maxCost: d.MaxCost, spent: d.Spent, keeps: d.OnExit == Keep, stops: d.OnExit == Stop}
	if d.Price != nil {
		t.price, t.priced = *d.Price, true
	}
	if d.Compute != nil {
		t.spot, t.stopped, t.looks = d.Compute.Spot, d.Compute.Status == spec.StatusStopped, looksOf(d.Compute)
	}
	return t
}

// deadline is when a live session ends, and why; 0 for never.
func (d *terms) deadline(created, touched int64) (at int64, reason string) {
	soonest := func(t int64, why string) {
		if at == 0 || t < at {
			at, reason = t, why
		}
	}
	if d.idleTTL > 0 {
		soonest(touched+d.idleTTL, ReasonIdle)
	}
	if d.maxLifetime > 0 { // waiting for capacity is no part of its life
		soonest(max(created, d.began)+d.maxLifetime, ReasonLifetime)
	}
	if d.readyTimeout > 0 && d.readyAt == 0 && d.rentedAt > 0 {
		soonest(d.rentedAt+d.readyTimeout, ReasonNeverReady)
	}
	if d.maxCost > 0 && d.priced && d.price > 0 {
		left := (d.maxCost - d.spent) / d.price * float64(time.Hour/time.Millisecond)
		soonest(d.pricedAt+int64(min(max(left, 0), 1e15)), ReasonCost)
	}
	return at, reason
}

// differs tells whether a machine looks otherwise than it did.
func (d *terms) differs(c *spec.Compute) bool {
	if d.looks != looksOf(c) || d.readyAt == 0 && ready(c) {
		return true
	}
	if c.CostPerHour == nil { // a running machine whose price the cloud does not tell has the one it had
		return d.priced && c.Status == spec.StatusStopped
	}
	return !d.priced || d.price != *c.CostPerHour
}

var printing = maphash.MakeSeed()

// looksOf prints a machine's state and ports; never 0.
func looksOf(c *spec.Compute) uint64 {
	looks := maphash.String(printing, string(c.Status))
	for i := range c.Ports {
		looks = looks*31 + maphash.Comparable(printing, c.Ports[i])
	}
	return max(looks, 1)
}
