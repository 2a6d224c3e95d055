package orchestrator

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/internal/safego"
)

// Words to a session's owner. Forgetting may be refused, and a stop is a promise: so
// the word to forget never takes the place of the one to stop.
const (
	wordStop   = "stop"
	wordForget = "forget"
)

// askAgain is how often the word to forget is left again: the owner may have changed,
// or the session begun to end, since it was.
const askAgain = time.Second

// lookLimit is how long a cloud is waited for that may show the machine of a living
// session.
const lookLimit = 10 * time.Second

// forget ends a session in the store alone, whichever process acts on it. The cloud is
// not waited for, so wait is for another process, or for a call under way to end.
func (s *Service) forget(ctx context.Context, id string, wait time.Duration) (*Session, error) {
	looked, asked := false, time.Time{}
	for until := s.Clock.Now().Add(wait); ; {
		row, d, err := s.forgettable(ctx, id, &looked)
		if err != nil {
			return nil, err
		}
		if row.State == store.Ended {
			return view(row, d, s.node.now()), nil
		}
		done, err := s.tryForget(ctx, row.ID)
		if err != nil {
			return nil, err
		}
		if done {
			continue
		}
		if now := s.Clock.Now(); now.Sub(asked) >= askAgain {
			if _, err := s.store.Ask(ctx, row.ID, wordForget, ""); err != nil {
				return nil, unknown(err)
			}
			asked = now
		}
		if !s.Clock.Now().Before(until) {
			return view(row, d, s.node.now()), nil
		}
		if err := s.Clock.Wait(ctx, soon); err != nil {
			return nil, err
		}
	}
}

// forgettable reads a session that has ended or may be forgotten, or tells why it may
// not be. Of one that cannot be read nobody can say what it holds, and nothing else ends
// it. A cloud is asked once for the machine of a living one.
func (s *Service) forgettable(ctx context.Context, id string, looked *bool) (*store.Session, *document, error) {
	row, d, err := s.read(ctx, id)
	if errors.Is(err, errUnreadable) {
		return row, &document{OnExit: Keep, Error: spec.AsError(err)}, nil
	}
	if err != nil || row.State == store.Ended {
		return row, d, err
	}
	if why := s.keepsHold(ctx, row, d); why != nil {
		return nil, nil, why
	}
	if row.State != store.Live || *looked {
		return row, d, nil
	}
	*looked = true
	s.lookOnce(ctx, row, d) // a credential that is new may show the machine, and nobody has looked yet
	return s.forgettable(ctx, id, looked)
}

// lookOnce asks the cloud for a machine that the credential of now was not seen to
// show, and notes where it does.
func (s *Service) lookOnce(ctx context.Context, row *store.Session, d *document) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	_ = s.stranger(ctx, row, d.Account) // what it answers is asked for once more
}

// tryForget forgets a session that this process acts on; false: it does not, or not
// this moment.
func (s *Service) tryForget(ctx context.Context, id string) (bool, error) {
	t := s.index.find(id)
	if !s.node.valid() {
		return false, nil
	}
	if t == nil {
		return s.forgetUnreadable(ctx, id)
	}
	if !s.seize(t) {
		return false, nil
	}
	defer t.acting.Unlock()
	verdict, err := s.forgetHere(ctx, t)
	if errors.Is(err, errUnreadable) {
		done, err := s.forgetUnreadable(ctx, t.id)
		if done {
			s.drop(t)
		}
		return done, err
	}
	if err != nil {
		return false, unknown(err)
	}
	return verdict == store.Done, nil
}

// seize takes a session to act on it, as soon as the call to its cloud that is under
// way has been given up.
func (s *Service) seize(t *tracked) bool {
	if t.acting.TryLock() {
		return true
	}
	if c := t.calling.Load(); c != nil {
		c.over.Store(true)
		c.giveUp()
	}
	return false
}

// call is what a session waits for at its cloud, and may give up.
type call struct {
	giveUp context.CancelFunc
	over   atomic.Bool // then its error tells nothing of the cloud
}

// givenUp tells whether what is under way was given up.
func (t *tracked) givenUp() bool {
	c := t.calling.Load()
	return c != nil && c.over.Load()
}

// calls is the context of calls to a session's cloud that may be given up. The caller
// holds t.acting, and ends with the second result.
func (s *Service) calls(t *tracked, limit time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(s.until, limit)
	t.calling.Store(&call{giveUp: cancel})
	return ctx, func() {
		t.calling.Store(nil)
		cancel()
	}
}

