package main

/*
#include "atlas.h"
*/
import "C"

import (
	"math"
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
	NotifyQueue(changed func(nonEmpty bool))
	Close(timeout time.Duration) atlas.Outcome
}

// client is one open handle.
type client struct {
	core
	wake wake
}

// firstHandle is far from anything a caller could mistake for a handle (a
// descriptor, an index, a pointer) and below 2^53, so that it survives a trip
// through a JavaScript number.
const firstHandle = 0xA71A5_0000_0001

// table maps handles to clients. Handles are issued in order and never again,
// so one that is in the range issued and not in the table is closed.
type table struct {
	open   sync.Map // uint64 -> *client
	issued atomic.Uint64
	live   atomic.Int64
	wakes  atomic.Int64
}

func (t *table) add(c core) uint64 {
	handle := firstHandle + t.issued.Add(1) - 1
	t.open.Store(handle, &client{core: c, wake: wake{live: &t.wakes}})
	t.live.Add(1)
	return handle
}

// find returns the client, or nil and the status that says why not.
func (t *table) find(handle uint64) (*client, atlas.Outcome) {
	if found, ok := t.open.Load(handle); ok {
		return found.(*client), C.ATLAS_OK
	}
	if handle >= firstHandle && handle-firstHandle < t.issued.Load() {
		return nil, C.ATLAS_CLOSED
	}
	return nil, C.ATLAS_BAD_CLIENT
}

// close ends a client. The handle stays valid until its calls have ended or the
// time is up, so that another thread still takes their completions.
func (t *table) close(handle uint64, timeout time.Duration) atlas.Outcome {
	c, outcome := t.find(handle)
	if c == nil {
		if outcome == C.ATLAS_CLOSED {
			return C.ATLAS_OK
		}
		return outcome
	}
	defer t.release(handle)
	return c.Close(timeout)
}

// release forgets the handle; of several threads that close one client, the
// first to get here does it.
func (t *table) release(handle uint64) {
	if found, ok := t.open.LoadAndDelete(handle); ok {
		found.(*client).wake.close()
		t.live.Add(-1)
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
