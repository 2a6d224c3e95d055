package host

import (
	"context"

	"github.com/exatlas/atlas/core/spec"
)

// take returns an instance that the caller alone may enter until it gives it
// back: any instance of a parking module, an instance of its own of a blocking
// one. It waits no longer than ctx allows.
func (m *module) take(ctx context.Context, c *call) (*instance, *spec.Error) {
	if m.parking {
		return m.takeShared(ctx, c)
	}
	return m.takeOwn(ctx, c)
}

// give returns an instance that take has handed out.
func (m *module) give(i *instance) {
	if m.parking {
		i.leave()
		i.unlock()
		return
	}
	if !i.dead.Load() {
		if i.allocator.Size() > m.host.limits.IdleMemoryBytes {
			i.drop()
		} else {
			m.idleMu.Lock()
			m.idle = append(m.idle, i)
			m.idleMu.Unlock()
		}
	}
	m.slots <- struct{}{}
}

// crowd is how many goroutines have to wait for each instance before another is
// made: a second one costs megabytes and is of use to another core only.
const crowd = 3

func (m *module) takeShared(ctx context.Context, c *call) (*instance, *spec.Error) {
	for {
		list := *m.list.Load()
		for _, i := range list {
			if i.trylock() {
				return i, nil
			}
		}
		if len(list) == 0 {
			i, failure := m.first(ctx, c)
			if i != nil || failure != nil {
				return i, failure
			}
			continue
		}
		if len(list) < m.host.limits.Instances && m.waiting.Load() >= int64(crowd*len(list)) {
			select {
			case <-m.making:
				i, failure := newInstance(ctx, m, c)
				if failure == nil {
					<-i.unlocked()
					m.add(i)
				}
				m.making <- struct{}{}
				return i, failure
			default: // somebody is at it
			}
		}
		i := list[m.turn.Add(1)%uint32(len(list))]
		m.waiting.Add(1)
		select {
		case <-i.lock:
			m.waiting.Add(-1)
			if !i.dead.Load() && !i.retired {
				return i, nil
			}
			i.unlock()
		case <-ctx.Done():
			m.waiting.Add(-1)
			return nil, ended(ctx)
		}
	}
}

// first makes the first instance, or waits until somebody else has. Neither an
// instance nor an error: look again.
func (m *module) first(ctx context.Context, c *call) (*instance, *spec.Error) {
	select {
	case <-m.making:
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	defer func() { m.making <- struct{}{} }()
	if len(*m.list.Load()) > 0 {
		return nil, nil
	}
	i, failure := newInstance(ctx, m, c)
	if failure != nil {
		return nil, failure
	}
	<-i.unlocked()
	m.add(i)
	return i, nil
}

func (m *module) takeOwn(ctx context.Context, c *call) (*instance, *spec.Error) {
	select {
	case <-m.slots:
	default:
		m.waiting.Add(1)
		select {
		case <-m.slots:
			m.waiting.Add(-1)
		case <-ctx.Done():
			m.waiting.Add(-1)
			return nil, ended(ctx)
		}
	}
	m.idleMu.Lock()
	var i *instance
	if n := len(m.idle); n > 0 {
		i, m.idle = m.idle[n-1], m.idle[:n-1]
	}
	m.idleMu.Unlock()
	if i != nil {
		return i, nil
	}
	i, failure := newInstance(ctx, m, c)
	if failure != nil {
		m.slots <- struct{}{}
		return nil, failure
	}
	return i, nil
}

// add makes an instance known to others.
func (m *module) add(i *instance) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := *m.list.Load()
	grown := append(old[:len(old):len(old)], i)
	m.list.Store(&grown)
}

// forget takes a dead instance out of the list.
func (m *module) forget(i *instance) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var left []*instance
	for _, other := range *m.list.Load() {
		if other != i {
			left = append(left, other)
		}
	}
	m.list.Store(&left)
}

// unlocked makes a new instance enterable and returns its lock.
func (i *instance) unlocked() <-chan struct{} {
	i.lock <- struct{}{}
	return i.lock
}

func (i *instance) unlock() { i.lock <- struct{}{} }

// trylock takes the lock where nobody is inside an instance that takes calls.
func (i *instance) trylock() bool {
	select {
	case <-i.lock:
		if !i.dead.Load() && !i.retired {
			return true
		}
		i.unlock()
	default:
	}
	return false
}

// relock takes the lock for a call that is parked in the instance.
func (i *instance) relock() {
	select {
	case <-i.lock:
	default:
		i.owner.waiting.Add(1)
		<-i.lock
		i.owner.waiting.Add(-1)
	}
}
