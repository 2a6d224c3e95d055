package main

import (
	"sync"
	"sync/atomic"
)

// wake is a client's wake-up descriptor: readable exactly while the client's
// queue is not empty. It is made when it is first asked for, so that a client
// whose owner waits in atlas_next costs no descriptor.
type wake struct {
	live *atomic.Int64 // descriptors of this kind in the process

	mu     sync.Mutex
	state  wakeState
	ready  bool // whether the descriptor is readable
	device device
}

type wakeState uint8

const (
	wakeUnmade wakeState = iota
	wakeOpen
	wakeClosed
)

// descriptor returns the descriptor to poll, or -1. Where the system has none to give
// it may have one when it is asked again.
func (w *wake) descriptor(c core) int {
	w.mu.Lock()
	made := w.state == wakeUnmade && w.device.open()
	if made {
		w.state = wakeOpen
		w.live.Add(1)
	}
	descriptor := -1
	if w.state == wakeOpen {
		descriptor = w.device.descriptor()
	}
	w.mu.Unlock()
	if made {
		c.NotifyQueue(w.set) // without the lock: it calls set at once
	}
	return descriptor
}

// set follows the queue. The queue calls it in the order of its changes.
func (w *wake) set(ready bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state != wakeOpen || w.ready == ready {
		return
	}
	w.ready = ready
	if ready {
		w.device.raise()
	} else {
		w.device.lower()
	}
}

// close gives the descriptor back and reports whether this was the first call.
// It raises it first, so that a thread in poll wakes up and learns from
// atlas_next that the client is closed.
func (w *wake) close() (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == wakeOpen {
		w.device.raise()
		w.device.close()
		w.live.Add(-1)
	}
	first = w.state != wakeClosed
	w.state = wakeClosed
	return first
}
