package compute

import (
	"context"
	"encoding/hex"
	"io"
	"maps"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/auth"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// Spawn rents one machine.
func (s *Service) Spawn(ctx context.Context, p *SpawnParams) (*Spawned, error) {
	a, err := s.Directory.Find(ctx, p.Provider, p.APIKey)
	if err != nil {
		return nil, err
	}
	if err := validate(&a, p); err != nil {
		return nil, err
	}
	candidates, err := s.candidates(&a, p)
	if err != nil {
		return nil, err
	}
	handle, env, fault := s.mint(p)
	if fault != nil {
		return nil, fault
	}
	r := &rental{service: s, account: a, params: p, env: env}
	defer r.sweep()
	var last *spec.Error
	for _, c := range candidates {
		machine, err := r.rent(ctx, c)
		if err == nil {
			machine.Auth = handle
			s.publishStatus(machine)
			return &Spawned{Compute: *machine, Attempts: r.attempts}, nil
		}
		if last = err; last.Kind != spec.KindCapacity {
			break
		}
	}
	return nil, r.failed(last, len(candidates))
}

// mint makes the machine's credential and its environment. The credential wins
// over a variable of the caller's.
func (s *Service) mint(p *SpawnParams) (*spec.Auth, map[string]string, *spec.Error) {
	if p.Auth == "" || p.Auth == SchemeNone {
		return nil, p.Env, nil
	}
	env := make(map[string]string, len(p.Env)+1)
	maps.Copy(env, p.Env)
	if p.Auth == SchemeSignedURL {
		secret, err := auth.MintSecret(s.Random)
		if err != nil {
			return nil, nil, err
		}
		env[auth.EnvSigningSecret] = secret
		return &spec.Auth{Scheme: string(SchemeSignedURL), Token: secret}, env, nil
	}
	token, err := auth.MintToken(s.Random)
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(env, token.Env)
	return &spec.Auth{Scheme: string(SchemeBearer), Token: token.Token, Hash: token.Hash, Header: token.Header}, env, nil
}

// requestID makes an identifier that only one create carries.
func (s *Service) requestID() (string, *spec.Error) {
	var raw [10]byte
	if _, err := io.ReadFull(s.Random, raw[:]); err != nil {
		return "", &spec.Error{Kind: spec.KindInternal, Message: "the system gave no random bytes", Err: err}
	}
	return hex.EncodeToString(raw[:]), nil
}

// request is the native request of one create.
func (r *rental) request(c candidate, id, name string) *spec.SpawnRequest {
	p := r.params
	out := &spec.SpawnRequest{RequestID: id, Name: name, GPU: c.native, CPU: p.CPU, OfferID: p.OfferID, CloudType: c.tier, Spot: p.Spot,
		BidPerHour: p.BidPerHour, RegionHints: p.RegionHints, Image: p.Image, Entrypoint: p.Entrypoint, Command: p.Command, Ports: p.Ports, Env: r.env,
		VolumeGB: p.VolumeGB, VolumeMountPath: p.VolumeMountPath, ContainerDiskGB: p.ContainerDiskGB, NetworkVolumeID: p.NetworkVolumeID,
		TemplateID: p.TemplateID, SSHKey: p.SSHKey, Options: p.ProviderOpts}
	if c.native != "" {
		out.GPUCount = max(p.GPUCount, 1)
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

// failed completes the error of a spawn with its attempts.
func (r *rental) failed(e *spec.Error, candidates int) *spec.Error {
	out := *e
	if out.Kind == spec.KindCapacity {
		out.Retryable = true
		if candidates > 1 {
			out.Message = "none of the candidates is to be had now; the last one: " + out.Message
		}
		if out.Hint == "" {
			out.Hint = "try again later, or name further GPUs or regions"
		}
	}
	if len(r.attempts) > 0 {
		if details, err := json.MarshalWithOption(map[string]any{"attempts": r.attempts}, json.DisableHTMLEscape()); err == nil {
			out.Details = details
		}
	}
	return &out
}

// note records an attempt.
func (r *rental) note(c candidate, id, outcome string, e *spec.Error) {
	at := Attempt{GPU: c.gpu, GPUNative: c.native, CloudType: c.tier, RequestID: id, Outcome: outcome}
	if e != nil {
		at.Kind, at.Status, at.Message = e.Kind, e.Status, e.Message
	}
	r.attempts = append(r.attempts, at)
}

// rental is one spawn on its way.
type rental struct {
	service  *Service
	account  provider.Account
	params   *SpawnParams
	env      map[string]string
	attempts []Attempt
	lost     []claim // creates that were thought to have failed
}
