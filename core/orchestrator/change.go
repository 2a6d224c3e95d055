package orchestrator

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// commitLimit bounds one write.
const commitLimit = 30 * time.Second

// edit changes a copy of a session and returns the events that tell of it. It
// returns false where there is nothing to do any more. It may run twice for the
// same change, the second time on a session that has it already.
type edit func(row *store.Session, d *document) (told []store.Event, ok bool)

// change commits an edit and publishes its events. The caller holds t.acting. An
// error means that the fate of the change is not known; the session is read again
// before the next one. The verdict Lost is also that of a process that may not act
// now: the session is over only where t.over says so.
func (s *Service) change(t *tracked, do edit, idleSince int64) (store.Verdict, error) {
	row, current, err := s.recall(t)
	if err != nil {
		return 0, err
	}
	if t.over() {
		return store.Lost, nil
	}
	lease, ok := s.node.current()
	if !ok { // it may come back under its number, so the session is looked at again
		s.later(t, s.node.ttl/3)
		return store.Lost, nil
	}
	if t.ownSpawn() && row.Fence != lease.Fence { // since it was read
		t.doubt()
		return 0, unclaimed()
	}
	next := *current
	told, ok := do(&row, &next)
	if !ok {
		return store.Done, nil
	}
	if row.ComputeID == "" {
		next.Pending = append(slices.Clone(next.Pending), told...)
		told = nil
	} else if len(next.Pending) > 0 {
		told = append(slices.Clone(next.Pending), told...)
		next.Pending = nil
	}
	row.Doc = next.encode()
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	results, err := s.store.Commit(ctx, lease, []store.Change{{Session: row, IdleSince: idleSince, Topic: topicOf(row.ComputeID), Events: told}})
	if err != nil {
		t.mu.Lock()
		t.stale = true
		t.mu.Unlock()
		return 0, err
	}
	if results[0].Verdict == store.Lost && t.ownSpawn() { // another's, or the lease was renewed meanwhile: the store tells which
		t.doubt()
		return 0, unclaimed()
	}
	s.conclude(t, row, &next, told, results[0])
	return results[0].Verdict, nil
}

// conclude brings memory to where the store is after a change.
func (s *Service) conclude(t *tracked, row store.Session, next *document, told []store.Event, r store.Result) {
	switch r.Verdict {
	case store.Done:
		row.Touched = max(row.Touched, r.Touched)
		s.learn(t, row, next)
		t.said.Store(r.Last)
		if row.ComputeID != "" {
			s.index.add(t, row.ComputeID)
		}
		s.publish(topicOf(row.ComputeID), told, r.Last)
	case store.Used:
		raise(&t.touched, r.Touched)
		raise(&t.stored, r.Touched)
	case store.Lost:
		s.drop(t)
	}
}

// learn takes over what the store holds of a session now.
func (s *Service) learn(t *tracked, row store.Session, doc *document) {
	before, _ := t.state()
	t.set(row, doc)
	s.tally.took(before.State, &row, doc)
}

// note commits events that tell of sessions as they are, many in one write. It
// returns those that are being acted on just now, and those of which nobody knows
// whether it was told.
func (s *Service) note(list []*tracked, of func(t *tracked, row *store.Session) []store.Event) (busy, unsure []*tracked) {
	lease, ok := s.node.current()
	if len(list) == 0 || !ok {
		return list, nil
	}
	var held []*tracked
	var changes []store.Change
	for _, t := range list {
		if !t.acting.TryLock() {
			busy = append(busy, t)
			continue
		}
		if t.isStale() { // it is read again soon
			t.acting.Unlock()
			busy = append(busy, t)
			continue
		}
		row, _ := t.state()
		told := of(t, &row)
		if t.over() || row.ComputeID == "" || row.State == store.Ended || row.Owner != lease.Holder || row.Fence != lease.Fence || len(told) == 0 {
			t.acting.Unlock()
			continue
		}
		held = append(held, t)
		changes = append(changes, store.Change{Session: row, Topic: topicOf(row.ComputeID), Events: told})
	}
	if len(held) == 0 {
		return busy, nil
	}
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	results, err := s.store.Commit(ctx, lease, changes)
	for i, t := range held {
		if err != nil {
			t.mu.Lock()
			t.stale = true
			t.mu.Unlock()
			s.later(t, retryStore)
			unsure = append(unsure, t)
		} else {
			s.conclude(t, changes[i].Session, nil, changes[i].Events, results[i])
		}
		t.acting.Unlock()
	}
	return busy, unsure
}

