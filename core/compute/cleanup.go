package compute

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// A create may make more than the machine: an app, an address, a disk. Where the
// machine does not come into being that stays, costs, and no listing shows it. A
// provider whose creates do so has clean_up, which takes it away by the request id
// and leaves alone what a machine uses; so it is right to ask even where a machine
// may turn up late.

// cleanUp takes away what creates left that made no machine, until the cloud says
// that it is done, and tells where it cannot.
func (s *Service) cleanUp(ctx context.Context, a *provider.Account, claims []claim) {
	if !a.Exports(spec.OpCleanUp) {
		return
	}
	standing := a.Standing()
	for _, c := range claims {
		if e := s.cleanUpOne(ctx, &standing, c); e != nil {
			s.publish(TopicRentals, EventCleanUpFailed, notice{Provider: a.Provider, Name: c.name, RequestID: c.requestID, Error: e})
		}
	}
}

func (s *Service) cleanUpOne(ctx context.Context, a *provider.Account, c claim) *spec.Error {
	refusable := s.Clock.Now().Add(s.settle(a)) // until then a refusal may be that of something between, and pass
	for wait := 500 * time.Millisecond; ; wait = min(2*wait, 8*time.Second) {
		_, err := provider.Do[struct{}](ctx, s.Backend, *a, spec.OpCleanUp, &spec.CleanUpRequest{RequestID: c.requestID}, false)
		e := spec.AsError(err)
		if e == nil || e.Kind == spec.KindNotFound {
			return nil
		}
		if hopeless(e) && !s.Clock.Now().Before(refusable) || s.Clock.Wait(ctx, max(wait, retryAfter(e, 0))) != nil {
			return e
		}
	}
}

// cleanUpFailed is cleanUp in the background, after a create that made no machine. It
// is not asked where nothing was sent, or the key is wrong. Of any other refusal the
// plugin takes back what it made, which may fail, too. A cloud that was not ready for
// the create, or is in trouble, may not show yet what was made: what is not there is
// asked for again when the listing has settled.
func (s *Service) cleanUpFailed(a provider.Account, own claim, failure *spec.Error) {
	switch failure.Kind {
	case spec.KindUnauthorized, spec.KindUnsupported:
	case spec.KindForbidden, spec.KindValidation:
		if failure.Status != 0 {
			s.cleanUpAfter(a, []claim{own}, 0)
		}
	case spec.KindProvider, spec.KindTransport, spec.KindTimeout, spec.KindPlugin, spec.KindUnknown:
		s.cleanUpAfter(a, []claim{own}, 0, s.settle(&a))
	default:
		s.cleanUpAfter(a, []claim{own}, 0)
	}
}

// cleanUpAfter is cleanUp in the background, after each of the waits.
func (s *Service) cleanUpAfter(a provider.Account, claims []claim, waits ...time.Duration) {
	if len(claims) == 0 || !a.Exports(spec.OpCleanUp) {
		return
	}
	safego.Go(&s.work, nil, func() {
		for _, wait := range waits {
			s.cleanUpOnce(&a, claims, wait)
		}
	})
}

func (s *Service) cleanUpOnce(a *provider.Account, claims []claim, after time.Duration) {
	ctx, cancel := context.WithTimeout(s.rescueUntil, after+backgroundLimit)
	defer cancel()
	if s.Clock.Wait(ctx, after) == nil {
		s.cleanUp(ctx, a, claims)
	}
}
