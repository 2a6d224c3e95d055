package dispatch

import (
	"context"
	"sync"
	"time"
)

// lateness is how much later than asked a call's deadline may be, at most an
// eighth of what it is given. It is never earlier.
const lateness = 5 * time.Millisecond

// deadlines gives calls the contexts of their deadlines. A timer that is earlier
// than all others of the process wakes the thread that waits for the network when
// it is set, which takes 12 us, so calls that follow each other closely share one.
type deadlines struct {
	mu   sync.Mutex
	last *deadline // the one to share; nil: none yet
}

// deadline is what the calls that share one are derived from.
type deadline struct {
	ctx    context.Context
	cancel context.CancelFunc
	at     time.Time
	calls  int // guarded by the lock of deadlines
}

// within derives a context that ends in d.
func (l *deadlines) within(base context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late := min(d/8, lateness)
	l.mu.Lock()
	defer l.mu.Unlock()
	at := time.Now().Add(d)
	shared := l.last
	if shared == nil || shared.at.Before(at) || shared.at.After(at.Add(late)) {
		if shared != nil && shared.calls == 0 {
			shared.cancel()
		}
		shared = &deadline{at: at.Add(late)}
		shared.ctx, shared.cancel = context.WithDeadline(base, shared.at)
		l.last = shared
	}
	shared.calls++
	ctx, cancel := context.WithCancel(shared.ctx)
	return ctx, sync.OnceFunc(func() {
		cancel()
		l.leave(shared)
	})
}

// leave is called by each call once. What no call needs any more is released,
// but for the one to share, which ends with the client.
func (l *deadlines) leave(shared *deadline) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if shared.calls--; shared.calls == 0 && shared != l.last {
		shared.cancel()
	}
}
