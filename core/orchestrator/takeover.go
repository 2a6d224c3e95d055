package orchestrator

import (
	"context"
	"slices"
	"sync"
	"time"
	"unique"

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
	name := "taken_over"
	if first {
		name = "adopted"
	}
	if s.unsure {
		if err := s.regain(ctx, lease, name); err != nil {
			return false, err
		}
	}
	list, err := s.store.Claim(ctx, lease, claimAtOnce)
	if s.unsure = err != nil; s.unsure {
		return false, err
	}
	s.adopt(lease, list, name)
	return len(list) < claimAtOnce, nil
}

// regain adopts what the store holds as this process's and the process does not
// know of: the sessions of a claim that was carried out and whose answer was lost.
func (s *Service) regain(ctx context.Context, lease store.Lease, name string) error {
	states := []store.State{store.Intended, store.Live, store.Ending}
	for after := ""; ; {
		rows, err := s.store.List(ctx, store.Filter{Owner: lease.Holder, Fence: lease.Fence, States: states, After: after, Limit: claimAtOnce})
		if err != nil {
			return err
		}
		var list []store.Claimed
		for i := range rows {
			if s.index.find(rows[i].ID) != nil {
				continue
			}
			// It is read again, since it may have ended between the two looks.
			row, found, err := s.store.Get(ctx, rows[i].ID)
			if err != nil {
				return err
			}
			if found && row.State != store.Ended && row.Owner == lease.Holder && row.Fence == lease.Fence {
				list = append(list, store.Claimed{Session: row})
			}
		}
		s.adopt(lease, list, name)
		if len(rows) < claimAtOnce {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

// adopt acts on claimed sessions from now on, and tells so.
func (s *Service) adopt(lease store.Lease, list []store.Claimed, name string) {
	now := s.node.now()
	var last *adoption
	all := make([]*tracked, 0, len(list))
	var told []*tracked
	for i := range list {
		row := list[i].Session
		row.Owner, row.Provider = lease.Holder, unique.Make(row.Provider).Value() // one text for all of them
		d, fault := decode(&row)
		if fault != nil {
			s.tell("unreadable", map[string]any{"session": row.ID, "error": fault})
			continue
		}
		if t := s.index.find(row.ID); t != nil && t.ownSpawn() { // claimed back from the lease before: it goes on as it is
			t.doubt()
			s.later(t, 0)
			continue
		}
		// The owner may have answered an activity so much later from memory alone.
		row.Touched = min(row.Touched+trusted.Milliseconds(), max(now, row.Touched))
		grace := s.Settings.Grace.Milliseconds()
		if d.IdleTTL > 0 {
			grace = min(grace, d.IdleTTL)
		}
		t := newTracked(row.ID)
		t.spare = now + grace
		t.set(row, d)
		t.acting.Lock()
		defer t.acting.Unlock()
		s.index.add(t, row.ComputeID)
		all = append(all, t)
		if row.ComputeID != "" {
			if last == nil || last.from != list[i].From {
				last = &adoption{name: name, from: list[i].From, at: now}
			}
			t.news = last
			told = append(told, t)
		}
	}
	s.adoptions.add(told)
	for _, t := range all {
		row, _ := t.state()
		if row.State == store.Live {
			s.polls.watch(t)
			s.arm(t)
			continue
		}
		s.later(t, 0)
	}
}

// adoptions are sessions whose new owner has not told of itself yet. Acting on
// them comes first: telling takes as long as a write of each.
type adoptions struct {
	mu   sync.Mutex
	list []*tracked
}

func (a *adoptions) add(list []*tracked) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, list...)
}

func (a *adoptions) take(most int) []*tracked {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(most, len(a.list))
	out := a.list[:n:n]
	if a.list = a.list[n:]; len(a.list) == 0 {
		a.list = nil
	}
	return out
}

// adoption tells how sessions came to this process.
type adoption struct {
	name string // of the event
	from string // who had them
	at   int64
}

// tellAdoptions tells of sessions that were taken over, many in one write, with
// pauses that leave the store to others.
func (s *Service) tellAdoptions() {
	var unsure []*tracked
	for s.pause(tellEvery) {
		untold := s.untold(unsure)
		busy, lost := s.note(append(untold, s.adoptions.take(tellAtOnce)...), func(t *tracked, row *store.Session) []store.Event {
			e := s.event(t.news.name, map[string]any{"session": row.ID, "state": stateName(row.State), "from": t.news.from})
			e.Time = t.news.at
			return []store.Event{e}
		})
		s.adoptions.add(busy)
		unsure = lost
	}
}

// untold are those of some sessions whose adoption the store does not hold. It
// waits for a store that does not answer.
func (s *Service) untold(list []*tracked) (out []*tracked) {
	for _, t := range list {
		row, _ := t.state()
		for from := uint64(1); ; {
			ctx, cancel := context.WithTimeout(s.until, commitLimit)
			told, _, err := s.store.Events(ctx, topicOf(row.ComputeID), from, page)
			cancel()
			if err != nil {
				if !s.pause(retryStore) {
					return nil
				}
				continue
			}
			if slices.ContainsFunc(told, func(e store.Event) bool { return e.Name == t.news.name && e.Time == t.news.at }) {
				break
			}
			if len(told) < page {
				out = append(out, t)
				break
			}
			from = told[len(told)-1].Seq + 1
		}
	}
	return out
}

const (
	tellEvery  = 100 * time.Millisecond
	tellAtOnce = 200
)

// settled tells whether everything that was there at the start is taken, and no
// spawn at a provider whose result is not known is left to be settled here.
func (s *Service) settled(provider string) bool {
	select {
	case <-s.adopted:
	default:
		return false
	}
	return !s.index.any(func(t *tracked) bool { return t.open(provider) })
}

// wait for a moment in which nothing else can be done.
const soon = 50 * time.Millisecond
