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

// sweep looks again for creates that were thought to have failed, at growing
// intervals: a cloud may be slower than its listing is said to be.
func (s *Service) sweep(a provider.Account, claims []claim) {
	safego.Go(&s.work, nil, func() {
		ctx, cancel := context.WithTimeout(s.sweepUntil, backgroundLimit)
		defer cancel()
		for wait := s.settle(&a); len(claims) > 0 && s.Clock.Wait(ctx, wait) == nil; wait *= 2 {
			found, missing, _, err := s.finder.find(ctx, &a, claims)
			if err != nil {
				continue // the next look may be answered
			}
			for i := range found {
				s.giveBack(ctx, &a, &found[i])
			}
			claims = missing
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

// giveBack terminates a machine until the cloud says so, and tells it. It reports
// whether the cloud did.
func (s *Service) giveBack(ctx context.Context, a *provider.Account, c *spec.Compute) bool {
	n := notice{Provider: a.Provider, ID: c.ID, Name: c.Name, RequestID: c.RequestID}
	if n.Error = s.confirm(ctx, a, c.ID); n.Error != nil {
		s.publish(TopicRentals, EventGiveBackFailed, n)
		return false
	}
	n.Status = spec.StatusTerminated
	s.publish(TopicRentals, EventGivenBack, n)
	return true
}

// confirm terminates a machine until the cloud says that it is done, and returns
// the last failure where ctx ends first. A cloud may not know yet of a machine
// that it has just rented out, so "no such machine" counts once the listing has
// settled.
func (s *Service) confirm(ctx context.Context, a *provider.Account, id string) *spec.Error {
	settled, standing := s.Clock.Now().Add(s.settle(a)), a.Standing()
	for wait := 500 * time.Millisecond; ; wait = min(2*wait, 8*time.Second) {
		c, err := s.terminate(ctx, &standing, id, false)
		if err == nil && (found(c) || !s.Clock.Now().Before(settled)) {
			return nil
		}
		pause, e := wait, spec.AsError(err)
		if e == nil {
			pause = min(wait, settled.Sub(s.Clock.Now()))
			e = &spec.Error{Kind: spec.KindNotFound, Provider: a.Provider, Operation: spec.OpTerminate, Message: "the cloud does not know the machine yet", Retryable: true}
		}
		if s.Clock.Wait(ctx, max(pause, retryAfter(e, 0))) != nil {
			return e
		}
	}
}
