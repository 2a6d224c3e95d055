package compute

import (
	"context"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// finder looks lost creates up. Lookups on one account share listings: those
// that come while a listing runs wait for the next one, so each is answered by
// one that began after it was asked for, and thousands cost a handful.
type finder struct {
	service *Service
	work    sync.WaitGroup

	mu       sync.Mutex
	accounts map[accountKey]*lookups
}

// accountKey tells accounts apart; the credential is one because requests of
// another credential may see other machines.
type accountKey struct {
	provider string
	key      spec.Secret
}

// lookups are those of one account.
type lookups struct {
	running bool
	next    *batch
}

// batch is one listing and who waits for it.
type batch struct {
	ids   map[string]bool
	names map[string]bool
	done  chan struct{}

	began  time.Time // set before done is closed, as are the others
	byID   map[string]spec.Compute
	byName map[string]spec.Compute
	err    *spec.Error
}

// gather is how long the first lookup waits for others to join.
const gather = 10 * time.Millisecond

func newFinder(s *Service) *finder {
	return &finder{service: s, accounts: map[accountKey]*lookups{}}
}

// wait returns when no listing runs any more.
func (f *finder) wait() { f.work.Wait() }

// find returns the machines of claims that a listing shows, the claims of which it
// shows none, and when that listing began.
func (f *finder) find(ctx context.Context, a *provider.Account, claims []claim) (found []spec.Compute, missing []claim, began time.Time, e *spec.Error) {
	b := f.join(a, claims)
	select {
	case <-b.done:
	case <-ctx.Done():
		return nil, claims, time.Time{}, ended(ctx)
	}
	if b.err != nil {
		return nil, claims, b.began, b.err
	}
	for _, c := range claims {
		machine, ok := b.byID[c.requestID]
		if !ok && c.ours {
			machine, ok = b.byName[c.name]
		}
		if !ok {
			missing = append(missing, c)
			continue
		}
		if machine.RequestID == "" { // its cloud keeps the name alone
			machine.RequestID = c.requestID
		}
		found = append(found, machine)
	}
	return found, missing, b.began, nil
}

// join adds claims to the account's next listing and sees to it that there is
// one.
func (f *finder) join(a *provider.Account, claims []claim) *batch {
	key := accountKey{a.Provider, a.Key}
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.accounts[key]
	if l == nil {
		l = &lookups{}
		f.accounts[key] = l
	}
	if l.next == nil {
		l.next = &batch{ids: map[string]bool{}, names: map[string]bool{}, done: make(chan struct{})}
	}
	for _, c := range claims {
		l.next.ids[c.requestID] = true
		if c.ours {
			l.next.names[c.name] = true
		}
	}
	b := l.next
	if !l.running {
		l.running = true
		account := a.Standing()
		safego.Go(&f.work, func(e *spec.Error) { f.broken(key, e) }, func() { f.serve(key, l, &account) })
	}
	return b
}

// serve runs listings as long as somebody waits for one. Between two it pauses
// as long as the last one took, so that listings never take more than half of
// what the account and the machine can do.
func (f *finder) serve(key accountKey, l *lookups, a *provider.Account) {
	pause := gather
	for {
		_ = f.service.Clock.Wait(f.service.rescueUntil, pause) // once closing, the listing fails at once
		f.mu.Lock()
		b := l.next
		l.next = nil
		if b == nil {
			delete(f.accounts, key)
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
		f.list(a, b)
		pause = max(gather, min(f.service.Clock.Now().Sub(b.began), time.Second))
	}
}

// list carries out one listing.
func (f *finder) list(a *provider.Account, b *batch) {
	defer close(b.done)
	b.began = f.service.Clock.Now()
	defer safego.Recover(func(e *spec.Error) { b.err = e })
	ctx, cancel := context.WithTimeout(f.service.rescueUntil, backgroundLimit)
	defer cancel()
	b.byID, b.byName = map[string]spec.Compute{}, map[string]spec.Compute{}
	operation, request := f.question(a, b)
	err := f.service.pages(ctx, a, operation, request, false, func(items []spec.Compute) error {
		for i := range items {
			c := &items[i]
			switch {
			case c.ID == "":
			case b.ids[c.RequestID]:
				b.byID[c.RequestID] = *c
			case b.names[c.Name]:
				b.byName[c.Name] = *c
			}
		}
		return nil
	})
	if err != nil {
		b.err = spec.AsError(err)
	}
}

// question is find_compute, or the whole listing where the plugin has none.
func (f *finder) question(a *provider.Account, b *batch) (operation string, request func(cursor string) any) {
	if !a.Exports(spec.OpFind) {
		return spec.OpList, func(cursor string) any { return &spec.ListRequest{Cursor: cursor} }
	}
	wanted := spec.FindRequest{}
	for id := range b.ids {
		wanted.RequestIDs = append(wanted.RequestIDs, id)
	}
	for name := range b.names {
		wanted.Names = append(wanted.Names, name)
	}
	return spec.OpFind, func(cursor string) any {
		next := wanted
		next.Cursor = cursor
		return &next
	}
}

// broken answers whoever waits after a defect in serve.
func (f *finder) broken(key accountKey, e *spec.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l := f.accounts[key]; l != nil && l.next != nil {
		l.next.err = e
		close(l.next.done)
	}
	delete(f.accounts, key)
}
