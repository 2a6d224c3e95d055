package orchestrator

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// Spawn rents a machine and keeps it as a session.
func (s *Service) Spawn(ctx context.Context, p *SpawnParams) (*Session, error) {
	if !p.APIKey.Empty() {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.api_key: a session needs its credential after a restart too, and credentials are never stored",
			Hint: "give it a name as providers.<provider>.accounts.<name> when opening the client, and rent at the provider <provider>:<name>; or use compute.spawn"}
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	if err := s.acts("rent machines"); err != nil {
		return nil, err
	}
	id, err := s.newID()
	if err != nil {
		return nil, err
	}
	sp := &spawning{service: s, params: p, t: newTracked(id)}
	sp.t.ours, sp.t.spawning = true, true
	machine, failure := s.Compute.SpawnTracked(ctx, &p.SpawnParams, compute.Tracking{Tag: s.store.Identity(), Intend: sp.intend, Refuse: sp.refuse, Pause: sp.pause, Rescue: sp.rescued, Secret: func() (string, *spec.Error) { return s.credential(id) }})
	if failure != nil {
		return nil, sp.failed(spec.AsError(failure))
	}
	return sp.rented(machine)
}

func (s *Service) newID() (string, *spec.Error) {
	var raw [12]byte
	if _, err := io.ReadFull(s.Random, raw[:]); err != nil {
		return "", &spec.Error{Kind: spec.KindInternal, Message: "the system gave no random bytes", Err: err}
	}
	return sessionPrefix + hex.EncodeToString(raw[:]), nil
}

// What a session's identifier begins with, and how long it is.
const (
	sessionPrefix = "ses-"
	sessionLength = len(sessionPrefix) + 24
)

// credential makes the text of a session's credential: a keyed hash of the
// session's identifier. It can be made again after a restart without having been
// stored; who has the store but not the key can make none.
func (s *Service) credential(id string) (string, *spec.Error) {
	key, err := s.Key()
	if err != nil {
		return "", spec.AsError(err)
	}
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("atlas session credential 1\x00" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// spawning is one spawn under way.
type spawning struct {
	service *Service
	params  *SpawnParams
	t       *tracked
	written bool   // its row is in the store, or may be
	sure    bool   // it is
	refused string // request id of the last create that came to nothing
	rescue  *compute.Rescue
}

// refuse has the next create take the place of one that came to nothing: nobody need
// look for that, and a spawn that waits for capacity sends them for a day.
func (sp *spawning) refuse(requestID string) { sp.refused = requestID }

// rescued keeps what looks for the machine of a spawn whose caller left.
func (sp *spawning) rescued(r *compute.Rescue) { sp.rescue = r }

// intentsKept bounds the creates that a session's record holds. All but the last one
// came to nothing, as far as their cloud's settled listing knows; a machine that shows
// later carries the store's mark, and the reaper gives back what no record holds. So
// those that are kept are of the time in which one may show: a lost create takes its
// cloud's lag at the least.
const intentsKept = 50

// intend writes a create down before it is sent.
func (sp *spawning) intend(ctx context.Context, in compute.Intent) (e *spec.Error, passes bool) {
	s, t := sp.service, sp.t
	if err := sp.able(ctx, in.Provider); err != nil {
		return spec.AsError(err), false
	}
	if err := s.remember(ctx, in.Provider); err != nil {
		return spec.AsError(unknown(err)), true
	}
	t.acting.Lock()
	defer t.acting.Unlock()
	var err error
	if in.Account, err = s.account(ctx, in.Provider); err != nil {
		return spec.AsError(err), false
	}
	verdict, err := sp.journal(ctx, in)
	switch {
	case errors.Is(err, errStopped):
		return stoppedEarly(), false
	case err != nil:
		return spec.AsError(unknown(err)), !errors.Is(err, errUnreadable)
	case verdict != store.Done || !s.node.valid():
		return s.lost(), !t.over()
	}
	return nil, false
}

var errStopped = errors.New("the session was stopped")

// journal commits a create: with the session's row, or to it.
func (sp *spawning) journal(ctx context.Context, in compute.Intent) (store.Verdict, error) {
	s, t := sp.service, sp.t
	if !sp.sure && sp.written { // the answer to its first commit was lost
		_, found, err := s.store.Get(ctx, t.id)
		if err != nil {
			return 0, err
		}
		sp.sure = found
	}
	if !sp.sure {
		verdict, err := sp.write(in)
		sp.sure = err == nil && verdict == store.Done
		return verdict, err
	}
	if t.unwanted() {
		return 0, errStopped
	}
	return s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		row.Provider = in.Provider
		kept := slices.DeleteFunc(slices.Clone(d.Intents), func(in compute.Intent) bool { return in.RequestID == sp.refused })
		d.Intents = append(kept[max(0, len(kept)-intentsKept+1):], in)
		d.Began = s.node.now()
		return nil, true
	}, 0)
}