// keepsHold tells why a session is not forgotten. nil: it may be, since it is ending,
// or no credential of now shows its machine.
func (s *Service) keepsHold(ctx context.Context, row *store.Session, d *document) *spec.Error {
	var hidden *spec.Error
	switch {
	case row.State >= store.Ending, row.State == store.Intended && d.Abandoned:
		return nil
	case row.State == store.Intended:
		hidden = s.hides(ctx, row.Provider, d.accountAt(row.Provider))
	default:
		hidden = s.hides(ctx, row.Provider, d.Account)
	}
	if cannot := (*store.CannotTell)(nil); hidden != nil && (errors.As(hidden, &cannot) || ctx.Err() != nil) {
		return hidden
	}
	if hidden != nil {
		return nil
	}
	return &spec.Error{Kind: spec.KindConflict, Provider: row.Provider, Message: "the session is " + stateName(row.State) + ", and its machine can be given back: it is not forgotten",
		Hint: "stop it first, without forget; if its machine is not gone then, forget it"}
}

// forgetHere ends a session of this process in the store, unless it is none to be
// forgotten. The caller holds t.acting.
func (s *Service) forgetHere(ctx context.Context, t *tracked) (store.Verdict, error) {
	row, d, err := s.recall(t)
	if err != nil || d == nil {
		return store.Lost, err
	}
	if why := s.keepsHold(ctx, &row, d); why != nil {
		return 0, why
	}
	if t.renting() {
		return 0, &spec.Error{Kind: spec.KindConflict, Message: "the session's machine is being rented just now", Retryable: true, Hint: "wait for the answer of its spawn, then stop it"}
	}
	verdict, err := s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		if row.State == store.Ended {
			return nil, false
		}
		now := s.node.now()
		row.State, row.Ended, d.Reason = store.Ended, now, ReasonForgotten
		d.reprice(now, nil)
		return []store.Event{s.terminated(t.id, d, false)}, true
	}, 0)
	if err == nil && verdict == store.Done {
		s.drop(t)
		s.sawHalt(&row)
		s.lastTry(row, d.Account)
	}
	return verdict, err
}

// ownUnreadable returns a session that is this process's by the store alone: its
// document cannot be understood, so nobody acts on it. fault is nil where it is none.
func (s *Service) ownUnreadable(ctx context.Context, id string) (row store.Session, fault *spec.Error, err error) {
	row, found, err := s.store.Get(ctx, id)
	if err != nil {
		return row, nil, unknown(err)
	}
	lease, ok := s.node.current()
	if found && ok && row.State != store.Ended && row.Owner == lease.Holder && row.Fence == lease.Fence {
		_, fault = decode(&row)
	}
	return row, fault, nil
}

// forgetUnreadable forgets such a session. What it was is in its columns.
func (s *Service) forgetUnreadable(ctx context.Context, id string) (bool, error) {
	row, fault, err := s.ownUnreadable(ctx, id)
	lease, ok := s.node.current()
	if err != nil || fault == nil || !ok {
		return false, err
	}
	kept := *fault
	kept.Err = nil
	d := &document{OnExit: Keep, Reason: ReasonForgotten, Error: &kept}
	row.State, row.Ended, row.Doc = store.Ended, s.node.now(), d.encode()
	change := store.Change{Session: row}
	if row.ComputeID != "" {
		change.Topic, change.Events = topicOf(row.ComputeID), []store.Event{s.terminated(row.ID, d, false)}
	}
	results, err := s.store.Commit(ctx, lease, []store.Change{change})
	if err != nil {
		return false, unknown(err)
	}
	if results[0].Verdict == store.Done {
		s.publish(change.Topic, change.Events, results[0].Last)
		s.sawHalt(&row)
		s.lastTry(row, "")
	}
	return results[0].Verdict == store.Done, nil
}

// lastTry sends one more terminate where the credential is the one that rented the
// machine. Nobody waits for the answer: what comes to nothing is left to the reaper.
func (s *Service) lastTry(row store.Session, rented string) {
	if row.ComputeID == "" {
		return
	}
	safego.Go(&s.work, nil, func() {
		ctx, cancel := context.WithTimeout(s.until, cloudLimit)
		defer cancel()
		if s.hides(ctx, row.Provider, rented) == nil {
			_, _ = s.Compute.End(ctx, &compute.IDParams{Target: target(row.Provider), ID: row.ComputeID})
		}
	})
}
