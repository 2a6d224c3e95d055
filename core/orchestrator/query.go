package orchestrator

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/auth"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// Tracked is how many sessions this process acts on.
func (s *Service) Tracked() int {
	if s.until.Err() != nil {
		return 0
	}
	return s.index.len()
}

// Get tells of one session, whichever process acts on it.
func (s *Service) Get(ctx context.Context, p *SessionParams) (*Session, error) {
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	row, d, err := s.read(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	out := view(row, d, s.node.now())
	if p.Credential && d.Hash != "" {
		if out.Auth, err = s.again(row.ID, d); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// read returns a session as this process or else the store knows it. Of one that
// cannot be understood it is the row alone, and the error.
func (s *Service) read(ctx context.Context, id string) (*store.Session, *document, error) {
	t := s.index.find(id)
	if t != nil && s.node.valid() && !t.over() && !t.isStale() {
		if row, d := t.whole(); d != nil {
			return &row, d, nil
		}
	}
	row, found, err := s.store.Get(ctx, id)
	switch {
	case err != nil:
		return nil, nil, unknown(err)
	case !found:
		return nil, nil, notFound()
	}
	d, fault := decode(&row)
	if fault != nil {
		return &row, nil, fault
	}
	if t != nil {
		row.Touched = max(row.Touched, t.touched.Load())
	}
	return &row, d, nil
}

// again makes a session's credential once more. A key that cannot be had, or is not
// the one it was made with, is an error: an answer without what it was asked for
// would leave the caller to guess why.
func (s *Service) again(id string, d *document) (*spec.Auth, error) {
	secret, err := s.credential(id)
	if err != nil {
		return nil, err
	}
	if !auth.VerifyToken(secret, d.Hash) {
		return nil, &spec.Error{Kind: spec.KindConflict, Message: "the session's credential cannot be made again: it was made with another key than the store's of now",
			Hint: "set store.key_file, or store.key, to the key of the program that rented the session; without credential the rest of the session is answered"}
	}
	if d.Scheme == "signed_url" {
		return &spec.Auth{Scheme: d.Scheme, Token: secret}, nil
	}
	token := auth.TokenOf(secret)
	return &spec.Auth{Scheme: d.Scheme, Token: token.Token, Hash: token.Hash, Header: token.Header}, nil
}

// List lists the sessions of the store.
func (s *Service) List(ctx context.Context, p *ListParams) (*SessionList, error) {
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	f := store.Filter{UserID: p.UserID, After: p.After, Limit: p.Limit, States: []store.State{store.Intended, store.Live, store.Ending}}
	if f.Limit == 0 {
		f.Limit = 1000
	}
	if len(p.State) > 0 {
		f.States = nil
		for _, name := range p.State {
			state, ok := stateOf(name)
			if !ok {
				return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.state: not one of intended, live, ending, ended"}
			}
			f.States = append(f.States, state)
		}
	}
	rows, err := s.store.List(ctx, f)
	if err != nil {
		return nil, unknown(err)
	}
	out := &SessionList{Items: make([]Session, 0, len(rows))}
	now := s.node.now()
	for i := range rows {
		d, fault := decode(&rows[i])
		if fault != nil { // the others are listed all the same
			d = &document{OnExit: Keep, Error: fault}
		}
		if t := s.index.find(rows[i].ID); t != nil {
			rows[i].Touched = max(rows[i].Touched, t.touched.Load())
		}
		out.Items = append(out.Items, *view(&rows[i], d, now))
	}
	if len(rows) == f.Limit {
		out.Next = rows[len(rows)-1].ID
	}
	return out, nil
}

// Stop ends a session, whichever process acts on it, and waits until the cloud
// says that its machine is gone, or forgets it.
func (s *Service) Stop(ctx context.Context, p *StopParams) (*Session, error) {
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	wait := time.Minute
	if p.WaitMS != nil {
		wait = time.Duration(*p.WaitMS) * time.Millisecond
	}
	if p.Forget {
		return s.forget(ctx, p.ID, wait)
	}
	if err := s.ask(ctx, p.ID); err != nil {
		return nil, err
	}
	until := s.Clock.Now().Add(wait)
	for {
		row, d, err := s.read(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		if row.State == store.Ended || !s.Clock.Now().Before(until) {
			return view(row, d, s.node.now()), nil
		}
		if err := s.Clock.Wait(ctx, soon); err != nil {
			return nil, err
		}
	}
}

// ask ends a session of this process, or leaves word for the process that acts
// on it; for this one too where it does so just now, which may take minutes.
func (s *Service) ask(ctx context.Context, id string) error {
	if t := s.index.find(id); t != nil && s.node.valid() && t.acting.TryLock() {
		verdict, err := s.stopHere(t)
		t.acting.Unlock()
		if err != nil {
			return unknown(err)
		}
		if verdict == store.Done {
			return nil
		}
	}
	row, found, err := s.store.Get(ctx, id)
	switch {
	case err != nil:
		return unknown(err)
	case !found:
		return notFound()
	case row.State >= store.Ending:
		return nil
	}
	if _, err := s.store.Ask(ctx, row.ID, wordStop, wordForget); err != nil {
		return unknown(err)
	}
	return nil
}

// stopHere ends a session of this process. One that is still being rented, or
// looked for, is given back as soon as its machine is known; one that waits for
// capacity waits no longer. The caller holds
// t.acting.
func (s *Service) stopHere(t *tracked) (store.Verdict, error) {
	if row, _ := t.state(); row.State == store.Intended {
		verdict, err := s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
			asked := d.Abandoned
			d.Abandoned = true
			return nil, !asked && row.State == store.Intended
		}, 0)
		if end := t.waiting.Load(); end != nil && t.unwanted() {
			(*end)()
		}
		if now, _ := t.state(); err != nil || verdict != store.Done || now.State != store.Live {
			return verdict, err
		}
		// It was read again, and the commit of its machine had been carried out.
	}
	return s.finish(t, ReasonStopped, 0)
}
