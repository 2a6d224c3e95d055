package tokens

import (
	"context"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/fly"
	"github.com/exatlas/atlas/core/fly/flyctl"
	"github.com/exatlas/atlas/core/spec"
)

// hunt is one walk through the layers.
type hunt struct {
	service  *Service
	app      string
	now      time.Time
	warnings []string
	reasons  []string // why each layer has none
}

// find walks through the layers. fresh leaves the store's cached token out.
func (s *Service) find(ctx context.Context, app string, fresh bool) (found, *spec.Error) {
	h := &hunt{service: s, app: app, now: s.Clock.Now()}
	manual, err := h.manual(ctx)
	if err != nil || manual.token != "" {
		return manual, err
	}
	if !fresh {
		r, there, readable, err := s.sealed.get(ctx, "cached:"+app)
		if err == nil && there && readable && h.usable("the store", r.Token, r.expires()) {
			return found{token: r.Token, source: SourceStore, expires: r.expires(), warnings: h.warnings}, nil
		}
	}
	own := environment(s.Program)
	if own == "" {
		h.reasons = append(h.reasons, "neither FLY_ACCESS_TOKEN nor FLY_API_TOKEN says one")
	} else if at, _ := expires(own); h.usable("the environment", own, at) {
		return found{token: own, source: SourceEnvironment, expires: at, warnings: h.warnings}, nil
	}
	filed, why := config(s.Program)
	if filed == "" {
		h.reasons = append(h.reasons, why)
	} else if at, _ := expires(filed); h.usable("config.yml", filed, at) {
		return found{token: filed, source: SourceConfig, expires: at, warnings: h.warnings}, nil
	}
	return h.create(ctx, own, filed)
}

func (r *record) expires() time.Time {
	if r.Expires == 0 {
		return time.Time{}
	}
	return time.UnixMilli(r.Expires)
}

// manual is the token set by hand. One that cannot be read is an error: using
// another in its place would be a silent loss.
func (h *hunt) manual(ctx context.Context) (found, *spec.Error) {
	r, there, readable, err := h.service.sealed.get(ctx, "manual:"+h.app)
	switch {
	case err != nil:
		h.warnings = append(h.warnings, "the store cannot be read, so a manual token is not seen: "+err.Message)
		return found{}, nil
	case !there:
		return found{}, nil
	case !readable:
		return found{}, &spec.Error{Kind: spec.KindConflict, Message: "the manual token of " + h.app + " cannot be decrypted with this installation's key",
			Hint: "restore store.key, set the token again, or remove it: fly.tokens.set_manual"}
	}
	f := found{token: r.Token, source: SourceManual, expires: r.expires()}
	switch {
	case h.service.passedOver(h.app, r.Token):
		h.warnings = append(h.warnings, "Fly refused the manual token; another one is used, and it is kept")
	case f.expired(h.now):
		h.warnings = append(h.warnings, "the manual token expired at "+timeText(f.expires)+"; another one is used, and it is kept")
	default:
		return f, nil
	}
	h.reasons = append(h.reasons, h.warnings[len(h.warnings)-1])
	return found{}, nil
}

// usable reports whether a layer's token is to be taken, and notes why not.
func (h *hunt) usable(layer, token string, expires time.Time) bool {
	f := found{expires: expires}
	switch {
	case !fly.Readable(token):
		h.reasons = append(h.reasons, "what "+layer+" says is no token")
	case h.service.passedOver(h.app, token):
		h.reasons = append(h.reasons, "Fly refused the token of "+layer)
	case f.expired(h.now):
		h.reasons = append(h.reasons, "the token of "+layer+" expired at "+timeText(expires))
	default:
		return true
	}
	return false
}

// create has flyctl make a token, with flyctl's own login. A token of the
// environment that was refused is kept from it, since it would come first there.
func (h *hunt) create(ctx context.Context, own, filed string) (found, *spec.Error) {
	s := h.service
	if s.Settings.NoCLI {
		return found{}, h.none("the CLI is not to be used")
	}
	if _, err := s.Program.Find(); err != nil {
		return found{}, h.none(err.Message)
	}
	org := s.Settings.Org
	if org == "" && s.Settings.Scope != ScopeDeploy {
		org = h.organization(ctx, own, filed)
	}
	switch {
	case s.Settings.Scope == ScopeDeploy:
		org = ""
	case s.Settings.Scope == ScopeReadonly && org == "":
		return found{}, h.none("the organization of the app is not known, and a readonly token needs it; set fly.org")
	}
	var dropped []string
	if own != "" {
		dropped = []string{flyctl.EnvAccessToken, flyctl.EnvAPIToken}
	}
	token, err := mint(ctx, s.Program, h.app, org, s.Settings.Expiry, s.Settings.Timeout, dropped, own, filed)
	if err != nil {
		if err.Kind == spec.KindTimeout || err.Kind == spec.KindCancelled {
			return found{}, err
		}
		if org != "" && org != s.Settings.Org { // flyctl may know it no more: the app moved, or is another
			s.forgetOrg(ctx, h.app)
		}
		return found{}, h.none(err.Message)
	}
	f := found{token: token, source: SourceCLI, expires: h.now.Add(s.Settings.Expiry), warnings: h.warnings}
	if at, known := expires(token); known {
		f.expires = at
	}
	if err := s.sealed.put(ctx, "cached:"+h.app, record{Token: token, Expires: f.expires.UnixMilli(), Org: org}); err != nil {
		f.warnings = append(f.warnings, "the token could not be stored: "+err.Message)
	}
	return f, nil
}

// none says that no layer has a token, and why each has none.
func (h *hunt) none(last string) *spec.Error {
	return &spec.Error{Kind: spec.KindUnauthorized, Provider: "fly", Message: "no token for " + h.app + ": " + strings.Join(append(h.reasons, last), "; "),
		Hint: "set FLY_API_TOKEN, run fly auth login, or give one with fly.tokens.set_manual"}
}

// ForDeploy answers the token that a deploy is to use: one set by hand, or that of
// the environment. With none flyctl uses its own login, which it also refreshes.
// The warnings say what the caller should know of a manual token that is not used.
func (s *Service) ForDeploy(ctx context.Context, app string) (spec.Secret, Source, []string, error) {
	began := s.Clock.Now()
	token, source, warnings, err := s.forDeploy(ctx, app)
	s.acquired(began, app, acquirerDeploy, source, err)
	return token, source, warnings, err
}

func (s *Service) forDeploy(ctx context.Context, app string) (spec.Secret, Source, []string, error) {
	h := &hunt{service: s, app: app, now: s.Clock.Now()}
	if app != "" {
		f, err := h.manual(ctx)
		if err != nil {
			return spec.Secret{}, "", nil, err
		}
		if f.token != "" {
			return spec.NewSecret(f.token), SourceManual, nil, nil
		}
	}
	if own := environment(s.Program); own != "" {
		return spec.NewSecret(own), SourceEnvironment, h.warnings, nil
	}
	return spec.Secret{}, SourceConfig, h.warnings, nil
}
