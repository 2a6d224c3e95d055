package compute

import (
	"context"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/offers"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

const (
	// maxAttempts bounds what a spawn tells of its attempts: the last ones.
	maxAttempts = 100
	// The pace of a spawn that waits for capacity.
	waitFirst   = 5 * time.Second
	waitLongest = time.Minute
	// confirmLimit is how long a spawn waits for the cloud's word that a machine it
	// does not keep is given back: longer than any listing of the built-in clouds lags.
	confirmLimit = 20 * time.Second
)

// trial is one spawn on its way over its candidates.
type trial struct {
	service  *Service
	params   *SpawnParams
	tracking Tracking
	env      map[string]string
	plan     *plan
	rentals  map[*provider.Account]*rental
	attempts []Attempt
	tried    int // candidates of the last round

	short map[*provider.Account]bool // who has said in a create that there is none now

	unwritten bool      // the last round ended since the record did not answer
	since     time.Time // when the first round in a row did
}

// run goes over the candidates until one is rented, as often as the caller is
// willing to wait for capacity. Once a cloud has said that there is none, a round in
// which it is busy or broken does not end the wait.
func (t *trial) run(ctx context.Context) (*spec.Compute, *spec.Error) {
	s := t.service
	until := s.Clock.Now().Add(time.Duration(t.params.WaitForCapacityMS) * time.Millisecond)
	scarce := false
	for pause := waitFirst; ; pause = min(2*pause, waitLongest) {
		machine, e := t.round(ctx)
		if e == nil {
			return machine, nil
		}
		scarce = scarce || e.Kind == spec.KindCapacity
		hopeful := scarce && !e.UnknownOutcome && (t.ridesOut() || wearsOff(e.Kind))
		wait := max(pause, retryAfter(e, 0))
		if !hopeful || t.params.WaitForCapacityMS == 0 || s.Clock.Now().Add(wait).After(until) {
			return nil, t.plan.explain(ctx, e)
		}
		if e := t.pause(ctx, wait); e != nil {
			return nil, e
		}
	}
}

// recordLimit is how long a spawn that waits for capacity does without the record that
// it is kept in. Longer than that a database is neither started anew nor moved, and who
// waits has to hear of it.
const recordLimit = 10 * time.Minute

// ridesOut tells whether the last round ended since the record did not answer, and that
// is not so for long.
func (t *trial) ridesOut() bool {
	now := t.service.Clock.Now()
	if !t.unwritten {
		t.since = time.Time{}
	} else if t.since.IsZero() {
		t.since = now
	}
	return t.unwritten && now.Sub(t.since) < recordLimit
}

// wearsOff tells what a cloud says that may be otherwise in the next round.
func wearsOff(k spec.Kind) bool {
	switch k {
	case spec.KindCapacity, spec.KindTransport, spec.KindRateLimited, spec.KindTimeout, spec.KindProvider:
		return true
	}
	return false
}

// pause waits between two rounds. What shows meanwhile of creates that were lost before
// is given back: it may be why there was none beside it, and the wait may take a day.
func (t *trial) pause(ctx context.Context, d time.Duration) *spec.Error {
	t.sweep()
	wait := t.tracking.Pause
	if wait == nil {
		wait = t.service.Clock.Wait
	}
	err := wait(ctx, d)
	if e := ended(ctx); e != nil || err == nil {
		return e
	}
	return spec.AsError(err)
}

// round tries each candidate once. The error of a round in which nothing was to
// be had is of kind capacity, whatever single clouds said beside.
func (t *trial) round(ctx context.Context) (*spec.Compute, *spec.Error) {
	t.tried, t.unwritten = 0, false
	candidates, e := t.plan.candidates(ctx, t)
	if e != nil {
		return nil, e
	}
	var capacity, last *spec.Error
	barred, claimed := newBarred(), false
	for _, c := range candidates {
		if barred.has(c) {
			continue
		}
		if c.offer != nil && c.offer.ID != "" && !t.service.Offers.Claims.Take(c.account, c.offer.ID) {
			claimed = true
			continue // another spawn of this client is taking it
		}
		t.tried++
		machine, taken, e := t.rental(c.account).rent(ctx, c)
		t.settle(taken, e)
		if e == nil {
			if e = t.dear(ctx, c, machine); e == nil {
				return machine, nil
			}
		}
		last = e
		if e.Kind == spec.KindCapacity {
			capacity, t.short[c.account] = e, true
		}
		if ambiguous(e) && t.short[c.account] { // for which the request was good enough before
			capacity = shortage(e)
		}
		if !t.moveOn(ctx, e) {
			return nil, e
		}
		barred.learn(c, e)
	}
	switch {
	case capacity != nil:
		return nil, capacity
	case last != nil && ambiguous(last) && !claimed:
		return nil, t.refusedAll(last)
	case last != nil && !claimed: // what others are taking is a shortage, too
		return nil, last
	}
	return nil, t.plan.nothing(claimed)
}

// settle ends the claim on a candidate's offer. One that was taken, or is gone, is
// in listings for a while; one that the cloud refused for another reason is there
// for the next spawn, and so is one for which the bid was too low. What became of
// an offer may not be known: then the claim runs out by itself, as does that on one
// beside which the machine of an earlier candidate was found.
func (t *trial) settle(c candidate, e *spec.Error) {
	switch offers := t.service.Offers; {
	case c.offer == nil || c.offer.ID == "" || e != nil && e.UnknownOutcome:
	case e == nil || e.Kind == spec.KindCapacity && t.params.BidPerHour == 0:
		offers.Claims.Settled(c.account, c.offer.ID)
	default:
		offers.Claims.Release(c.account, c.offer.ID)
	}
}

// ambiguous tells whether a cloud refused a request in words that it has for a
// shortage, too: the provider marks such a refusal as one that may pass.
func ambiguous(e *spec.Error) bool { return e.Kind == spec.KindValidation && e.Retryable }

// shortage is what such a refusal is taken for.
func shortage(e *spec.Error) *spec.Error {
	out := *e
	out.Kind = spec.KindCapacity
	return &out
}

// refusedAll is the error of a round whose last candidate was refused so, and none
// for a shortage: what is wrong with a request is wrong with it at every candidate, so
// that is what it is taken for.
func (t *trial) refusedAll(last *spec.Error) *spec.Error {
	out := *last
	out.Retryable = false
	if t.tried > 1 {
		out.Message = "every candidate is refused; the last one: " + out.Message
	}
	return &out
}

// moveOn tells whether the next candidate may succeed where this one failed. At
// one cloud that is so after kind capacity, a price above the ceiling, kind
// forbidden, which may be said of one kind of machine alone, or a refusal that may
// be a shortage. Among several, a cloud
// that is busy or broken, or has no credit, does not keep the others from being
// asked, as long as it is certain that it rented nothing.
func (t *trial) moveOn(ctx context.Context, e *spec.Error) bool {
	if e.UnknownOutcome || ctx.Err() != nil {
		return false
	}
	switch e.Kind {
	case spec.KindCapacity, spec.KindBudget, spec.KindForbidden:
		return true
	case spec.KindValidation:
		return ambiguous(e)
	case spec.KindRateLimited, spec.KindProvider, spec.KindTransport, spec.KindPlugin, spec.KindUnsupported, spec.KindTimeout, spec.KindUnauthorized, spec.KindFunds:
		return t.plan.several()
	}
	return false
}

// dear gives a machine back whose price turned out to be above the ceiling. Where
// the cloud does not confirm that, the spawn ends: the next candidate could be a
// second machine that costs.
func (t *trial) dear(ctx context.Context, c candidate, machine *spec.Compute) *spec.Error {
	ceiling := t.params.MaxPricePerHour
	if ceiling == 0 || machine.CostPerHour == nil || offers.Within(*machine.CostPerHour, ceiling) {
		return nil
	}
	e := &spec.Error{Kind: spec.KindBudget, Provider: c.account.Provider, Operation: spec.OpSpawn, Message: "the cloud rented it at a price above max_price_per_hour; it was given back"}
	if failure := t.rental(c.account).end(ctx, machine); failure != nil {
		e.Message = "the cloud rented it at a price above max_price_per_hour; whether it is given back could not be confirmed: " + failure.Message
		e.Hint = mayCost(machine.ID)
		e.UnknownOutcome = true
	}
	if n := len(t.attempts); n > 0 {
		at := &t.attempts[n-1]
		at.Outcome, at.Kind, at.Message, at.Price = OutcomeTooDear, e.Kind, e.Message, *machine.CostPerHour
	}
	return e
}

func (t *trial) rental(a *provider.Account) *rental {
	r := t.rentals[a]
	if r == nil {
		r = &rental{trial: t, account: *a}
		t.rentals[a] = r
	}
	return r
}

// sweep leaves the creates that were thought to have failed to the background: what it
// finds it gives back, so no lookup of this spawn may take it from now on.
func (t *trial) sweep() {
	for _, r := range t.rentals {
		if len(r.lost) > 0 {
			t.service.sweep(r.account, r.lost)
			r.lost = nil
		}
	}
}

// note records an attempt.
func (t *trial) note(c candidate, id, outcome string, e *spec.Error) {
	at := Attempt{Provider: c.account.Provider, GPU: c.gpu, GPUNative: c.native, CloudType: c.tier, RequestID: id, Outcome: outcome}
	if c.offer != nil {
		at.OfferID, at.Region, at.Price = c.offer.ID, c.offer.Region, c.offer.PricePerHour
	}
	if e != nil {
		at.Kind, at.Status, at.Message = e.Kind, e.Status, e.Message
	}
	if len(t.attempts) == maxAttempts {
		t.attempts = append(t.attempts[:0], t.attempts[1:]...)
	}
	t.attempts = append(t.attempts, at)
}

// failed completes the error of a spawn with its attempts.
func (t *trial) failed(e *spec.Error) *spec.Error {
	out := *e
	if out.Kind == spec.KindCapacity {
		out.Retryable = true
		if t.tried > 1 {
			out.Message = "none of the candidates is to be had now; the last one: " + out.Message
		}
		if out.Hint == "" {
			out.Hint = "try again later, set wait_for_capacity_ms, or name further GPUs, regions or providers"
		}
	}
	if len(t.attempts) > 0 {
		if details, err := json.MarshalWithOption(map[string]any{"attempts": t.attempts}, json.DisableHTMLEscape()); err == nil {
			out.Details = details
		}
	}
	return &out
}
