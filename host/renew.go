package host

import (
	"context"

	"github.com/exatlas/atlas/core/spec"
)

// A guest's memory never shrinks, so what a burst of calls needed is only given back
// with the sandbox. One that is never idle is therefore exchanged for a fresh one when
// it has stayed grown. Where the fresh one grows as large again the load needs it so,
// and it is left alone for twice as long each time.
const (
	grownBytes    = 16 * mib // beyond what a sandbox had when it was made
	patienceFirst = 2        // looks at which a sandbox is grown before it is exchanged
	patienceMost  = 64
)

// grown counts a look at the instance, and reports whether it has been grown for so
// long that it is to be exchanged. Only the idle watch calls it.
func (i *instance) grown() bool {
	if i.allocator.Size() <= i.fresh+grownBytes {
		i.looks, i.patience = 0, patienceFirst
		return false
	}
	i.looks++
	return i.looks >= i.patience
}

// renew exchanges a sandbox that has stayed grown, one at a look at the most: making
// the fresh one takes milliseconds of a core, and the memory of both. Calls go on
// meanwhile, and the next one goes to the fresh one.
func (m *module) renew(ctx context.Context) {
	old := m.largest()
	if old == nil {
		return
	}
	fresh := m.another(ctx)
	if fresh == nil {
		return
	}
	fresh.patience = min(2*old.patience, patienceMost)
	if !m.parking {
		m.exchangeOwn(old, fresh)
		return
	}
	fresh.unlock()
	m.exchangeShared(old, fresh)
}

// another makes an instance beside those that there are. nil: somebody is making one, or
// there is no room for two; the next look tries again. The right to make one is given
// back before the old one is waited for, in which a guest may compute for long.
func (m *module) another(ctx context.Context) *instance {
	select {
	case <-m.making:
	default:
		return nil
	}
	defer func() { m.making <- struct{}{} }()
	c := m.host.newCall(ctx, m, spec.Secret{})
	defer c.free()
	fresh, failure := newInstance(ctx, m, c)
	if failure != nil {
		return nil
	}
	return fresh
}

// largest looks at every instance and returns the largest that is to be exchanged. nil:
// there is none, or the last one that was exchanged still holds calls.
func (m *module) largest() (found *instance) {
	look := func(i *instance) {
		if i.grown() && (found == nil || i.allocator.Size() > found.allocator.Size()) {
			found = i
		}
	}
	for _, i := range *m.list.Load() {
		look(i)
	}
	m.idleMu.Lock()
	for _, i := range m.idle {
		look(i)
	}
	m.idleMu.Unlock()
	if m.retiring.Load() > 0 {
		return nil
	}
	return found
}

// exchangeShared puts a fresh instance in place of an old one, which goes once the
// calls have ended that are parked in it.
func (m *module) exchangeShared(old, fresh *instance) {
	if !m.replace(old, fresh) { // it has failed meanwhile
		fresh.drop()
		return
	}
	<-old.lock
	defer old.unlock()
	if old.dead.Load() {
		return
	}
	old.retired = true
	m.retiring.Add(1)
	old.leave()
}

// replace changes one instance of the list for another. It reports false where the old
// one is not there.
func (m *module) replace(old, fresh *instance) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := append([]*instance(nil), *m.list.Load()...)
	for n, i := range list {
		if i == old {
			list[n] = fresh
			m.list.Store(&list)
			return true
		}
	}
	return false
}

// leave ends a retired instance in which no call is parked any more. The caller holds
// the lock.
func (i *instance) leave() {
	if i.retired && i.parked.Load() == 0 {
		i.drop()
	}
}

// exchangeOwn puts a fresh instance in place of an old one that is in nobody's use. An
// old one that somebody has taken meanwhile is left to the next look.
func (m *module) exchangeOwn(old, fresh *instance) {
	m.idleMu.Lock()
	out := fresh
	for n, i := range m.idle {
		if i == old {
			m.idle[n], out = fresh, old
		}
	}
	m.idleMu.Unlock()
	out.drop()
}
