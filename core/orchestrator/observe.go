package orchestrator

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// observe compares a session's machine with what the cloud says of it now. The
// caller holds t.acting.
func (s *Service) observe(t *tracked, c *spec.Compute) {
	row, d := t.state()
	if row.State != store.Live || d.looks == 0 {
		return
	}
	switch {
	case c.Status == spec.StatusTerminated:
		s.ended(t, ReasonVanished)
		return
	case c.Status == spec.StatusFailed:
		s.look(t, c, ReasonFailed)
		return
	case c.Status == spec.StatusStopped && d.spot && !d.stopped:
		switch ours, err := s.halted(&row); {
		case err != nil: // the next look asks again
		case ours:
			s.lookHalted(t, c)
		default:
			s.look(t, c, ReasonPreempted)
		}
		return
	}
	if d.differs(c) {
		s.look(t, c, "")
	}
}

// look writes down how a machine looks now, and, where that is a reason to, that its
// session ends.
func (s *Service) look(t *tracked, c *spec.Compute, end string) {
	_, _ = s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		if row.State != store.Live {
			return nil, false
		}
		seen := *c
		seen.Auth, seen.Raw = nil, nil
		if seen.RequestID == "" {
			seen.RequestID = d.Compute.RequestID
		}
		seen.Spot = seen.Spot || d.Compute.Spot
		if seen.CostPerHour == nil && c.Status != spec.StatusStopped {
			seen.CostPerHour = d.Price
		}
		var told []store.Event
		if d.Compute.Status != c.Status {
			told = append(told, s.event("status", map[string]any{"session": t.id, "id": c.ID, "provider": c.Provider, "status": c.Status}))
		}
		now := s.node.now()
		if d.ReadyAt == 0 && ready(c) {
			d.ReadyAt = now
			told = append(told, s.event("ready", map[string]any{"session": t.id, "id": c.ID, "provider": c.Provider, "ports": c.Ports}))
		}
		if !samePrice(d.Price, seen.CostPerHour) {
			d.reprice(now, seen.CostPerHour)
		}
		d.Compute = &seen
		if end == "" {
			return told, true
		}
		row.State, d.Reason = store.Ending, end
		if end == ReasonPreempted {
			told = append(told, s.event("preempted", map[string]any{"session": t.id}))
		}
		return append(told, s.event("terminating", map[string]any{"session": t.id, "reason": end})), true
	}, 0) // seen again by the next poll otherwise
	if row, _ := t.state(); row.State == store.Ending {
		s.later(t, 0)
		return
	}
	s.arm(t)
}

// ready tells whether a machine runs and its ports are known.
func ready(c *spec.Compute) bool {
	if c.Status != spec.StatusRunning {
		return false
	}
	for _, p := range c.Ports {
		if p.URL == "" && p.External == 0 {
			return false
		}
	}
	return true
}

func samePrice(a, b *float64) bool {
	return a == b || a != nil && b != nil && *a == *b
}
