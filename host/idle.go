package host

import (
	"sync"
	"sync/atomic"

	"github.com/exatlas/atlas/internal/safego"
)

// idleWatch closes the sandboxes that a burst of calls has left behind, and exchanges
// those that it has left grown. It runs while there are sandboxes, and looks at them
// once in IdleTime.
type idleWatch struct {
	sandboxes atomic.Int64 // of all modules

	mu      sync.Mutex
	running bool
}

// watchIdle counts a new sandbox in and sees that the watch runs.
func (h *Host) watchIdle() {
	h.idle.sandboxes.Add(1)
	h.idle.mu.Lock()
	defer h.idle.mu.Unlock()
	if h.idle.running {
		return
	}
	h.idle.running = true
	safego.Go(&h.background, nil, func() {
		for h.waitIdle() && h.closeIdle() {
		}
	})
}

// waitIdle waits for the next look. It reports false where the host closes first,
// which closes all sandboxes.
func (h *Host) waitIdle() bool {
	timer := h.options.Clock.NewTimer(h.limits.IdleTime)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-h.ctx.Done():
		return false
	}
}

// closeIdle closes what nobody has entered since the last look, exchanges what has
// stayed grown, and reports whether there is anything left to look at.
func (h *Host) closeIdle() bool {
	h.mu.Lock()
	list := make([]*plugin, 0, len(h.plugins))
	for _, p := range h.plugins {
		list = append(list, p)
	}
	h.mu.Unlock()
	for _, p := range list {
		if m := p.present(); m != nil && m.retain() {
			m.closeIdle()
			m.renew(h.ctx)
			m.release()
		}
	}
	h.idle.mu.Lock()
	defer h.idle.mu.Unlock()
	h.idle.running = h.idle.sandboxes.Load() > 0
	return h.idle.running
}

func (m *module) closeIdle() {
	for _, i := range *m.list.Load() {
		if !i.trylock() {
			continue // somebody is inside
		}
		if i.idle() && i.parked.Load() == 0 {
			i.drop()
		}
		i.unlock()
	}
	for _, i := range m.idleOnes() {
		i.drop()
	}
}

// idleOnes takes the instances out of a blocking module's pool that nobody has
// entered since the last look.
func (m *module) idleOnes() (idle []*instance) {
	m.idleMu.Lock()
	defer m.idleMu.Unlock()
	kept := m.idle[:0]
	for _, i := range m.idle {
		if i.idle() {
			idle = append(idle, i)
		} else {
			kept = append(kept, i)
		}
	}
	clear(m.idle[len(kept):])
	m.idle = kept
	return idle
}

// idle reports whether nobody has entered the instance since it was last asked.
// The caller holds the lock.
func (i *instance) idle() bool {
	was := i.used
	i.used = false
	return !was
}
