package compute

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// verdict of a search that found nothing.
type verdict int

const (
	none      verdict = iota // a listing that began after the settling time does not hold it
	undecided                // no such listing answered
	over                     // the context ended first
)

// undecidedAfter is how long listings may fail after the settling time, whatever
// their cloud says of when to come back: it may speak of hours, and somebody waits.
const undecidedAfter = 20 * time.Second

// search looks for the machines of lost creates until one is found or the
// listing has settled. Until then no error ends it: an edge or a proxy that swallowed
// the answer of a create may refuse a listing, too, in words that mean a wrong key. missing are the claims whose machines do not show yet: where
// some do, the others may all the same.
func (s *Service) search(ctx context.Context, a *provider.Account, claims []claim, settle time.Duration) (found []spec.Compute, missing []claim, v verdict) {
	settled := claims[len(claims)-1].lostAt.Add(settle)
	until := settled.Add(undecidedAfter)
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		found, missing, began, err := s.finder.find(ctx, a, claims)
		if len(found) > 0 {
			return found, missing, none
		}
		if ctx.Err() != nil {
			return nil, claims, over
		}
		var wait time.Duration
		switch now := s.Clock.Now(); {
		case err == nil && !began.Before(settled):
			return nil, claims, none
		case err == nil:
			wait = max(0, min(pause, settled.Sub(now)))
		case hopeless(err) && !now.Before(settled) || !now.Before(until):
			return nil, claims, undecided
		default:
			wait = min(retryAfter(err, pause), until.Sub(now))
		}
		if s.Clock.Wait(ctx, wait) != nil {
			return nil, claims, over
		}
	}
}

// hopeless tells errors of a listing that asking again does not heal.
func hopeless(e *spec.Error) bool {
	switch e.Kind {
	case spec.KindUnauthorized, spec.KindForbidden, spec.KindUnsupported, spec.KindValidation:
		return true
	}
	return false
}
