package orchestrator

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exatlas/atlas/core/store"
)

// node is this process among those that share the store: its lease, and the
// store's clock as the process reckons it between two answers.
type node struct {
	store  store.Store
	holder string
	ttl    time.Duration
	base   time.Time // monotonic; a step of the wall clock does not touch it

	offset  atomic.Int64          // the store's clock at base, ms
	trouble atomic.Pointer[error] // why the lease could not be renewed last; nil: it was
	until   atomic.Int64          // ns after base until which the lease surely holds; 0: it does not

	mu    sync.Mutex
	lease store.Lease
	clock bounds
}

// bounds hold the difference between the store's clock and this process's, ns. An
// answer of the store shows that it lies between two values: the store read its
// clock after it was asked and before it answered. The middle of one answer's may be
// wrong by half the time that a loaded store took; what all answers agree on is not.
type bounds struct {
	low, high int64
	at        time.Duration // when they were last looked at; 0: never
}

// drift is how much the two clocks may go apart, as a fraction.
const drift = 1e-4

// take narrows the bounds by an answer. One that contradicts them is of a clock
// that was set anew, and alone counts.
func (b *bounds) take(now int64, sent, answered time.Duration) {
	low, high := now*1e6-int64(answered), (now+1)*1e6-int64(sent) // now is in whole ms
	if b.at != 0 {
		apart := int64(float64(answered-b.at) * drift)
		if l, h := max(low, b.low-apart), min(high, b.high+apart); l <= h {
			low, high = l, h
		}
	}
	b.low, b.high, b.at = low, high, answered
}

// offset is the middle, ms.
func (b *bounds) offset() int64 { return (b.low + (b.high-b.low)/2) / 1e6 }

func newNode(s store.Store, holder string, ttl time.Duration) *node {
	return &node{store: s, holder: holder, ttl: ttl, base: time.Now()}
}

func (n *node) name() string { return "node/" + n.holder }

// now is the store's clock, ms.
func (n *node) now() int64 { return n.offset.Load() + time.Since(n.base).Milliseconds() }

// valid tells whether this process may act. It becomes false a tenth of the term
// before the store would let another process act.
func (n *node) valid() bool { return int64(time.Since(n.base)) < n.until.Load() }

// current returns the lease to write under.
func (n *node) current() (store.Lease, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lease, n.lease.Fence != 0 && n.valid()
}

// renew takes or renews the lease. fresh tells that its number is new: sessions
// acted on under the old one may be another's by now.
func (n *node) renew(ctx context.Context) (fresh bool, err error) {
	sent := time.Since(n.base)
	lease, mine, err := n.store.Lease(ctx, n.name(), n.holder, n.ttl.Milliseconds())
	if err != nil {
		n.trouble.Store(&err)
		return false, err
	}
	n.trouble.Store(nil)
	answered := time.Since(n.base)
	n.reckon(ctx, lease.Now, sent, answered)
	if !mine {
		return false, nil // nobody else has this name; the store says so all the same
	}
	n.mu.Lock()
	fresh = lease.Fence != n.lease.Fence
	n.lease = lease
	n.mu.Unlock()
	n.until.Store(int64(sent + n.ttl - n.ttl/10))
	return fresh, nil
}

// reckon takes the store's clock over. Taking a lease ends with a write to the disk,
// so the clock is asked for once more by itself, which is quick.
func (n *node) reckon(ctx context.Context, now int64, sent, answered time.Duration) {
	again := time.Since(n.base)
	alone, err := n.store.Now(ctx)
	after := time.Since(n.base)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clock.take(now, sent, answered)
	if err == nil {
		n.clock.take(alone, again, after)
	}
	n.offset.Store(n.clock.offset())
}

// release gives the lease back: others may take the sessions at once.
func (n *node) release(ctx context.Context) {
	n.until.Store(0)
	n.mu.Lock()
	lease := n.lease
	n.mu.Unlock()
	if lease.Fence != 0 {
		_ = n.store.Release(ctx, lease) // otherwise it expires
	}
}
