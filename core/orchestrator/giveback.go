package orchestrator

import (
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

const (
	cloudLimit   = time.Minute      // one call to a cloud
	retryLongest = time.Minute      // between two terminates that fail
	sendAgain    = 30 * time.Second // after a terminate that the cloud accepted and did not carry out
)

// Which of the terminates that fail are told. They may fail for months, each minute,
// and of a hundred thousand sessions at once.
const (
	tellFirst = 8               // so many in a row, which is two minutes
	tellOther = 5 * time.Minute // after the last one that was told, where it fails otherwise than that one did
	tellAgain = time.Hour       // in any case
)

func target(name string) provider.Target { return provider.Target{Provider: name} }

// giveBack terminates the machine of an ending session, until the cloud says that
// it is gone.
func (s *Service) giveBack(t *tracked, row store.Session) {
	ctx, end := s.calls(t, cloudLimit)
	defer end()
	now := s.node.now()
	_, d := t.state()
	if t.accepted == 0 {
		if why := s.stranger(ctx, &row, d.account); why != nil {
			s.refused(t, why)
			return
		}
		known, err := s.Compute.End(ctx, &compute.IDParams{Target: target(row.Provider), ID: row.ComputeID})
		if err != nil {
			s.refused(t, spec.AsError(err))
			return
		}
		t.accepted = now
		if !known {
			if _, err := s.Compute.Get(ctx, &compute.IDParams{Target: target(row.Provider), ID: row.ComputeID}); isGone(err) {
				if s.fresh(ctx, &row, &d, now) { // it may be there and not show yet
					t.accepted = 0
					s.later(t, pollNew)
					return
				}
				s.ended(t, "terminated")
				return
			}
		}
	}
	c, err := s.Compute.Get(ctx, &compute.IDParams{Target: target(row.Provider), ID: row.ComputeID})
	if isGone(err) || err == nil && c.Status == spec.StatusTerminated {
		s.ended(t, "terminated")
		return
	}
	if s.node.now()-t.accepted > sendAgain.Milliseconds() {
		t.accepted = 0
	}
	t.looks++
	s.later(t, min(time.Duration(t.looks)*250*time.Millisecond, 5*time.Second))
}

// longestHeeded bounds how long a cloud that said when to come back is left alone. One
// that speaks of days has let go of it long before, or is wrong about the time, and
// the machine costs meanwhile.
const longestHeeded = 5 * time.Minute

// heeded is how long to stay away after an error.
func heeded(e *spec.Error) time.Duration {
	return time.Duration(min(e.RetryAfterMS, longestHeeded.Milliseconds())) * time.Millisecond
}

// isGone tells the one answer that says a machine is not there.
func isGone(err error) bool { return err != nil && spec.AsError(err).Kind == spec.KindNotFound }

// refused notes that a terminate failed, and when the next one is sent.
func (s *Service) refused(t *tracked, e *spec.Error) {
	if t.givenUp() {
		s.later(t, retryStore) // unless the session is over by then
		return
	}
	t.tries++
	wait := min(500*time.Millisecond<<min(t.tries, 7), retryLongest)
	wait = max(wait, heeded(e))
	kept := *e
	kept.Details, kept.Raw, kept.Err = nil, nil, nil
	if now := s.node.now(); s.until.Err() == nil && t.failure.news(now, t.tries, kept.Kind) {
		_, err := s.change(t, func(_ *store.Session, d *document) ([]store.Event, bool) {
			d.Error = &kept
			return []store.Event{s.event("terminate_failed", map[string]any{"session": t.id, "error": &kept, "tries": t.tries, "retry_in_ms": wait.Milliseconds()})}, true
		}, 0)
		if err == nil { // it is told with the next try otherwise
			t.failure = &failure{now, kept.Kind}
		}
	}
	s.later(t, wait)
}

// failure is a terminate that failed and was told.
type failure struct {
	at   int64
	kind spec.Kind
}

// news tells whether another one is to be told.
func (f *failure) news(now int64, tries int, kind spec.Kind) bool {
	if f == nil || tries <= tellFirst {
		return true
	}
	since := now - f.at
	return since >= tellAgain.Milliseconds() || kind != f.kind && since >= tellOther.Milliseconds()
}

// lastEvent is the name of a session's last event.
const lastEvent = "terminated"

// terminated is a session's last event. confirmed tells whether the cloud said that the
// machine is gone.
func (s *Service) terminated(id string, d *document, confirmed bool) store.Event {
	return s.event(lastEvent, map[string]any{"session": id, "reason": d.Reason, "spent": d.Spent, "confirmed": confirmed, "final": true})
}

// ended writes down that the cloud said the machine is gone.
func (s *Service) ended(t *tracked, how string) {
	verdict, err := s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		if row.State == store.Ended {
			return nil, false
		}
		now := s.node.now()
		row.State, row.Ended, d.Error = store.Ended, now, nil
		d.reprice(now, nil)
		if d.Compute != nil {
			c := *d.Compute
			c.Status, c.NativeStatus, c.Actions = spec.StatusTerminated, "", nil
			d.Compute = &c
		}
		if d.Reason == "" {
			d.Reason = how
		}
		told := []store.Event{s.terminated(t.id, d, true)}
		if how != "terminated" {
			told = append([]store.Event{s.event(how, map[string]any{"session": t.id})}, told...)
		}
		return told, true
	}, 0)
	if err != nil {
		s.later(t, retryStore)
		return
	}
	if verdict == store.Done {
		row, d := t.state()
		s.drop(t)
		if d.spot {
			s.sawHalt(&row)
		}
		s.compareLater(&row, billAfter)
	}
}
