package compute

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// backgroundLimit bounds the work on one machine that nobody knows of.
const backgroundLimit = 2 * time.Minute

// rescue looks for the machines of creates whose caller left, and terminates
// what it finds.
func (s *Service) rescue(a provider.Account, claims []claim) {
	last := claims[len(claims)-1]
	unresolved := func(e *spec.Error) {
		s.publish(TopicRentals, EventUnresolved, notice{Provider: a.Provider, Name: last.name, RequestID: last.requestID, Error: e})
	}
	safego.Go(&s.work, unresolved, func() {
		ctx, cancel := context.WithTimeout(s.rescueUntil, backgroundLimit)
		defer cancel()
		found, verdict := s.search(ctx, &a, claims, s.settle(&a))
		if verdict == undecided || verdict == over && len(found) == 0 {
			unresolved(&spec.Error{Kind: spec.KindUnknown, Provider: a.Provider, Message: "whether the create happened could not be found out", UnknownOutcome: true})
		}
		for i := range found {
			s.giveBack(ctx, &a, &found[i])
		}
	})
}

// sweep looks once more, after the listing has settled again, for creates that
// were thought to have failed: a cloud may be slower than its listing.
func (r *rental) sweep() {
	if len(r.lost) == 0 {
		return
	}
	s, a, claims := r.service, r.account, r.lost
	safego.Go(&s.work, nil, func() {
		ctx, cancel := context.WithTimeout(s.sweepUntil, backgroundLimit)
		defer cancel()
		if s.Clock.Wait(ctx, s.settle(&a)) != nil {
			return
		}
		found, _, err := s.finder.find(ctx, &a, claims)
		if err != nil {
			return
		}
		for i := range found {
			s.giveBack(ctx, &a, &found[i])
		}
	})
}

// giveBackRest terminates the machines that turned up beside the adopted one.
func (r *rental) giveBackRest(rest []spec.Compute) {
	if len(rest) == 0 {
		return
	}
	s, a := r.service, r.account
	safego.Go(&s.work, nil, func() {
		ctx, cancel := context.WithTimeout(s.rescueUntil, backgroundLimit)
		defer cancel()
		for i := range rest {
			s.giveBack(ctx, &a, &rest[i])
		}
	})
}

// giveBack terminates a machine until the cloud says so, and tells it.
func (s *Service) giveBack(ctx context.Context, a *provider.Account, c *spec.Compute) {
	standing := a.Standing()
	n := notice{Provider: a.Provider, ID: c.ID, Name: c.Name, RequestID: c.RequestID}
	for wait := 500 * time.Millisecond; ; wait = min(2*wait, 8*time.Second) {
		_, err := s.terminate(ctx, &standing, c.ID, false)
		if err == nil {
			n.Status = spec.StatusTerminated
			s.publish(TopicRentals, EventGivenBack, n)
			return
		}
		n.Error = spec.AsError(err)
		if s.Clock.Wait(ctx, max(wait, retryAfter(n.Error, 0))) != nil {
			s.publish(TopicRentals, EventGiveBackFailed, n)
			return
		}
	}
}
