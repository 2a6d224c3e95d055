package orchestrator

import (
	"context"
	"errors"
	"time"

	"github.com/exatlas/atlas/core/auth"
	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// rented makes the session of a machine.
func (sp *spawning) rented(machine *compute.Spawned) (*Session, error) {
	s, t := sp.service, sp.t
	t.acting.Lock()
	defer t.acting.Unlock()
	defer t.settleDown() // its document stays in memory until here
	verdict, err := sp.record(machine)
	switch {
	case err != nil: // the store does not answer, and may not before the process ends: the next one would keep the machine
		t.disown()
		s.handBack(machine)
		s.timers.set(t, s.node.now())
		return nil, unknown(err)
	case verdict != store.Done:
		return s.overtaken(t, machine)
	}
	row, d := t.whole()
	if row.State == store.Ending {
		s.later(t, 0)
		if d.Reason == ReasonCost {
			return nil, &spec.Error{Kind: spec.KindBudget, Provider: row.Provider, Message: "max_cost cannot be kept: the cloud tells no price; the machine is given back", Hint: "leave max_cost out, or rent where offers.search shows prices"}
		}
		return nil, &spec.Error{Kind: spec.KindCancelled, Provider: row.Provider, Message: "the session was stopped while its machine was rented; the machine is given back"}
	}
	s.observe(t, &machine.Compute)
	s.arm(t)
	s.polls.watch(t)
	row, d = t.whole()
	out := view(&row, d, s.node.now())
	out.Attempts, out.Auth = machine.Attempts, machine.Auth
	return out, nil
}

// record commits the machine, again and again while the store does not answer, or
// this process may not act.
func (sp *spawning) record(machine *compute.Spawned) (verdict store.Verdict, err error) {
	s := sp.service
	c := machine.Compute
	scheme, hash := "", ""
	if c.Auth != nil {
		scheme, hash = c.Auth.Scheme, auth.HashToken(c.Auth.Token)
	}
	c.Auth, c.Raw = nil, nil
	for try := 0; ; try++ {
		verdict, err = s.change(sp.t, func(row *store.Session, d *document) ([]store.Event, bool) {
			if row.State != store.Intended {
				return nil, false
			}
			now := s.node.now()
			row.State, row.Provider, row.ComputeID, row.Touched = store.Live, c.Provider, c.ID, now
			d.Compute, d.Account, d.RentedAt, d.Scheme, d.Hash, d.Error = &c, d.accountAt(c.Provider), now, scheme, hash, nil
			d.reprice(now, c.CostPerHour)
			told := []store.Event{s.event("status", map[string]any{"session": sp.t.id, "id": c.ID, "provider": c.Provider, "status": c.Status})}
			return s.unwanted(row, d, ReasonStopped, d.Abandoned, told), true
		}, 0)
		known := err == nil && (verdict == store.Done || sp.t.over())
		tries := 20
		if errors.Is(err, errUnclaimed) || err == nil { // until this process has its lease again, and has claimed what it had
			tries = 480
		}
		if known || try >= tries || !s.pause(250*time.Millisecond) {
			return verdict, err
		}
	}
}

// unwanted begins to give a machine back in the change that makes it known, so that
// no crash comes between: that of a session which was abandoned, or whose cost cannot
// be limited because its cloud tells no price.
func (s *Service) unwanted(row *store.Session, d *document, reason string, abandoned bool, told []store.Event) []store.Event {
	switch {
	case abandoned:
	case d.MaxCost > 0 && d.Price == nil:
		reason = ReasonCost
	default:
		return told
	}
	row.State, d.Reason = store.Ending, reason
	return append(told, s.event("terminating", map[string]any{"session": row.ID, "reason": reason}))
}

// overtaken finds out what another process made of a spawn whose process had lost
// its lease: it may have adopted the machine, or found none before it was there.
func (s *Service) overtaken(t *tracked, machine *compute.Spawned) (*Session, error) {
	for until := s.Clock.Now().Add(2 * time.Minute); s.Clock.Now().Before(until); {
		row, found, err := s.store.Get(s.until, t.id)
		if err == nil && found && row.State == store.Live && row.ComputeID == machine.ID {
			d, fault := decode(&row)
			if fault != nil {
				return nil, fault
			}
			out := view(&row, d, s.node.now())
			out.Attempts, out.Auth = machine.Attempts, machine.Auth
			return out, nil
		}
		if err == nil && (!found || row.State >= store.Ending) {
			break // nobody knows of the machine
		}
		if !s.pause(250 * time.Millisecond) {
			break
		}
	}
	e := s.lost()
	e.Message = "this process lost its lease on the store while it rented; the machine was given back"
	if !s.handBack(machine) {
		e.Message = "this process lost its lease on the store while it rented; the machine " + machine.ID + " could not be given back yet, the reaper will do it"
	}
	return nil, e
}

// handBackLimit bounds the terminate of a machine whose spawn has failed: its caller
// waits, and so may whoever closes the client.
const handBackLimit = 10 * time.Second

// handBack terminates a machine that nobody is told of, also while the service ends. What
// the store holds then ends as that of a machine that is gone. false: the cloud did not
// take it back, or does not show yet what it has just rented.
func (s *Service) handBack(machine *compute.Spawned) bool {
	ctx, cancel := context.WithTimeout(context.Background(), handBackLimit)
	defer cancel()
	known, err := s.Compute.End(ctx, &compute.IDParams{Target: target(machine.Provider), ID: machine.ID})
	return err == nil && known
}
