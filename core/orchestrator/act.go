package orchestrator

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/internal/safego"
)

// retryStore is how long an act waits for a store that did not answer.
const retryStore = time.Second

// runTimers acts on sessions when they are due.
func (s *Service) runTimers() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		t, next := s.timers.take(s.node.now())
		if t != nil {
			if in := laneOf(t); s.until.Err() == nil && s.lanes.enter(in, t) {
				safego.Go(&s.work, nil, func() { s.actIn(in, t) })
			}
			continue
		}
		wait := time.Hour
		if next > 0 {
			wait = max(time.Duration(next-s.node.now())*time.Millisecond, time.Millisecond)
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.timers.changed:
		case <-s.until.Done():
			return
		}
	}
}

// actIn acts on a session, and on those that wait for its place in a lane.
func (s *Service) actIn(in lane, t *tracked) {
	for ; t != nil; t = s.lanes.leave(in) {
		func() {
			defer safego.Recover(func(e *spec.Error) { s.tell("defect", map[string]any{"session": t.id, "error": e}) })
			if s.until.Err() == nil {
				s.act(t)
			}
		}()
	}
}

// later has a session looked at again.
func (s *Service) later(t *tracked, d time.Duration) { s.timers.set(t, s.node.now()+d.Milliseconds()) }

// arm sets a living session's deadline.
func (s *Service) arm(t *tracked) {
	row, d := t.state()
	if row.State != store.Live || t.over() {
		return
	}
	at, _ := d.deadline(row.Created, row.Touched)
	at = s.spared(t, at)
	if d.priced {
		if cost := d.pricedAt + s.Settings.CostEvery.Milliseconds(); at == 0 || cost < at {
			at = cost
		}
	}
	s.timers.set(t, at)
}

// spared moves a deadline behind the time an adopted session has at the least.
func (s *Service) spared(t *tracked, at int64) int64 {
	if at == 0 {
		return 0
	}
	return max(at, t.spare)
}

// act does what is due for a session.
func (s *Service) act(t *tracked) {
	if !s.enter(t) {
		return
	}
	defer t.acting.Unlock()
	if t.over() {
		return
	}
	if !s.node.valid() { // the lease comes back and the session is claimed anew, or it is let go
		s.later(t, s.node.ttl/3)
		return
	}
	if err := s.refresh(t); err != nil {
		s.later(t, retryStore)
		return
	}
	row, d := t.state()
	switch row.State {
	case store.Intended:
		if !t.spawning {
			s.settle(t)
		}
	case store.Live:
		if t.isAbandoned() { // the store has the machine, though it did not say so when it was asked
			_, err := s.finish(t, ReasonNotRented, 0)
			if err != nil {
				s.later(t, retryStore)
			}
			return
		}
		s.expire(t, row, &d)
	case store.Ending:
		s.giveBack(t, row)
	case store.Ended:
		s.drop(t)
	}
}

// enter takes a session to act on it. One whose spawn is under way it does not: that may
// hold it for minutes, and where it has set this time before it lets go, the session is
// looked at again. Where nobody holds it, it is read anew if memory may be wrong: until
// that is known, the reaper keeps off its cloud, and its spawn may wait for an hour.
func (s *Service) enter(t *tracked) bool {
	if !t.renting() {
		t.acting.Lock()
		return true
	}
	if !t.acting.TryLock() {
		s.later(t, retryStore)
		return false
	}
	if !t.renting() { // it has ended just now
		return true
	}
	_ = s.refresh(t) // the next look tries again
	t.acting.Unlock()
	if t.isStale() && !t.over() {
		s.later(t, retryStore)
	}
	return false
}

// expire ends a session whose time is up, or tells what it costs.
func (s *Service) expire(t *tracked, row store.Session, d *terms) {
	now := s.node.now()
	at, reason := d.deadline(row.Created, row.Touched)
	at = s.spared(t, at)
	if reason == ReasonNeverReady && at <= now {
		told := s.lastLook(t, &row)
		if current, terms := t.state(); current.State != store.Live || terms.readyAt > 0 {
			s.arm(t)
			return
		}
		if !told { // the other deadlines hold all the same
			d.readyTimeout = 0
			if at, reason = d.deadline(row.Created, row.Touched); at == 0 || at > now {
				s.later(t, s.Settings.Poll)
				if at > 0 && at < now+s.Settings.Poll.Milliseconds() {
					s.timers.set(t, at)
				}
				return
			}
		}
	}
	if at > 0 && at <= now {
		idleSince := int64(0)
		if reason == ReasonIdle {
			// A touch that comes from here on is written to the store itself, where
			// either it or the end comes first.
			t.closing.Store(true)
			defer t.closing.Store(false)
			if now, _ := t.state(); now.Touched > row.Touched {
				s.arm(t)
				return
			}
			idleSince = row.Touched
		}
		if verdict, err := s.finish(t, reason, idleSince); err != nil {
			s.later(t, retryStore)
		} else if verdict == store.Used {
			s.arm(t)
		}
		return
	}
	if d.priced && now >= d.pricedAt+s.Settings.CostEvery.Milliseconds() {
		_, err := s.change(t, func(_ *store.Session, d *document) ([]store.Event, bool) {
			d.reprice(now, d.Price)
			return []store.Event{s.event("cost", map[string]any{"session": t.id, "spent": d.Spent, "price_per_hour": d.Price})}, true
		}, 0)
		if err != nil {
			s.later(t, retryStore)
			return
		}
		if d.maxCost > 0 {
			s.compareLater(&row, 0)
		}
	}
	s.arm(t)
}

// lastLook asks about a machine whose time to become ready is over, and tells
// whether the cloud answered. It may have been down, or slow to list, until now.
func (s *Service) lastLook(t *tracked, row *store.Session) bool {
	ctx, cancel := context.WithTimeout(s.until, cloudLimit)
	defer cancel()
	c, err := s.Compute.Get(ctx, &compute.IDParams{Target: target(row.Provider), ID: row.ComputeID})
	if err == nil {
		s.observe(t, c)
	}
	return err == nil || isGone(err)
}

// finish writes down that a session ends; from then on nothing brings it back.
// The machine is given back next.
func (s *Service) finish(t *tracked, reason string, idleSince int64) (store.Verdict, error) {
	verdict, err := s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		if row.State >= store.Ending {
			return nil, false
		}
		row.State, d.Reason = store.Ending, reason
		return []store.Event{s.event("terminating", map[string]any{"session": t.id, "reason": reason})}, true
	}, idleSince)
	if row, _ := t.state(); err == nil && verdict == store.Done && row.State == store.Ending {
		s.later(t, 0)
	}
	return verdict, err
}
