package main

/*
#include "atlas.h"
*/
import "C"

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exatlas/atlas"
)

// core is what a handle stands for; *atlas.Client is one.
type core interface {
	CallJSON(request []byte) (atlas.Outcome, []byte)
	SubmitJSON(request []byte) (atlas.Outcome, []byte)
	CancelID(id string) atlas.Outcome
	NextJSON(timeout time.Duration) (atlas.Outcome, []byte)
	PutBackJSON(item []byte)
	NotifyQueue(changed func(nonEmpty bool))
	Close(timeout time.Duration) atlas.Outcome
}

// client is what one handle stands for.
type client struct {
	core
	wake    wake
	closing atomic.Bool // whether someone closes it, or has
}

// next takes an item out of the queue and hands it to the caller. One for which
// there is no memory stays in the queue: its completion comes exactly once, and
// may name a machine that nothing else names.
func (c *client) next(timeout time.Duration, hand func(atlas.Outcome, []byte) atlas.Outcome) atlas.Outcome {
	outcome, item := c.NextJSON(timeout)
	handed := hand(outcome, item)
	if handed == C.ATLAS_NO_MEMORY && outcome == C.ATLAS_OK {
		c.PutBackJSON(item)
	}
	return handed
}

// firstHandle is far from anything a caller could mistake for a handle (a
// descriptor, an index, a pointer) and below 2^53, so that it survives a trip
// through a JavaScript number.
const firstHandle = 0xA71A5_0000_0001

// mostUndrained is how many closed clients are kept for the items their queues
// still hold. Whoever takes none loses them when this many more have come.
const mostUndrained = 16

// table maps handles to clients. Handles are issued in order and never again,
// so one that is in the range issued and not in the table is closed.
type table struct {
	known  sync.Map // uint64 -> *client: the open and the undrained
	issued atomic.Uint64
	live   atomic.Int64 // open clients
	wakes  atomic.Int64 // wake-up descriptors

	mu        sync.Mutex
	undrained []uint64 // oldest first
}

func (t *table) add(c core) uint64 {
	handle := firstHandle + t.issued.Add(1) - 1
	t.known.Store(handle, &client{core: c, wake: wake{live: &t.wakes}})
	t.live.Add(1)
	return handle
}

// find returns the client, or nil and the status that says why not.
func (t *table) find(handle uint64) (*client, atlas.Outcome) {
	if found, ok := t.known.Load(handle); ok {
		return found.(*client), C.ATLAS_OK
	}
	if handle >= firstHandle && handle-firstHandle < t.issued.Load() {
		return nil, C.ATLAS_CLOSED
	}
	return nil, C.ATLAS_BAD_CLIENT
}

// close ends a client. The handle stays known until the calls have ended or the
// time is up, and beyond that while its queue holds items: a thread that empties
// the queue still gets them.
func (t *table) close(handle uint64, timeout time.Duration) atlas.Outcome {
	c, outcome := t.find(handle)
	if c == nil {
		if outcome == C.ATLAS_CLOSED {
			return C.ATLAS_OK
		}
		return outcome
	}
	first := c.closing.CompareAndSwap(false, true)
	outcome = c.Close(timeout)
	// Whose time is up while another closes leaves the rest to that one.
	if (first || outcome == C.ATLAS_OK) && c.wake.close() {
		t.live.Add(-1)
		t.retire(handle, c)
	}
	return outcome
}

// retire forgets a closed client, at once if its queue is empty.
func (t *table) retire(handle uint64, c *client) {
	held := false
	c.NotifyQueue(func(nonEmpty bool) { held = nonEmpty })
	c.NotifyQueue(nil)
	if !held {
		t.known.Delete(handle)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.undrained = append(t.undrained, handle)
	if len(t.undrained) > mostUndrained {
		t.known.Delete(t.undrained[0])
		t.undrained = slices.Delete(t.undrained, 0, 1)
	}
}

// drained forgets a client whose queue has ended. A client that is still being
// closed is forgotten by close.
func (t *table) drained(handle uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at := slices.Index(t.undrained, handle); at >= 0 {
		t.undrained = slices.Delete(t.undrained, at, at+1)
		t.known.Delete(handle)
	}
}

// duration is what a number of milliseconds of the ABI stands for; a negative
// one, and one too large for a Duration, is for ever.
func duration(ms int64) time.Duration {
	if ms < 0 || ms > math.MaxInt64/int64(time.Millisecond) {
		return -1
	}
	return time.Duration(ms) * time.Millisecond
}

// closeTimeout is duration with the default of atlas_close: it always ends.
func closeTimeout(ms int64) time.Duration {
	if ms < 0 {
		return 5 * time.Second
	}
	return time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}
