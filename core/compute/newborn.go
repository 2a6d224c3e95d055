package compute

import (
	"sync"
	"time"

	"github.com/exatlas/atlas/core/clock"
)

// newborns remembers the machines that this client rented, for as long as their
// cloud may not show them yet. A "there is none" says nothing of such a machine:
// who believes it rents another one, and leaves this one to cost.
type newborns struct {
	clock clock.Clock

	mu    sync.Mutex
	until map[machineKey]time.Time
}

type machineKey struct{ provider, id string }

// add remembers a machine for a time, and forgets those whose time is over.
func (n *newborns) add(provider, id string, lag time.Duration) {
	now := n.clock.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, until := range n.until {
		if !now.Before(until) {
			delete(n.until, key)
		}
	}
	n.until[machineKey{provider, id}] = now.Add(lag)
}

// drop forgets a machine that was seen, or given back.
func (n *newborns) drop(provider, id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.until, machineKey{provider, id})
}

// unseen reports whether a machine may exist although its cloud does not show it.
func (n *newborns) unseen(provider, id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	until, known := n.until[machineKey{provider, id}]
	return known && n.clock.Now().Before(until)
}
