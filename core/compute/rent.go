package compute

import (
	"context"
	"strconv"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// maxCreates bounds how often one candidate's create is sent when answers are
// lost and no machine is found.
const maxCreates = 3

const (
	// maxEarly bounds how often a create is sent that comes too early.
	maxEarly = 5
	// longestEarly is the longest wait after which one is sent again.
	longestEarly = 5 * time.Second
)

// claim is what a create can be found by.
type claim struct {
	requestID string
	name      string
	ours      bool      // the name holds the request id, so it finds this machine alone
	lostAt    time.Time // when the answer was lost
	of        candidate // what it asked for; empty where a record's keeper looks
}

// rent sends the create of one candidate, as often as it takes to know that
// there is exactly one machine or none. The machine may be that of an earlier
// candidate, which showed late: taken is the one whose machine it is.
func (r *rental) rent(ctx context.Context, c candidate) (machine *spec.Compute, taken candidate, e *spec.Error) {
	taken = c
	machine, e = r.create(ctx, c, &taken)
	return machine, taken, e
}

func (r *rental) create(ctx context.Context, c candidate, taken *candidate) (*spec.Compute, *spec.Error) {
	s := r.service
	for try := 1; ; try++ {
		if e := ended(ctx); e != nil {
			return nil, e
		}
		id, e := s.requestID(r.tracking.Tag)
		if e != nil {
			return nil, e
		}
		own := claim{requestID: id, name: s.name(r.params, id), ours: r.params.Name == "", of: c}
		if r.tracking.Intend != nil {
			if e, passes := r.tracking.Intend(ctx, own.intent(r.account.Provider)); e != nil {
				r.unwritten = passes
				return nil, e
			}
		}
		machine, err := r.send(ctx, r.request(c, id, own.name))
		if err == nil && machine.ID != "" {
			r.note(c, id, OutcomeRented, nil)
			return r.hand(own, machine), nil
		}
		if err == nil {
			err = nothing(&r.account, spec.OpSpawn)
		}
		failure := spec.AsError(err)
		gone := ended(ctx)
		if left := leftBy(failure); left != "" && gone == nil {
			return nil, r.takeBack(ctx, c, own, failure, left)
		}
		if !failure.UnknownOutcome && gone == nil {
			r.note(c, id, OutcomeRefused, failure)
			s.cleanUpFailed(r.account, own, failure)
			if r.tracking.Refuse != nil {
				r.tracking.Refuse(id)
			}
			return nil, failure
		}
		own.lostAt = s.Clock.Now()
		if gone != nil {
			r.note(c, id, OutcomeLost, failure)
			return nil, r.abandon(append(r.lost, own), gone)
		}
		claims := append(r.lost, own)
		found, missing, verdict := s.search(ctx, &r.account, claims, s.settle(&r.account))
		switch {
		case len(found) > 0:
			kept := claimOf(claims, &found[0])
			*taken = kept.of
			r.note(kept.of, kept.requestID, OutcomeAdopted, failure)
			r.giveBackRest(found[1:])
			r.lost = missing // and not the claim of the machine that is kept
			return r.hand(kept, &found[0]), nil
		case verdict == over:
			r.note(c, id, OutcomeLost, failure)
			return nil, r.abandon(claims, ended(ctx))
		}
		r.note(c, id, OutcomeLost, failure)
		s.cleanUpAfter(r.account, []claim{own}, 0)
		if verdict == undecided {
			return nil, r.undecided(own, failure)
		}
		r.lost = claims
		if try == maxCreates {
			out := *failure
			out.UnknownOutcome, out.Retryable = false, true
			out.Hint = "the answer was lost " + strconv.Itoa(try) + " times; no machine was created, the cloud's listing says"
			return nil, &out
		}
	}
}

// send sends a create, and sends the very same again while the provider says that it
// made no machine since the cloud is not ready for it yet, and will be in a moment.
func (r *rental) send(ctx context.Context, request *spec.SpawnRequest) (*spec.Compute, error) {
	for try, pause := 1, time.Duration(0); ; try++ {
		machine, err := provider.Do[spec.Compute](ctx, r.service.Backend, r.account, spec.OpSpawn, request, r.params.IncludeRaw)
		e := spec.AsError(err)
		if e == nil || try == maxEarly || !early(e) {
			return machine, err
		}
		pause = min(max(2*pause, retryAfter(e, 0)), longestEarly)
		if r.service.Clock.Wait(ctx, pause) != nil {
			return nil, err
		}
	}
}

// early tells a create that came too early, as long as it is certain that it made
// nothing.
func early(e *spec.Error) bool {
	wait := retryAfter(e, 0)
	return e.Kind == spec.KindProvider && e.Retryable && !e.UnknownOutcome && leftBy(e) == "" && wait > 0 && wait <= longestEarly
}

// claimOf is the claim by which a machine was found; one of them is it.
func claimOf(claims []claim, machine *spec.Compute) claim {
	last := claims[len(claims)-1]
	for _, c := range claims {
		if c.requestID == machine.RequestID {
			return c
		}
		if c.ours && c.name == machine.Name { // its cloud keeps the name alone, or has words of its own for the other
			last = c
		}
	}
	return last
}

// leftBy is the machine that a provider made, cannot hand out and could not take
// back: without the key that its holder wants to log in with, for example.
func leftBy(e *spec.Error) string {
	var said struct {
		Left string `json:"left"`
	}
	if len(e.Details) == 0 || json.Unmarshal(e.Details, &said) != nil {
		return ""
	}
	return said.Left
}

// takeBack gives back such a machine, which would be adopted otherwise. Where the
// cloud confirms that, the create has come to nothing for certain.
func (r *rental) takeBack(ctx context.Context, c candidate, own claim, failure *spec.Error, id string) *spec.Error {
	out := *failure
	out.Details = nil
	if why := r.end(ctx, &spec.Compute{ID: id, Name: own.name, RequestID: own.requestID}); why != nil {
		out.UnknownOutcome, out.Retryable, out.Hint = true, false, mayCost(id)
		r.note(c, own.requestID, OutcomeLost, &out)
		return &out
	}
	out.UnknownOutcome, out.Hint = false, "the machine "+id+" that this left was given back"
	r.note(c, own.requestID, OutcomeRefused, &out)
	if r.tracking.Refuse != nil {
		r.tracking.Refuse(own.requestID)
	}
	return &out
}

// end terminates a machine that the spawn does not keep, and returns why the cloud
// does not confirm it in time; then it goes on in the background.
func (r *rental) end(ctx context.Context, machine *spec.Compute) *spec.Error {
	within, cancel := context.WithTimeout(ctx, confirmLimit)
	defer cancel()
	failure := r.service.confirm(within, &r.account, machine.ID)
	if failure != nil {
		r.giveBackRest([]spec.Compute{*machine})
	}
	return failure
}

// mayCost is what to do about such a machine.
func mayCost(id string) string {
	return "the machine " + id + " may go on costing; Atlas goes on trying for two minutes and tells the outcome on the topic rentals; look with compute.get, and end it with compute.terminate"
}

// hand completes a machine with what its create carried.
func (r *rental) hand(own claim, machine *spec.Compute) *spec.Compute {
	c := own.of
	r.service.normalize(&r.account, machine, r.params.IncludeRaw)
	if machine.RequestID == "" {
		machine.RequestID = own.requestID
	}
	if machine.Name == "" {
		machine.Name = own.name
	}
	if machine.GPUType == "" && c.native != "" {
		machine.GPUNative, machine.GPUType = c.native, c.gpu
		r.service.normalize(&r.account, machine, r.params.IncludeRaw)
	}
	if machine.CloudType == "" {
		machine.CloudType = c.tier
	}
	if machine.CostPerHour == nil && c.offer != nil && !c.offer.Spot {
		price := c.offer.PricePerHour // of this very offer, where the cloud's answer has none
		machine.CostPerHour = &price
	}
	return machine
}

// settle is how long a new machine may be missing from a listing.
func (s *Service) settle(a *provider.Account) time.Duration {
	switch {
	case s.Settings.Settle > 0:
		return s.Settings.Settle
	case a.Manifest.ListingLagMS > 0:
		return time.Duration(a.Manifest.ListingLagMS) * time.Millisecond
	}
	return 5 * time.Second
}

// undecided is the error of a create nobody knows the fate of. The machine, if
// there is one, is the caller's to look for.
func (r *rental) undecided(own claim, failure *spec.Error) *spec.Error {
	out := *failure
	out.UnknownOutcome, out.Retryable = true, false
	out.Message = "the answer to the create was lost, and the cloud's listing did not answer either: " + failure.Message
	out.Hint = "a machine named " + own.name + " with request_id " + own.requestID + " may exist and cost; look for it with compute.list before renting again"
	return &out
}

// abandon is the error of a spawn whose caller left in the middle. What it may
// have rented is looked for and given back in the background.
func (r *rental) abandon(claims []claim, gone *spec.Error) *spec.Error {
	r.lost = nil
	rescue := r.service.rescue(r.account, claims)
	if r.tracking.Rescue != nil {
		r.tracking.Rescue(rescue)
	}
	out := *gone
	own := claims[len(claims)-1]
	out.Provider, out.Operation, out.UnknownOutcome, out.Retryable = r.account.Provider, spec.OpSpawn, true, false
	out.Message += " while a create was under way"
	out.Hint = "Atlas looks for the machine named " + own.name + " with request_id " + own.requestID + " and terminates it if it exists"
	return &out
}
