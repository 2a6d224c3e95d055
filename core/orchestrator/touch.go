package orchestrator

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// notes are activities that wait to be brought to the store.
type notes struct {
	mu   sync.Mutex
	list []*tracked
}

func (n *notes) add(t *tracked) {
	if t.noted.Swap(true) {
		return
	}
	n.mu.Lock()
	n.list = append(n.list, t)
	n.mu.Unlock()
}

func (n *notes) take() []*tracked {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := n.list
	n.list = nil
	return out
}

// beats are sessions whose activity is to be told.
type beats struct {
	mu   sync.Mutex
	list []*tracked
}

// add takes those whose last heartbeat is so long ago.
func (b *beats) add(list []*tracked, now, every int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range list {
		if last := t.beat.Load(); now-last >= every && t.beat.CompareAndSwap(last, now) {
			b.list = append(b.list, t)
		}
	}
}

func (b *beats) take() []*tracked {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.list
	b.list = nil
	return out
}

// Touch tells of activity. Of a single session that does not live any more it is
// an error; of a list, those are answered.
func (s *Service) Touch(ctx context.Context, p *TouchParams) (*Touched, error) {
	if !s.running() {
		if err := s.Start(ctx); err != nil {
			return nil, err
		}
	}
	now := s.node.now()
	var foreign, missing []string
	var due []*tracked // the store must hold it before it is answered
	var named []string // what the caller said for each of them
	for _, id := range p.ID {
		t := s.index.find(id)
		switch {
		case t == nil || !s.node.valid():
			foreign = append(foreign, id)
		case !t.live.Load():
			missing = append(missing, id)
		case now-t.stored.Load() > trusted.Milliseconds():
			raise(&t.touched, now)
			if s.logged(t, now) {
				s.notes.add(t)
			} else {
				due, named = append(due, t), append(named, id)
			}
		default:
			raise(&t.touched, now)
			s.notes.add(t)
			if !s.kept(t) {
				due, named = append(due, t), append(named, id)
			}
		}
	}
	if len(due) > 0 {
		gone, err := s.store.Touch(ctx, activities(due))
		if err != nil {
			return nil, unknown(err)
		}
		keep(due, now)
		for _, id := range gone {
			missing = append(missing, named[slices.IndexFunc(due, func(t *tracked) bool { return t.id == id })])
		}
	}
	if len(foreign) > 0 {
		gone, err := s.touchStored(ctx, foreign, now)
		if err != nil {
			return nil, err
		}
		missing = append(missing, gone...)
	}
	if len(missing) > 0 && len(p.ID) == 1 {
		return nil, s.notLiving(ctx, p.ID[0])
	}
	return &Touched{At: text(now), Missing: missing}, nil
}

// logged writes an activity to the log, where the store has one: whoever adopts the
// session finds it there.
func (s *Service) logged(t *tracked, now int64) bool {
	if s.log == nil {
		return false
	}
	had := t.slot.Load()
	place, err := s.log.Write(had, t.id, now)
	if err != nil {
		return false
	}
	if place != had && !t.slot.CompareAndSwap(had, place) {
		s.log.Free(place) // another touch took one meanwhile
	}
	if !s.kept(t) {
		return false
	}
	raise(&t.stored, now)
	return true
}

// kept tells of an activity that was noted outside the store whether that is enough.
// It is not where the session may be another's by now, or is being ended this moment.
func (s *Service) kept(t *tracked) bool {
	return s.node.valid() && !t.closing.Load() && t.live.Load()
}

func activities(list []*tracked) []store.Touch {
	out := make([]store.Touch, len(list))
	for i, t := range list {
		out[i] = store.Touch{ID: t.id, At: t.touched.Load()}
	}
	return out
}

// keep notes that the store holds activities of at.
func keep(list []*tracked, at int64) {
	for _, t := range list {
		raise(&t.stored, at)
	}
}

// touchStored notes activity of sessions that other processes act on, those that are
// named by their own identifiers in one step. What then is left may be named by its
// machine's.
func (s *Service) touchStored(ctx context.Context, ids []string, now int64) (missing []string, err error) {
	touches := make([]store.Touch, len(ids))
	for i, id := range ids {
		touches[i] = store.Touch{ID: id, At: now}
	}
	left, err := s.store.Touch(ctx, touches)
	if err != nil {
		return nil, unknown(err)
	}
	touches = touches[:0]
	named := map[string]string{} // the session's identifier: what the caller said
	for _, id := range left {
		row, found, err := s.store.Get(ctx, id)
		if err != nil {
			return nil, unknown(err)
		}
		if !found || row.ID == id {
			missing = append(missing, id)
			continue
		}
		named[row.ID] = id
		touches = append(touches, store.Touch{ID: row.ID, At: now})
	}
	if len(touches) == 0 {
		return missing, nil
	}
	gone, err := s.store.Touch(ctx, touches)
	if err != nil {
		return nil, unknown(err)
	}
	for _, id := range gone {
		missing = append(missing, named[id])
	}
	return missing, nil
}

