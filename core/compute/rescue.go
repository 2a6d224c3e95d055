package compute

import (
	"context"
	"sync"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// Rescue looks for the machines of creates whose caller left, and gives them back.
// Who keeps a record of the machines can wait for it, and need not look himself.
type Rescue struct {
	over chan struct{}
	none map[string]bool // request ids of creates that left no machine; complete once over is closed
}

// Wait waits until the rescue is over, or ctx ends, and returns those of the intents
// of which it does not know for certain that no machine is left. A nil rescue knows
// of none.
func (r *Rescue) Wait(ctx context.Context, intents []Intent) (left []Intent) {
	if r == nil {
		return intents
	}
	select {
	case <-r.over:
	case <-ctx.Done():
		return intents
	}
	for _, in := range intents {
		if !r.none[in.RequestID] {
			left = append(left, in)
		}
	}
	return left
}

// settled notes those of the claims that are not among others.
func (r *Rescue) settled(claims, others []claim) {
	open := map[string]bool{}
	for _, c := range others {
		open[c.requestID] = true
	}
	for _, c := range claims {
		if !open[c.requestID] {
			r.none[c.requestID] = true
		}
	}
}

// rescue begins one.
func (s *Service) rescue(a provider.Account, claims []claim) *Rescue {
	r := &Rescue{over: make(chan struct{}), none: map[string]bool{}}
	unresolved := func(e *spec.Error) {
		last := claims[len(claims)-1]
		s.publish(TopicRentals, EventUnresolved, notice{Provider: a.Provider, Name: last.name, RequestID: last.requestID, Error: e})
	}
	safego.Go(&s.work, unresolved, func() {
		over := sync.OnceFunc(func() { close(r.over) })
		defer over()
		ctx, cancel := context.WithTimeout(s.rescueUntil, backgroundLimit)
		defer cancel()
		for {
			found, missing, verdict := s.search(ctx, &a, claims, s.settle(&a))
			if len(found) == 0 && verdict != none {
				over()
				unresolved(&spec.Error{Kind: spec.KindUnknown, Provider: a.Provider, Message: "whether the create happened could not be found out", UnknownOutcome: true})
				if verdict == undecided {
					s.cleanUp(ctx, &a, claims)
				}
				return
			}
			if len(found) == 0 {
				r.settled(claims, nil)
				over() // what is left are no machines
				s.cleanUp(ctx, &a, claims)
				s.sweep(a, claims)
				return
			}
			gone := true
			for i := range found {
				gone = s.giveBack(ctx, &a, &found[i]) && gone
			}
			if gone {
				r.settled(claims, missing)
			}
			if claims = missing; len(claims) == 0 {
				return
			}
		}
	})
	return r
}
