package offers

import (
	"sync"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/provider"
)

const (
	// claimLimit is how long a claim holds whose spawn never came back.
	claimLimit = 10 * time.Minute
	// settledLimit is how long the claim on an offer outlives its spawn: longer
	// than any listing is kept or lags behind.
	settledLimit = 30 * time.Second
)

// Claims keeps two spawns from taking one offer. It holds within one process;
// between processes the cloud itself refuses the second.
type Claims struct {
	clock clock.Clock

	mu   sync.Mutex
	held map[claim]time.Time // until when
}

type claim struct {
	provider string
	offer    string
}

// newClaims makes an empty table.
func newClaims(c clock.Clock) *Claims {
	return &Claims{clock: c, held: map[claim]time.Time{}}
}

// claimed names an offer. All accounts of a cloud compete for the same.
func claimed(a *provider.Account, offer string) claim {
	return claim{provider.Cloud(a.Provider), offer}
}

// Take claims an offer for one spawn and reports whether it was free.
func (c *Claims) Take(a *provider.Account, offer string) bool {
	key, now := claimed(a, offer), c.clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if until, held := c.held[key]; held && now.Before(until) {
		return false
	}
	if len(c.held) >= 1024 {
		for k, until := range c.held {
			if !now.Before(until) {
				delete(c.held, k)
			}
		}
	}
	c.held[key] = now.Add(claimLimit)
	return true
}

// Settled ends a claim soon, after its spawn knows what became of the offer: for
// a while listings go on showing one that is rented or gone. A machine that is
// given back comes back as an offer under the same id.
func (c *Claims) Settled(a *provider.Account, offer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[claimed(a, offer)] = c.clock.Now().Add(settledLimit)
}

// Release ends a claim at once, after a spawn that certainly did not take the
// offer: it is there for the next.
func (c *Claims) Release(a *provider.Account, offer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, claimed(a, offer))
}
