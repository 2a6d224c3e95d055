package compute

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// Tracking is what a caller adds to a spawn who keeps a record of machines. The
// zero value adds nothing.
type Tracking struct {
	Tag    string                                     // start of the request ids
	Intend Intend                                     // runs before each create leaves; an error keeps it from being sent
	Refuse func(requestID string)                     // runs after a create that certainly came to nothing
	Secret func() (text string, err *spec.Error)      // makes the credential; nil: at random
	Pause  func(context.Context, time.Duration) error // waits for capacity; an error ends the spawn. nil: the clock's
	Rescue func(*Rescue)                              // runs where the caller left while a create was under way, before the spawn returns
}

// Intend writes a create down. Where passes is true the record does not answer now and
// may in a while: a spawn that waits for capacity goes on waiting.
type Intend func(ctx context.Context, in Intent) (e *spec.Error, passes bool)

// Intent is one create by which its machine can be found.
type Intent struct {
	Provider  string `json:"provider"`
	RequestID string `json:"request_id"`
	Name      string `json:"name"`
	OwnName   bool   `json:"own_name,omitempty"` // the name holds the request id
	Account   string `json:"account,omitempty"`  // what the record's keeper notes of the credential
}

func (c claim) intent(provider string) Intent {
	return Intent{Provider: provider, RequestID: c.requestID, Name: c.name, OwnName: c.ours}
}

// Settle looks for the machines of creates at one provider that may have been
// sent until lostAt, until one is found or the cloud's listing has settled.
// decided is false where that could not be found out, err then says why.
func (s *Service) Settle(ctx context.Context, provider string, intents []Intent, lostAt time.Time) (found []spec.Compute, decided bool, err error) {
	a, err := s.Directory.Find(ctx, provider, spec.Secret{})
	if err != nil {
		return nil, false, err
	}
	claims := make([]claim, len(intents))
	for i, in := range intents {
		claims[i] = claim{requestID: in.RequestID, name: in.Name, ours: in.OwnName, lostAt: lostAt}
	}
	found, missing, verdict := s.search(ctx, &a, claims, s.settle(&a))
	for i := range found {
		s.normalize(&a, &found[i], false)
	}
	if verdict != none {
		err := ended(ctx)
		if err == nil {
			err = &spec.Error{Kind: spec.KindUnknown, Provider: provider, Message: "the cloud's listing did not answer", Retryable: true}
		}
		return found, false, err
	}
	after := time.Duration(0)
	if len(found) > 0 { // before the listing has settled
		after = max(lostAt.Add(s.settle(&a)).Sub(s.Clock.Now()), 0)
	}
	s.cleanUpAfter(a, missing, after)
	return found, true, nil
}

// ListingLag is how long a new machine may be missing from what a provider's
// cloud lists.
func (s *Service) ListingLag(ctx context.Context, provider string) (time.Duration, error) {
	a, err := s.Directory.Find(ctx, provider, spec.Secret{})
	if err != nil {
		return 0, err
	}
	return s.settle(&a), nil
}
