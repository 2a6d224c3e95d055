package egress

import (
	"context"
	"slices"
	"strings"
	"time"
)

const (
	// longestShared bounds how long one answer keeps other requests back. A server
	// that speaks of hours, or a clock that is wrong, is asked again by then, so that
	// a machine can be given back as soon as the server lets it.
	longestShared = 5 * time.Minute
	// longestProbe is how long requests wait for the answer of the one that asks
	// whether a hold is over, before another of them asks.
	longestProbe = 10 * time.Second
	// mostHolds bounds the holds of an account.
	mostHolds = 32
)

// hold keeps requests back after a 429 that said for how long. What it holds is
// what the declared limits tell apart: with a limit for one method or path, the
// requests of that limit, since a launch that was one too many must not keep a
// machine from being given back; without, all that goes to the same origin, since
// a limit of which nothing is known is the account's. Another origin is another
// API with limits of its own.
//
// When its time is over one request is sent to see, and the others wait for what
// it is answered: many that have waited for the same moment must not all come at
// once, and all be refused at once again.
type hold struct {
	at           origin
	method, path string // empty: any
	until        time.Time
	round        int           // how often it was renewed
	asking       chan struct{} // closed when no longer waited for: the request that asks is answered, or another asks; nil: none does
}

// probe is the right to ask whether a hold is over.
type probe struct {
	hold *hold // nil: nothing is held
	done chan struct{}
}

func (h *hold) concerns(m *message) bool {
	return h.at == m.origin() && (h.method == "" || h.method == m.method) && strings.HasPrefix(m.at.barePath(), h.path)
}

// end is when the hold is over.
func (h *hold) end() time.Time {
	if h == nil {
		return time.Time{}
	}
	return h.until
}

func (h *hold) rounds() int {
	if h == nil {
		return 0
	}
	return h.round
}

// scope is the narrowest declared limit that concerns a request.
func (a *account) scope(m *message) (method, path string) {
	narrow, to := 0, m.way()
	for i := range a.buckets {
		b := &a.buckets[i]
		weight := 2 * len(b.limit.Path)
		if b.limit.Method != "" {
			weight++
		}
		if weight > narrow && b.concerns(to) {
			narrow, method, path = weight, b.limit.Method, b.limit.Path
		}
	}
	return method, path
}

// refused notes that a request was answered 429, and how long to stay away.
func (a *account) refused(now time.Time, m *message, wait time.Duration) {
	until := now.Add(min(wait, longestShared))
	a.mu.Lock()
	defer a.mu.Unlock()
	method, path := a.scope(m)
	for _, h := range a.holds {
		if h.at == m.origin() && h.method == method && h.path == path {
			if !h.until.After(now) {
				h.round++
			}
			if until.After(h.until) {
				h.until = until
			}
			return
		}
	}
	if len(a.holds) == mostHolds { // the oldest; what it held is refused anew if it has to be
		a.holds = append(a.holds[:0], a.holds[1:]...)
	}
	a.holds = append(a.holds, &hold{at: m.origin(), method: method, path: path, until: until})
	a.active.Store(true)
}

// holding returns the hold that keeps a request back the longest, or nil.
func (a *account) holding(m *message) *hold {
	var longest *hold
	for _, h := range a.holds {
		if h.concerns(m) && (longest == nil || h.until.After(longest.until)) {
			longest = h
		}
	}
	return longest
}

// asked ends the asking of a probe, and the hold with it unless the answer renewed
// it: a late answer, too, after which another request asks, says that it is over.
func (a *account) asked(now time.Time, p probe) {
	a.mu.Lock()
	defer a.mu.Unlock()
	over := !p.hold.until.After(now)
	if over {
		a.holds = slices.DeleteFunc(a.holds, func(h *hold) bool { return h == p.hold })
	}
	if over || p.hold.asking == p.done {
		p.hold.wake()
	}
}

// wake ends the waiting for the request that asks.
func (h *hold) wake() {
	if h.asking != nil {
		close(h.asking)
		h.asking = nil
	}
}

// pace waits until a request may be sent. It fails at once where that would be
// too late for the context or longer than the client's MaxWait. A hold that is
// renewed while the request waits for it counts as an attempt of its own, which
// another made in its place: missed tells how many there were.
func (c *Client) pace(ctx context.Context, a *account, m *message, attempt int) (p probe, missed int, failure *Failure) {
	if !a.active.Load() {
		return p, 0, nil
	}
	to := m.way()
	a.mu.Lock()
	defer a.mu.Unlock()
	now := c.options.Clock.Now()
	h := a.holding(m)
	if wait := h.end().Sub(now); wait > 0 && !c.bearable(ctx, now, wait) { // before it takes places that nobody will use
		return p, 0, limited(wait)
	}
	at := a.reserve(now, h.end(), to)
	for seen, round := h, h.rounds(); ; h = a.holding(m) {
		switch {
		case h == nil:
		case seen != nil && (h != seen || h.round != round):
			missed++
			a.giveBack(to)
			at = a.reserve(now, h.until, to)
			seen, round = h, h.round
		default:
			seen, round = h, h.round
			at = later(at, h.until)
		}
		at = later(at, a.opens(to.to))
		wait := at.Sub(now)
		asking := h != nil && h.asking != nil
		if wait <= 0 && !asking {
			if h != nil {
				h.asking = make(chan struct{})
				p = probe{h, h.asking}
			}
			return p, missed, nil
		}
		var answered chan struct{}
		if wait <= 0 {
			answered, wait = h.asking, longestProbe
		} else if missed > 0 && c.enough(m, attempt+missed-1, 0) || !c.bearable(ctx, now, wait) {
			a.giveBack(to)
			return p, missed, limited(wait)
		}
		a.mu.Unlock()
		passed, alive := c.pauseFor(ctx, wait, answered)
		a.mu.Lock()
		if !alive {
			a.giveBack(to)
			return p, missed, ended(ctx, "waiting for the account's rate limit", false)
		}
		if passed && answered != nil && h.asking == answered {
			h.wake() // it takes too long: this request asks itself
		}
		now = c.options.Clock.Now()
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// pauseFor waits until the time has passed or the channel is closed. alive is
// false when the context ended first.
func (c *Client) pauseFor(ctx context.Context, d time.Duration, answered <-chan struct{}) (passed, alive bool) {
	timer := c.options.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true, true
	case <-answered:
		return false, true
	case <-ctx.Done():
		return false, false
	}
}
