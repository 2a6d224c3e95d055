package egress

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// account paces the requests made with one key at one provider. A request
// reserves its time under the lock, in order of arrival, and then waits for it
// on its caller's goroutine; there is no queue and no goroutine to serve one.
type account struct {
	active atomic.Bool // something limits the account

	mu      sync.Mutex
	buckets []bucket
	windows []window
	shut    []shut  // origins to which nothing is sent for a time
	holds   []*hold // what was answered 429, and what is like it, is not sent before theirs
}

// way is what the limits of an account tell requests apart by.
type way struct {
	to           origin
	method, path string
}

// shut is an origin that has said that a window of requests is used up.
type shut struct {
	at    origin
	until time.Time
}

// bucket is a limit the manifest declares: a token bucket, kept as the time at
// which it is full again.
type bucket struct {
	limit    spec.RateLimit
	interval time.Duration // that one request takes
	slack    time.Duration // that requests may run ahead: the burst less one
	full     time.Time
}

// window is a limit the server has told of: quota requests in each period, to it
// alone. Another origin is another API with limits of its own.
type window struct {
	at     origin
	name   string
	quota  int64
	period time.Duration
	reset  time.Time // end of the present one
	used   int64     // in the present one; beyond quota: reserved in later ones
}

// most bounds the accounts of a policy and the windows of an account.
const (
	mostAccounts = 4096
	mostWindows  = 16
)

// account returns the account of a key. It keeps a hash of the key only.
func (p *Policy) account(key string) *account {
	hash := hashOf(p.seed, key)
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.accounts[hash]
	if a == nil {
		if len(p.accounts) >= mostAccounts {
			clear(p.accounts) // paces are learned anew
		}
		a = newAccount(p.limits)
		p.accounts[hash] = a
	}
	return a
}

func newAccount(declared []spec.RateLimit) *account {
	a := &account{}
	for _, limit := range declared {
		b := bucket{limit: limit, interval: time.Duration(limit.WindowMS) * time.Millisecond / time.Duration(limit.Requests)}
		burst := limit.Burst
		if burst == 0 {
			burst = limit.Requests
		}
		b.slack = time.Duration(burst-1) * b.interval
		a.buckets = append(a.buckets, b)
	}
	a.active.Store(len(declared) > 0)
	return a
}

func (b *bucket) concerns(w way) bool {
	return (b.limit.Method == "" || b.limit.Method == w.method) && strings.HasPrefix(w.path, b.limit.Path)
}

// reserve takes a place in every limit that concerns a request, and returns when
// it may be sent: not before earliest, until when a hold keeps it. A window that
// opens too late for that is left to the server, which says itself that it is used
// up, and is asked again in time.
func (a *account) reserve(now, earliest time.Time, m way) time.Time {
	at, slowest := now, time.Duration(0)
	for i := range a.buckets {
		b := &a.buckets[i]
		if !b.concerns(m) {
			continue
		}
		if b.full.Before(now) {
			b.full = now
		}
		if start := b.full.Add(-b.slack); start.After(at) {
			at = start
		}
		slowest = max(slowest, b.interval)
	}
	for i := range a.windows {
		w := &a.windows[i]
		if w.at != m.to {
			continue
		}
		w.advance(now)
		if ahead := w.used / w.quota; ahead > 0 {
			if start := w.reset.Add(time.Duration(ahead-1) * w.period); start.After(at) && start.Sub(now) <= longestShared {
				at = start
			}
		}
		w.used++
	}
	at = later(at, later(a.opens(m.to), earliest))
	for i := range a.buckets {
		b := &a.buckets[i]
		if !b.concerns(m) {
			continue
		}
		// The slowest limit counts from when the request goes out, which another
		// limit may have put off; else the next would follow too soon. A faster one
		// does not, so that other requests go out while this one waits.
		if b.interval == slowest && b.full.Before(at) {
			b.full = at
		}
		b.full = b.full.Add(b.interval)
	}
	return at
}

// giveBack returns the places of a request that is not sent after all.
func (a *account) giveBack(m way) {
	for i := range a.buckets {
		if b := &a.buckets[i]; b.concerns(m) {
			b.full = b.full.Add(-b.interval)
		}
	}
	for i := range a.windows {
		if w := &a.windows[i]; w.at == m.to {
			w.used = max(0, w.used-1)
		}
	}
}

func (w *window) advance(now time.Time) {
	if passed := now.Sub(w.reset); passed >= 0 {
		periods := int64(passed/w.period) + 1
		w.reset = w.reset.Add(time.Duration(periods) * w.period)
		w.used = max(0, w.used-min(periods, w.used/w.quota+1)*w.quota)
	}
}

// opens is when an origin may be sent to again.
func (a *account) opens(at origin) time.Time {
	for i := range a.shut {
		if a.shut[i].at == at {
			return a.shut[i].until
		}
	}
	return time.Time{}
}

// close notes that nothing is to be sent to an origin for a time, which is never
// longer than one answer may keep others back.
func (a *account) close(now time.Time, at origin, span time.Duration) {
	until := now.Add(min(span, longestShared))
	a.shut = slices.DeleteFunc(a.shut, func(s shut) bool { return !s.until.After(now) })
	for i := range a.shut {
		if s := &a.shut[i]; s.at == at {
			s.until = later(s.until, until)
			return
		}
	}
	if len(a.shut) == mostHolds {
		a.shut = append(a.shut[:0], a.shut[1:]...)
	}
	a.shut = append(a.shut, shut{at, until})
}

// learn takes in what an answer of an origin tells of the account's limits there.
func (a *account) learn(now time.Time, at origin, l *limits) {
	if l.remaining == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for left := range windows(l.remaining) {
		if left.count == 0 {
			a.close(now, at, left.span)
			a.active.Store(true)
		}
		for all := range quotas(l.policy) {
			if all.name == left.name && all.count > 0 && all.span > 0 {
				a.note(at, left.name, all.count, left.count, all.span, now.Add(left.span))
			}
		}
	}
}

// note sets a window to what the server has counted.
func (a *account) note(at origin, name string, quota, left int64, period time.Duration, reset time.Time) {
	used := max(0, quota-left)
	for i := range a.windows {
		w := &a.windows[i]
		if w.at != at || w.name != name {
			continue
		}
		// Answers come in another order than the server counted in, so within a
		// window the highest count is the truth.
		if apart := reset.Sub(w.reset).Abs(); apart < max(period/4, 2*time.Second) && w.quota == quota {
			used = max(used, w.used)
		}
		w.quota, w.period, w.reset, w.used = quota, period, reset, used
		return
	}
	if len(a.windows) < mostWindows {
		a.windows = append(a.windows, window{at: at, name: strings.Clone(name), quota: quota, period: period, reset: reset, used: used})
		a.active.Store(true)
	}
}

// bearable reports whether a pause fits the context's deadline and the limit.
func (c *Client) bearable(ctx context.Context, now time.Time, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return wait <= c.options.MaxWait && (!ok || now.Add(wait).Before(deadline))
}

// pause waits; it reports false when the context ended first.
func (c *Client) pause(ctx context.Context, d time.Duration) bool {
	_, alive := c.pauseFor(ctx, d, nil)
	return alive
}
