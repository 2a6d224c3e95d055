package compute

import (
	"context"
	"encoding/hex"
	"io"
	"maps"

	"github.com/exatlas/atlas/core/auth"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// Spawn rents one machine.
func (s *Service) Spawn(ctx context.Context, p *SpawnParams) (*Spawned, error) {
	return s.SpawnTracked(ctx, p, Tracking{})
}

// SpawnTracked rents one machine of which somebody keeps a record.
func (s *Service) SpawnTracked(ctx context.Context, p *SpawnParams, k Tracking) (*Spawned, error) {
	accounts, err := s.Directory.FindAll(ctx, p.Targets)
	if err != nil {
		return nil, err
	}
	if err := validate(p, len(accounts)); err != nil {
		return nil, err
	}
	plan, err := s.plan(accounts, p)
	if err != nil {
		return nil, err
	}
	handle, env, fault := s.mint(p, k.Secret)
	if fault != nil {
		return nil, fault
	}
	t := &trial{service: s, params: p, tracking: k, env: env, plan: plan, rentals: map[*provider.Account]*rental{}, short: map[*provider.Account]bool{}}
	defer t.sweep()
	machine, fault := t.run(ctx)
	if fault != nil {
		return nil, t.failed(fault)
	}
	for i := range accounts {
		if accounts[i].Provider == machine.Provider {
			s.young.add(machine.Provider, machine.ID, s.settle(&accounts[i]))
		}
	}
	machine.Auth = handle
	s.publishStatus(machine)
	return &Spawned{Compute: *machine, Attempts: t.attempts}, nil
}

// mint makes the machine's credential and its environment. The credential wins
// over a variable of the caller's.
func (s *Service) mint(p *SpawnParams, given func() (string, *spec.Error)) (*spec.Auth, map[string]string, *spec.Error) {
	if p.Auth == "" || p.Auth == SchemeNone {
		return nil, p.Env, nil
	}
	env := make(map[string]string, len(p.Env)+1)
	maps.Copy(env, p.Env)
	if given == nil {
		given = func() (string, *spec.Error) { return auth.MintSecret(s.Random) }
	}
	secret, err := given()
	if err != nil {
		return nil, nil, err
	}
	if p.Auth == SchemeSignedURL {
		env[auth.EnvSigningSecret] = secret
		return &spec.Auth{Scheme: string(SchemeSignedURL), Token: secret}, env, nil
	}
	token := auth.TokenOf(secret)
	maps.Copy(env, token.Env)
	return &spec.Auth{Scheme: string(SchemeBearer), Token: token.Token, Hash: token.Hash, Header: token.Header}, env, nil
}

// requestID makes an identifier that only one create carries. It starts with the
// tag of whoever keeps a record, so that a machine shows whose it is.
func (s *Service) requestID(tag string) (string, *spec.Error) {
	var raw [10]byte
	if _, err := io.ReadFull(s.Random, raw[:]); err != nil {
		return "", &spec.Error{Kind: spec.KindInternal, Message: "the system gave no random bytes", Err: err}
	}
	return tag + hex.EncodeToString(raw[:]), nil
}

// request is the native request of one create.
func (r *rental) request(c candidate, id, name string) *spec.SpawnRequest {
	p := r.params
	out := &spec.SpawnRequest{RequestID: id, Name: name, GPU: c.native, CPU: p.CPU, OfferID: p.OfferID, CloudType: c.tier, Spot: p.Spot,
		BidPerHour: p.BidPerHour, MaxPricePerHour: p.MaxPricePerHour, RegionHints: p.RegionHints, Image: p.Image, Entrypoint: p.Entrypoint, Command: p.Command, Ports: p.Ports, Env: r.env,
		VolumeGB: p.VolumeGB, VolumeMountPath: p.VolumeMountPath, ContainerDiskGB: p.ContainerDiskGB, NetworkVolumeID: p.NetworkVolumeID,
		TemplateID: p.TemplateID, SSHKey: p.SSHKey, Options: p.ProviderOpts}
	if c.native != "" {
		out.GPUCount = max(p.GPUCount, 1)
	}
	if c.offer != nil {
		out.OfferID = c.offer.ID
		if c.offer.Region != "" {
			out.RegionHints = []string{c.offer.Region}
		}
	}
	return out
}

// name is the caller's, or the prefix, the owner and the request id.
func (s *Service) name(p *SpawnParams, id string) string {
	switch {
	case p.Name != "":
		return p.Name
	case s.Settings.Owner != "":
		return s.Settings.NamePrefix + s.Settings.Owner + "-" + id
	}
	return s.Settings.NamePrefix + id
}

// rental is what one spawn does at one account.
type rental struct {
	*trial
	account provider.Account
	lost    []claim // creates that were thought to have failed
}
