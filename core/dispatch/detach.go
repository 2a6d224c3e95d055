package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// handover decides, exactly once, who gets the outcome of a call: the caller
// that waits, or the queue.
type handover struct {
	done   chan struct{}
	result []byte
	err    *spec.Error

	mu       sync.Mutex
	finished bool
	left     bool
}

// callDetached waits for a call as long as its caller wants to and then lets it
// go on as if submitted.
func (d *Dispatcher) callDetached(ctx context.Context, end func([]byte, *spec.Error), r *Request, run invoke) (Outcome, []byte) {
	h := &handover{done: make(chan struct{})}
	id := r.ID
	safego.Go(&d.wg, nil, func() {
		defer close(h.done)
		result, answered, err := guarded(ctx, run)
		h.mu.Lock()
		h.result, h.err, h.finished = result, err, true
		left := h.left
		h.mu.Unlock()
		var completion []byte
		if left {
			completion = answer(`"type":"completion",`, id, result, err)
		}
		end(completion, err)
		if answered != nil {
			answered()
		}
	})
	timer := time.NewTimer(time.Duration(r.DetachAfterMS) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-h.done:
	case <-timer.C:
		h.mu.Lock()
		h.left = !h.finished
		left := h.left
		h.mu.Unlock()
		if left {
			return Pending, answer("", id, []byte(`{}`), nil)
		}
		<-h.done
	}
	if h.err != nil {
		return outcomeOf(h.err), answer("", id, nil, h.err)
	}
	return OK, answer("", id, h.result, nil)
}