// pause waits until the clouds are asked again, or somebody stops the session.
func (sp *spawning) pause(ctx context.Context, d time.Duration) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	sp.t.waiting.Store(&cancel)
	defer sp.t.waiting.Store(nil)
	if !sp.t.unwanted() {
		err := sp.service.Clock.Wait(within, d)
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return stoppedEarly()
}

// stoppedEarly is the error of a spawn whose session was stopped while nothing was
// being rented.
func stoppedEarly() *spec.Error {
	return &spec.Error{Kind: spec.KindCancelled, Message: "the session was stopped before its machine was rented; nothing was rented"}
}

// able refuses a provider that cannot do what on_exit says.
func (sp *spawning) able(ctx context.Context, provider string) error {
	if sp.params.OnExit != Stop {
		return nil
	}
	a, err := sp.service.Directory.Find(ctx, provider, spec.Secret{})
	if err != nil {
		return err
	}
	return a.Need(spec.CapStopStart, "machines that stop", "on_exit stop")
}

// write puts the session's row into the store.
func (sp *spawning) write(in compute.Intent) (store.Verdict, error) {
	s, p, t := sp.service, sp.params, sp.t
	lease, ok := s.node.current()
	if !ok {
		return store.Lost, nil
	}
	now := s.node.now()
	d := &document{Tags: p.Tags, IdleTTL: 30 * time.Minute.Milliseconds(), MaxLifetime: p.MaxLifetimeMS, ReadyTimeout: 15 * time.Minute.Milliseconds(),
		MaxCost: p.MaxCost, OnExit: p.OnExit, Intents: []compute.Intent{in},
		Pending: []store.Event{s.event("provisioning", map[string]any{"session": t.id, "provider": in.Provider, "name": in.Name, "request_id": in.RequestID, "user_id": p.UserID})}}
	if p.IdleTTLMS != nil {
		d.IdleTTL = *p.IdleTTLMS
	}
	if p.ReadyTimeoutMS != nil {
		d.ReadyTimeout = *p.ReadyTimeoutMS
	}
	if d.OnExit == "" {
		d.OnExit = Keep
	}
	row := store.Session{ID: t.id, Owner: lease.Holder, Fence: lease.Fence, State: store.Intended, Provider: in.Provider, UserID: p.UserID, Created: now, Touched: now, Doc: d.encode()}
	t.set(row, d)
	t.mu.Lock()
	t.gone = false // it may have been dropped, since the store had no such row
	t.mu.Unlock()
	again := sp.written
	sp.written = true
	s.index.add(t, "")
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	results, err := s.store.Commit(ctx, lease, []store.Change{{Session: row, New: true}})
	if err != nil {
		t.mu.Lock()
		t.stale = true
		t.mu.Unlock()
		return 0, err
	}
	if results[0].Verdict == store.Lost && again { // the one before may have come to the store since it was looked for
		t.doubt()
		return 0, &store.CannotTell{Doing: "writing a session", Err: errLate}
	}
	if results[0].Verdict == store.Lost {
		s.drop(t)
	}
	return results[0].Verdict, nil
}

var errLate = errors.New("an earlier write of it was carried out late, or this process has lost its lease")

// lost is the error of a spawn whose process may not act now, and why it may not.
func (s *Service) lost() *spec.Error {
	e := &spec.Error{Kind: spec.KindConflict, Retryable: true, Message: "this process has lost its lease on the store, so nothing was rented", Hint: "try again; it renews the lease by itself when the store answers"}
	if why := s.node.trouble.Load(); why != nil {
		e.Message += ": " + (*why).Error()
		e.Hint = "see that the store given in store.url is there and can be written; the lease is renewed by itself then"
	}
	return e
}

// failed ends the session of a spawn that rented nothing, or leaves it to be
// settled where that is not certain.
func (sp *spawning) failed(e *spec.Error) error {
	s, t := sp.service, sp.t
	if !sp.written {
		return e
	}
	t.acting.Lock()
	defer t.acting.Unlock()
	t.settleDown()
	t.rescue = sp.rescue
	_, err := s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		if e.UnknownOutcome {
			d.Abandoned = true
		} else {
			row.State, row.Ended, d.Reason = store.Ended, s.node.now(), ReasonNotRented
			if d.Abandoned {
				d.Reason = ReasonStopped
			}
		}
		kept := *e
		kept.Details, kept.Raw, kept.Err = nil, nil, nil
		d.Error = &kept
		return nil, true
	}, 0)
	row, _ := t.state()
	if err == nil && row.State == store.Ended {
		s.drop(t)
		return e
	}
	t.disown()
	s.timers.set(t, s.node.now())
	return e
}
