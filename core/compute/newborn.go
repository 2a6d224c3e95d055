package compute

import (
	"sync"
	"time"

	"github.com/exatlas/atlas/core/clock"
)

// newborns remembers until when a machine's cloud may not show it yet. A "there is
// none" says nothing of such a machine: who believes it rents another one, and leaves
// this one to cost. Of a machine that this client rented the time counts from then; of
// one that it knows nothing of, which another process may have rented just now, from
// the first time that its cloud said so.
type newborns struct {
	clock clock.Clock

	mu    sync.Mutex
	until map[machineKey]time.Time
	most  int // entries at which those are forgotten that are long over
}

type machineKey struct{ provider, id string }

// rememberFor is how long it is remembered that a machine is not young any more, after
// which its absence takes the time of one that nobody knows of.
const rememberFor = time.Hour

func newNewborns(c clock.Clock) *newborns {
	return &newborns{clock: c, until: map[machineKey]time.Time{}}
}

// add remembers a machine that was rented just now.
func (n *newborns) add(provider, id string, lag time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.set(machineKey{provider, id}, n.clock.Now().Add(lag))
}

// drop notes that a machine was seen, or given back: its absence counts from now on.
func (n *newborns) drop(provider, id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.set(machineKey{provider, id}, n.clock.Now())
}

// unseen reports whether a machine may exist although its cloud, just now, has not
// shown it.
func (n *newborns) unseen(provider, id string, lag time.Duration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := machineKey{provider, id}
	if _, known := n.until[key]; !known {
		n.set(key, n.clock.Now().Add(lag))
	}
	return n.clock.Now().Before(n.until[key])
}

// set remembers, and forgets what is long over where there is much of it.
func (n *newborns) set(key machineKey, until time.Time) {
	if n.until[key] = until; len(n.until) < max(n.most, 64) {
		return
	}
	now := n.clock.Now()
	for key, until := range n.until {
		if now.Sub(until) > rememberFor {
			delete(n.until, key)
		}
	}
	n.most = 2 * len(n.until)
}
