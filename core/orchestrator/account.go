package orchestrator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// spaceAccounts holds a value for each pair of credentials that show the same
// account: the later one has listed a machine that the earlier one rented.
const spaceAccounts = "orchestrator/accounts"

// account tells a provider's credential of now from others, and nothing of it.
func (s *Service) account(ctx context.Context, provider string) (string, error) {
	a, err := s.Directory.Find(ctx, provider, spec.Secret{})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte("account\x00" + s.store.Identity() + "\x00" + provider + "\x00" + a.Key.Reveal()))
	return hex.EncodeToString(sum[:6]), nil
}

// shown notes that a credential shows a machine that was rented with another one, or
// with the same.
func (s *Service) shown(ctx context.Context, now, rented string) {
	if now == "" || rented == "" || rented == now {
		return
	}
	pair := now + "/" + rented
	if _, known := s.accounts.Load(pair); !known && s.store.PutValue(ctx, spaceAccounts, pair, []byte{1}) == nil {
		s.accounts.Store(pair, true) // the next look says it again otherwise
	}
}

// hides tells why a cloud's word that there is no such machine does not count: the
// credential of now was never seen to show what the one with which it was rented
// did, so it may be another account's. nil: it counts.
func (s *Service) hides(ctx context.Context, name, rented string) *spec.Error {
	now, err := s.account(ctx, name)
	if err != nil {
		return spec.AsError(err)
	}
	if rented == "" || rented == now {
		return nil
	}
	pair := now + "/" + rented
	if _, known := s.accounts.Load(pair); known {
		return nil
	}
	_, found, err := s.store.GetValue(ctx, spaceAccounts, pair)
	switch {
	case err != nil:
		return spec.AsError(unknown(err))
	case found:
		s.accounts.Store(pair, true)
		return nil
	}
	return &spec.Error{Kind: spec.KindUnauthorized, Provider: name, Message: "the machine was rented with another credential, and the one of now does not show it: it may be another account's",
		Hint: "set " + provider.Setting(name) + " to a credential of that account; one counts as such as soon as it shows any machine that the other one rented. Where there is none any more, orchestrator.stop with forget gives the session up"}
}

// stranger tells why a machine is not terminated with the credential of now: it may
// be another account's. nil: it is not, as far as anybody can tell.
func (s *Service) stranger(ctx context.Context, row *store.Session, rented string) *spec.Error {
	why := s.hides(ctx, row.Provider, rented)
	if why == nil {
		return nil
	}
	switch _, err := s.Compute.Get(ctx, &compute.IDParams{Target: target(row.Provider), ID: row.ComputeID}); {
	case isGone(err):
		return why
	case err != nil:
		return spec.AsError(err)
	}
	here, _ := s.account(ctx, row.Provider)
	s.shown(ctx, here, rented)
	return nil
}

// unseen writes down why a living session's machine is not looked for. The caller
// holds t.acting.
func (s *Service) unseen(t *tracked, why *spec.Error) {
	_, _ = s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		if row.State != store.Live || d.Error != nil && d.Error.Message == why.Message {
			return nil, false
		}
		d.Error = why
		return nil, true
	}, 0) // the next poll says it again
}
