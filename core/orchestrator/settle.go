package orchestrator

import (
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

const settleLimit = 5 * time.Minute

// settle finds out what became of the creates of a session whose spawn has no
// result: its process died, or its caller was told that nobody knows. Where the caller
// left, what gives the machine back is waited for: it mostly knows.
func (s *Service) settle(t *tracked) {
	if t.isAbandoned() && s.abandon(t) != nil { // the store may not have taken it when the caller was told
		s.later(t, retryStore)
		return
	}
	_, d, err := s.recall(t)
	if err != nil {
		s.later(t, retryStore)
		return
	}
	if t.over() {
		return
	}
	ctx, end := s.calls(t, settleLimit)
	defer end()
	byProvider := map[string][]compute.Intent{}
	for _, in := range t.rescue.Wait(ctx, d.Intents) {
		byProvider[in.Provider] = append(byProvider[in.Provider], in)
	}
	var found []spec.Compute
	for name, intents := range byProvider {
		list, decided, err := s.Compute.Settle(ctx, name, intents, s.Clock.Now())
		if decided && len(list) == 0 {
			if why := s.hides(ctx, name, d.accountAt(name)); why != nil {
				decided, err = false, why
			}
		}
		if len(list) > 0 {
			here, _ := s.account(ctx, name)
			s.shown(ctx, here, d.accountAt(name))
		}
		if !decided && len(list) == 0 {
			t.tries++
			s.undecided(t, err)
			return
		}
		found = append(found, list...)
	}
	t.tries = 0
	for i := 1; i < len(found); i++ { // of several creates whose answers were lost one machine is enough
		if _, err := s.Compute.Terminate(ctx, &compute.IDParams{Target: target(found[i].Provider), ID: found[i].ID}); err != nil {
			s.undecided(t, err)
			return
		}
	}
	if len(found) == 0 {
		s.notRented(t)
		return
	}
	s.keepFound(t, &found[0])
}

// undecided tries again later. The session stays as it is.
func (s *Service) undecided(t *tracked, err error) {
	if t.givenUp() {
		s.later(t, retryStore) // unless the session is over by then
		return
	}
	if s.until.Err() == nil && err != nil {
		kept := *spec.AsError(err)
		kept.Details, kept.Raw, kept.Err = nil, nil, nil
		_, _ = s.change(t, func(_ *store.Session, d *document) ([]store.Event, bool) {
			d.Error = &kept
			return nil, true
		}, 0)
	}
	s.later(t, min(time.Second<<min(t.tries, 6), retryLongest))
}

// notRented ends a session that never had a machine.
func (s *Service) notRented(t *tracked) {
	verdict, err := s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		if row.State != store.Intended {
			return nil, false
		}
		row.State, row.Ended, d.Reason = store.Ended, s.node.now(), ReasonNotRented
		return nil, true
	}, 0)
	switch {
	case err != nil:
		s.later(t, retryStore)
	case verdict == store.Done:
		s.drop(t)
	}
}

// keepFound adopts a machine that a spawn without a result rented, or begins to
// give it back where the caller was told that the spawn failed.
func (s *Service) keepFound(t *tracked, c *spec.Compute) {
	_, err := s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		if row.State != store.Intended {
			return nil, false
		}
		now := s.node.now()
		row.State, row.Provider, row.ComputeID, row.Touched = store.Live, c.Provider, c.ID, now
		d.Compute, d.Account, d.RentedAt = c, d.accountAt(c.Provider), now
		d.reprice(now, c.CostPerHour)
		told := []store.Event{s.event("adopted", map[string]any{"session": t.id, "id": c.ID, "provider": c.Provider, "status": c.Status, "unanswered": true})}
		return s.unwanted(row, d, ReasonNotRented, d.Abandoned || t.isAbandoned(), told), true
	}, 0)
	if err != nil {
		s.later(t, retryStore)
		return
	}
	if row, _ := t.state(); row.State == store.Ending {
		s.later(t, 0)
		return
	}
	s.polls.watch(t)
	s.arm(t)
}
