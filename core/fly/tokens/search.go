package tokens

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/exatlas/atlas/core/fly"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// search is one that others may wait for.
type search struct {
	done  chan struct{}
	stale bool // a manual token was set or removed since it began; guarded by the service
	out   found
	err   *spec.Error
}

// anew marks a search past memory and store; no name of an app holds a space.
const anew = " anew"

// mostSearches is how often a search begins again because what it found was
// refused, or overridden, in the meantime.
const mostSearches = 4

// shared joins the search for an app, or begins it. What a search anew finds is
// good for everybody; who wants one anew does not join one that looks in the store.
func (s *Service) shared(ctx context.Context, app string, fresh bool) (*FlyToken, error) {
	began := s.Clock.Now()
	out, acquirer, err := s.join(ctx, app, fresh)
	if err != nil {
		s.acquired(began, app, acquirer, "", err)
		return nil, err
	}
	s.acquired(began, app, acquirer, out.source, nil)
	return out.answer(app, false), nil
}

func (s *Service) join(ctx context.Context, app string, fresh bool) (out *found, acquirer string, err error) {
	name, acquirer := app, acquirerJoined
	s.mu.Lock()
	f := s.searches[app+anew]
	if f == nil && !fresh {
		f = s.searches[app]
	}
	if f == nil {
		if s.closed {
			s.mu.Unlock()
			return nil, acquirerSearch, &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"}
		}
		acquirer = acquirerSearch
		if fresh {
			name += anew
		}
		f = &search{done: make(chan struct{})}
		s.searches[name] = f
		safego.Go(&s.work, func(e *spec.Error) { s.conclude(f, name, app, found{}, e, true) }, func() {
			within, cancel := context.WithTimeout(s.until, searchFor)
			defer cancel()
			for n := 1; ; n++ {
				out, err := s.find(within, app, fresh)
				if s.conclude(f, name, app, out, err, n == mostSearches) {
					return
				}
			}
		})
	}
	s.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, acquirer, ctx.Err() // others may still want it
	}
	if f.err != nil {
		return nil, acquirer, f.err
	}
	return &f.out, acquirer, nil
}

// conclude ends a search and remembers what it found. It does not, and says so,
// where that was overtaken: by a manual token, or by Fly's refusal. Whoever asked
// after either must not be given what was there before.
func (s *Service) conclude(f *search, name, app string, out found, err *spec.Error, last bool) bool {
	now := s.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	refused := err == nil && s.isRefused(app, out.token, now)
	if (f.stale || refused) && !last && s.until.Err() == nil {
		f.stale = false
		return false
	}
	f.out, f.err = out, err
	delete(s.searches, name)
	if err == nil && !refused && !f.stale {
		s.remember(app, out, now)
	}
	close(f.done)
	return true
}

// mostRemembered is how many apps' tokens are remembered before those whose time
// is up are looked for.
const mostRemembered = 1000

// remember keeps a token in memory. The caller holds the lock.
func (s *Service) remember(app string, f found, now time.Time) {
	if len(s.memory) >= mostRemembered {
		for name, h := range s.memory {
			if !now.Before(h.until) {
				delete(s.memory, name)
			}
		}
	}
	s.memory[app] = held{found: f, until: now.Add(memoryFor)}
}

// refusal is a token that Fly refused for an app.
type refusal struct {
	app  string
	hash [sha256.Size]byte
}

// refusalOf knows a token by what of it is sent, however it was written: callers
// say that Fly refused what stood in their header.
func refusalOf(app, token string) refusal {
	return refusal{app, sha256.Sum256([]byte(fly.Header(token)))}
}

// isRefused tells whether Fly refused a token lately. The caller holds the lock.
func (s *Service) isRefused(app, token string, now time.Time) bool {
	key := refusalOf(app, token)
	until, ok := s.refused[key]
	if ok && !now.Before(until) {
		delete(s.refused, key)
		return false
	}
	return ok
}

func (s *Service) passedOver(app, token string) bool {
	now := s.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isRefused(app, token, now)
}