func (t *tracked) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gone
}

// recall returns a session with its document, from the store where memory has none.
// The caller holds t.acting. A session that is another's now is let go, and over.
func (s *Service) recall(t *tracked) (store.Session, *document, error) {
	if err := s.refresh(t); err != nil {
		return store.Session{}, nil, err
	}
	row, d := t.whole()
	if d != nil || t.over() {
		return row, d, nil
	}
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	stored, found, err := s.store.Get(ctx, t.id)
	if err != nil {
		return row, nil, err
	}
	if !found || stored.Owner != row.Owner || stored.Fence != row.Fence {
		s.drop(t)
		return row, nil, nil
	}
	d, fault := decode(&stored)
	if fault != nil {
		return row, nil, fault
	}
	return row, d, nil
}

// refresh reads a session whose last commit has an unknown fate.
func (s *Service) refresh(t *tracked) error {
	own := t.ownSpawn()
	lease, ok := s.node.current()
	t.mu.Lock()
	stale := t.stale || own && ok && t.row.Fence != lease.Fence
	gone := t.gone
	t.mu.Unlock()
	if !stale || gone {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	row, found, err := s.store.Get(ctx, t.id)
	if err != nil {
		return err
	}
	lease, ok = s.node.current()
	if own && found && (!ok || row.Owner == lease.Holder && row.Fence != lease.Fence) {
		return unclaimed()
	}
	if !found || !ok || row.Owner != lease.Holder || row.Fence != lease.Fence {
		s.drop(t)
		return nil
	}
	doc, fault := decode(&row)
	if fault != nil {
		return fault
	}
	s.learn(t, row, doc)
	t.said.Store(0)
	if row.ComputeID != "" {
		s.index.add(t, row.ComputeID)
		s.catchUp(topicOf(row.ComputeID), known)
	}
	return nil
}

var errUnclaimed = errors.New("this process has lost its lease and not taken the session up again yet")

// unclaimed is the error of a session that this process had under an earlier lease, and
// that nobody has claimed since: takeOver does.
func unclaimed() error { return &store.CannotTell{Doing: "writing a session", Err: errUnclaimed} }

// event makes an event of now.
func (s *Service) event(name string, facts map[string]any) store.Event {
	data, err := json.MarshalWithOption(facts, json.DisableHTMLEscape())
	if err != nil || len(facts) == 0 {
		data = []byte(`{}`)
	}
	return store.Event{Time: s.node.now(), Name: name, Data: data, Passing: passes(name)}
}

// publish hands committed events on to those who subscribed here.
func (s *Service) publish(topic string, told []store.Event, last uint64) {
	if len(told) == 0 || topic == "" {
		return
	}
	seen, watched := s.Bus.Watched(topic)
	if !watched {
		return
	}
	first := last - uint64(len(told)) + 1
	if seen+1 < first {
		s.catchUp(topic, known)
		return
	}
	for i := range told {
		told[i].Seq = first + uint64(i)
	}
	s.follow.Lock()
	defer s.follow.Unlock()
	if seen, watched = s.Bus.Watched(topic); watched && seen+1 >= first {
		s.Bus.Deliver(topic, busEvents(topic, told))
	}
}

// known is the inStep of whoever has brought memory to where the store is.
func known(string) uint64 { return math.MaxUint64 }

func busEvents(topic string, list []store.Event) []*events.Event {
	out := make([]*events.Event, len(list))
	for i, e := range list {
		out[i] = &events.Event{Topic: topic, Seq: e.Seq, Time: time.UnixMilli(e.Time).UTC(), Name: e.Name, Data: spec.Raw(e.Data), Class: events.Lifecycle, Last: e.Name == lastEvent}
	}
	return out
}
