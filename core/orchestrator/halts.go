package orchestrator

import (
	"context"
	"strconv"
	"time"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// A spot machine that stops, or is not there any more, was taken back by its cloud,
// unless somebody did it through Atlas: through any process of the store, and before
// the session's own has looked. So that is written down before it is sent.

// spaceHalts holds a value for each spot machine of a session that somebody stops or
// gives back. It counts until the session has seen it; where it is a time, ms of the
// store's clock, until then alone.
const spaceHalts = "orchestrator/halts"

// haltGrace is how long a stop counts that failed, or after which the machine was
// started: another stop may have gone before it, of which the session has not heard.
const haltGrace = 2 * time.Minute

// Acting is what core/compute tells its acts to.
func (s *Service) Acting(ctx context.Context, name, id, operation string, failed bool) error {
	if !s.running() {
		return nil
	}
	halts := !failed && operation != spec.OpStart
	if halts && operation == spec.OpStop {
		ctx, cancel := context.WithTimeout(ctx, commitLimit)
		defer cancel()
		return s.noteHalt(ctx, name, id, halts) // a session that takes the machine for lost would give it back, and its disk with it
	}
	ctx, cancel := hasty(ctx)
	defer cancel()
	_ = s.noteHalt(ctx, name, id, halts) // a machine that is to be given back is, whatever it counts as
	return nil
}

// hasteLimit is how long the store is waited for where its answer decides nothing.
const hasteLimit = 2 * time.Second

// hasty leaves a call the most of its time for what it is about.
func hasty(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := hasteLimit
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/4)
	}
	return context.WithTimeout(ctx, limit)
}

func (s *Service) noteHalt(ctx context.Context, name, id string, halts bool) error {
	spot, err := s.holdsSpot(ctx, name, id)
	if err != nil || !spot {
		return err
	}
	value := []byte{}
	if !halts {
		_, found, err := s.store.GetValue(ctx, spaceHalts, haltKey(name, id))
		if err != nil || !found {
			return err
		}
		value = strconv.AppendInt(value, s.node.now()+haltGrace.Milliseconds(), 10)
	}
	if err := s.store.PutValue(ctx, spaceHalts, haltKey(name, id), value); err != nil {
		return unknown(err)
	}
	return nil
}

// holdsSpot tells whether a machine is a spot machine of a living session, whichever
// process acts on that.
func (s *Service) holdsSpot(ctx context.Context, name, id string) (bool, error) {
	if t := s.index.find(id); t != nil && !t.over() {
		row, d := t.state()
		return row.State == store.Live && sameCloud(row.Provider, name) && d.spot, nil
	}
	row, found, err := s.store.Get(ctx, id)
	if err != nil {
		return false, unknown(err)
	}
	if !found || row.State != store.Live || !sameCloud(row.Provider, name) {
		return false, nil
	}
	d, fault := decode(&row)
	if fault != nil {
		return false, fault
	}
	return d.terms().spot, nil
}

// sameCloud tells whether a machine may be the same at both names: an account may be
// configured twice, and a call name the cloud and bring the account's credential.
func sameCloud(a, b string) bool { return provider.Cloud(a) == provider.Cloud(b) }

func haltKey(name, id string) string { return provider.Cloud(name) + "/" + id }

// halted tells whether somebody stopped or gave back a session's machine through
// Atlas.
func (s *Service) halted(row *store.Session) (bool, error) {
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	value, found, err := s.store.GetValue(ctx, spaceHalts, haltKey(row.Provider, row.ComputeID))
	if err != nil || !found || len(value) == 0 {
		return found, err
	}
	until, err := strconv.ParseInt(string(value), 10, 64)
	return err == nil && s.node.now() < until, err
}

// lookHalted writes down that a machine stands still because somebody stopped it. Until
// the store holds that, what was noted of it stays.
func (s *Service) lookHalted(t *tracked, c *spec.Compute) {
	s.look(t, c, "")
	if row, d := t.state(); d.spot && d.stopped {
		s.sawHalt(&row)
	}
}

// sawHalt forgets a halt that the session has written down, or that is of no machine
// any more.
func (s *Service) sawHalt(row *store.Session) {
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	_ = s.store.DeleteValue(ctx, spaceHalts, haltKey(row.Provider, row.ComputeID)) // one that stays is of a machine that stands still, or is gone
}