// notLiving is the error of a touch that came too late, or of a wrong name.
func (s *Service) notLiving(ctx context.Context, id string) error {
	row, found, err := s.store.Get(ctx, id)
	switch {
	case err != nil:
		return unknown(err)
	case !found:
		return notFound()
	}
	return &spec.Error{Kind: spec.KindConflict, Message: "the session is " + stateName(row.State) + "; it takes no touches", Hint: "spawn another one; orchestrator.get tells why it ended"}
}

func notFound() *spec.Error {
	return &spec.Error{Kind: spec.KindNotFound, Message: "no such session", Hint: "orchestrator.list shows the sessions of this store; machines rented with compute.spawn are not among them"}
}

// flushNotes brings activities to the store, and does what other processes asked
// for.
func (s *Service) flushNotes() {
	for s.pause(flushEvery) {
		s.flush(s.until)
		s.doAsked()
	}
}

// flush writes the activities noted until now. Those of sessions that changed
// hands are written all the same: activity counts whoever saw it. It tells whether
// the store holds all of them.
func (s *Service) flush(ctx context.Context) bool {
	list := s.notes.take()
	if len(list) == 0 {
		return true
	}
	for _, t := range list {
		t.noted.Store(false)
	}
	for from := 0; from < len(list); from += 5000 {
		some := list[from:min(from+5000, len(list))]
		touches := activities(some)
		limited, cancel := context.WithTimeout(ctx, commitLimit)
		_, err := s.store.Touch(limited, touches)
		cancel()
		if err != nil {
			for _, t := range list[from:] {
				s.notes.add(t)
			}
			return false
		}
		for i, t := range some {
			raise(&t.stored, touches[i].At)
		}
	}
	s.beats.add(list, s.node.now(), s.Settings.Heartbeat.Milliseconds())
	return true
}

// tellBeats tells of activity at its own, slower pace, apart from the flushes that
// it must not hold up.
func (s *Service) tellBeats() {
	for s.pause(flushEvery) {
		for list := s.beats.take(); len(list) > 0 && s.until.Err() == nil; {
			some := list[:min(len(list), tellAtOnce)]
			list = list[len(some):]
			busy, _ := s.note(some, s.heartbeat) // one that may have been told is not told again
			for _, t := range busy {
				t.beat.Store(0) // the next flush says it again
			}
		}
	}
}

func (s *Service) heartbeat(t *tracked, row *store.Session) []store.Event {
	if row.State != store.Live {
		return nil
	}
	return []store.Event{s.event("heartbeat", map[string]any{"session": t.id, "touched_at": text(row.Touched)})}
}

// doAsked ends the sessions that other processes were asked to stop or forget.
func (s *Service) doAsked() {
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	words, err := s.store.Asked(ctx, s.node.holder)
	if err != nil {
		return
	}
	for _, w := range words {
		if w.Word == wordForget {
			if _, err := s.tryForget(ctx, w.ID); err != nil && spec.AsError(err).Kind == spec.KindConflict {
				_, _ = s.store.Ask(ctx, w.ID, "", wordForget) // it is not what this process knows; the next round says so again
			}
			continue
		}
		t := s.index.find(w.ID)
		switch {
		case t == nil:
			if _, fault, err := s.ownUnreadable(ctx, w.ID); err == nil && fault != nil {
				_, _ = s.store.Ask(ctx, w.ID, "", wordStop) // whoever asked was told why not; a word that stays keeps the one to forget out
			}
		case t.acting.TryLock(): // otherwise the next round does it
			s.stopAsked(ctx, t)
			t.acting.Unlock()
		}
	}
}

// stopAsked does what the word to stop says. The commit of an end clears the word, and
// no other does: a spawn whose machine is not known has the stop in its document from
// then on, and a word that was left would keep the one to forget out for ever. The
// caller holds t.acting.
func (s *Service) stopAsked(ctx context.Context, t *tracked) {
	before, _ := t.state()
	verdict, err := s.stopHere(t)
	switch {
	case err != nil:
		s.later(t, time.Second)
	case verdict == store.Done && before.State != store.Live:
		_, _ = s.store.Ask(ctx, t.id, "", wordStop) // the next round does it otherwise
	}
}
