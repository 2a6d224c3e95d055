package dispatch

import (
	"slices"
	"sync"
	"time"
)

// Source is a subscription with events to take.
type Source interface {
	// Take returns the next event, encoded; nil when there is none. more says
	// whether another one is there already.
	Take() (item []byte, more bool)
}

// queue is what atlas_next empties: completions, and subscriptions that have
// events. An event waits in its subscription, which bounds and orders it; the
// queue holds each subscription once and serves them in turn.
type queue struct {
	signal chan struct{} // holds one token while someone may find an item
	ended  chan struct{}

	mu          sync.Mutex
	items       []any // []byte or Source, from head on
	head        int
	completions int
	closed      bool
	notify      func(nonEmpty bool)
	told        bool
}

func newQueue() *queue {
	return &queue{signal: make(chan struct{}, 1), ended: make(chan struct{})}
}

// setNotify tells f the state now and at each change, in order. f runs under
// the queue's lock: it must be quick and must not use the queue.
func (q *queue) setNotify(f func(nonEmpty bool)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.notify, q.told = f, q.length() > 0
	if f != nil {
		f(q.told)
	}
}

func (q *queue) length() int { return len(q.items) - q.head }

func (q *queue) pushCompletion(item []byte) {
	q.mu.Lock()
	q.completions++
	q.push(item)
	q.mu.Unlock()
}

// putBack puts an item that was taken where it was, before all others. An event
// counts as a completion until it is taken again.
func (q *queue) putBack(item []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.completions++
	if q.head == 0 {
		q.items = slices.Insert(q.items, 0, any(item))
	} else {
		q.head--
		q.items[q.head] = item
	}
	q.changed()
}

// pushSource is called when a subscription that had no event gets one.
func (q *queue) pushSource(s Source) {
	q.mu.Lock()
	if !q.closed {
		q.push(s)
	}
	q.mu.Unlock()
}

func (q *queue) push(item any) {
	if q.head > 64 && q.head*2 > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, item)
	q.changed()
}

// changed wakes one waiter and the wake-up descriptor.
func (q *queue) changed() {
	nonEmpty := q.length() > 0
	if nonEmpty {
		select {
		case q.signal <- struct{}{}:
		default:
		}
	}
	if q.notify != nil && nonEmpty != q.told {
		q.told = nonEmpty
		q.notify(nonEmpty)
	}
}

func (q *queue) pop() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.changed()
	for q.length() > 0 {
		item := q.items[q.head]
		q.items[q.head] = nil
		if q.head++; q.head == len(q.items) {
			q.items, q.head = q.items[:0], 0
			if cap(q.items) > 4096 {
				q.items = nil
			}
		}
		source, ok := item.(Source)
		if !ok {
			q.completions--
			return item.([]byte)
		}
		event, more := source.Take()
		if more {
			q.push(source)
		}
		if event != nil {
			return event
		}
	}
	return nil
}

// next takes an item. timeout 0 does not wait, a negative one waits until
// something comes.
func (q *queue) next(timeout time.Duration) (Outcome, []byte) {
	var expired <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		if item := q.pop(); item != nil {
			return OK, item
		}
		select {
		case <-q.ended:
			if item := q.pop(); item != nil {
				return OK, item
			}
			return Closed, nil
		default:
		}
		if timeout == 0 {
			return Timeout, nil
		}
		select {
		case <-q.signal:
		case <-q.ended:
		case <-expired:
			timeout = 0 // one more look: an item and the timer may have come together
		}
	}
}

func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.completions
}

// close ends the queue. Completions that are there can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.ended)
	}
}
