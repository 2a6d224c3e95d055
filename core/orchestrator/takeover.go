package orchestrator

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/store"
)

const claimAtOnce = 1000

// takeOver claims the sessions of processes that are gone: at the start all that
// there are, later those of processes that die.
func (s *Service) takeOver() {
	first := true
	for {
		done, err := s.claim(first)
		if err == nil && done && first {
			first = false
			close(s.adopted)
		}
		if err == nil && !done {
			continue
		}
		if !s.pause(s.node.ttl / 3) {
			return
		}
	}
}

// claim takes some sessions. done tells that there are no more.
func (s *Service) claim(first bool) (done bool, err error) {
	lease, ok := s.node.current()
	if !ok {
		return false, context.DeadlineExceeded
	}
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	list, err := s.store.Claim(ctx, lease, claimAtOnce)
	if err != nil {
		return false, err
	}
	name := "taken_over"
	if first {
		name = "adopted"
	}
	s.adopt(ctx, lease, list, name)
	return len(list) < claimAtOnce, nil
}

// adopt acts on claimed sessions from now on, and tells so.
func (s *Service) adopt(ctx context.Context, lease store.Lease, list []store.Claimed, name string) {
	now := s.node.now()
	all := make([]*tracked, 0, len(list))
	var told []*tracked
	var changes []store.Change
	for i := range list {
		row := list[i].Session
		d, fault := decode(row.Doc)
		if fault != nil {
			s.tell("unreadable", map[string]any{"session": row.ID, "error": fault})
			continue
		}
		// The owner may have answered an activity so much later from memory alone.
		row.Touched = min(row.Touched+trusted.Milliseconds(), max(now, row.Touched))
		grace := s.Settings.Grace.Milliseconds()
		if d.IdleTTL > 0 {
			grace = min(grace, d.IdleTTL)
		}
		t := &tracked{id: row.ID, place: -1, spare: now + grace}
		t.set(row, d)
		t.acting.Lock()
		defer t.acting.Unlock()
		s.index.add(t, row.ComputeID)
		all = append(all, t)
		if row.ComputeID != "" {
			changes = append(changes, store.Change{Session: withDoc(row, d), Topic: topicOf(row.ComputeID),
				Events: []store.Event{s.event(name, map[string]any{"session": row.ID, "state": stateName(row.State), "from": list[i].From})}})
			told = append(told, t)
		}
	}
	results, err := s.commitMany(ctx, lease, changes)
	for i, t := range told {
		if err != nil {
			t.mu.Lock()
			t.stale = true
			t.mu.Unlock()
			continue
		}
		row, d := t.state()
		s.conclude(t, row, d, changes[i].Events, results[i])
	}
	for _, t := range all {
		if t.over() {
			continue
		}
		row, _ := t.state()
		if row.State == store.Live && err == nil {
			s.polls.watch(row.Provider)
			s.arm(t)
			continue
		}
		s.later(t, 0)
	}
}

func (s *Service) commitMany(ctx context.Context, lease store.Lease, changes []store.Change) ([]store.Result, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	return s.store.Commit(ctx, lease, changes)
}

func withDoc(row store.Session, d *document) store.Session {
	row.Doc = d.encode()
	return row
}

// settled tells whether everything that was there at the start is taken, and no
// spawn without a result is left to be settled here.
func (s *Service) settled() bool {
	select {
	case <-s.adopted:
	default:
		return false
	}
	for _, t := range s.index.all() {
		row, _ := t.state()
		t.mu.Lock()
		open := t.stale
		t.mu.Unlock()
		if open || row.State == store.Intended && !t.isSpawning() {
			return false
		}
	}
	return true
}

// wait for a moment in which nothing else can be done.
const soon = 50 * time.Millisecond
