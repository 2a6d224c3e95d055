package tokens

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// The Machines API takes a request a second for each app, and three at once.
const (
	askEvery = time.Second
	askBurst = 3
	askAgain = 3 // times, where it says that it was too much, or fails
	orgFor   = 24 * time.Hour
)

// organization finds the app's organization: from the store, or by asking with
// what there is.
func (h *hunt) organization(ctx context.Context, own, filed string) string {
	s := h.service
	if r, _, readable, err := s.sealed.get(ctx, "org:"+h.app); err == nil && readable && h.now.Before(r.expires()) {
		return r.Org
	}
	if s.Org == nil {
		return ""
	}
	for _, token := range []string{own, filed} {
		if token == "" {
			continue
		}
		if org := h.ask(ctx, token); validOrg(org) {
			_ = s.sealed.put(ctx, "org:"+h.app, record{Token: "-", Org: org, Expires: h.now.Add(orgFor).UnixMilli()}) // asked again where it is not kept
			return org
		}
	}
	return ""
}

// forgetOrg has the organization of an app asked for anew.
func (s *Service) forgetOrg(ctx context.Context, app string) {
	_ = s.sealed.delete(ctx, "org:"+app) // what stays lapses by itself
}

// ask asks the Machines API. A limit or an outage is waited out: a token for the
// app alone may change what one for reading could not.
func (h *hunt) ask(ctx context.Context, token string) string {
	s := h.service
	for attempt := 1; ; attempt++ {
		if s.Clock.Wait(ctx, s.pace(h.app)) != nil {
			return ""
		}
		org, err := s.Org(ctx, h.app, spec.NewSecret(token))
		if err == nil {
			return org
		}
		if !err.Retryable {
			return ""
		}
		pause := max(time.Duration(err.RetryAfterMS)*time.Millisecond, askEvery)
		if attempt == askAgain || pause > s.Settings.Timeout || s.Clock.Wait(ctx, pause) != nil {
			h.warnings = append(h.warnings, "the organization of the app could not be asked for: "+err.Message)
			return ""
		}
	}
}

// pace is how long to wait before the Machines API is asked about an app.
func (s *Service) pace(app string) time.Duration {
	now := s.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, whole := range s.asked {
		if len(s.asked) >= mostRemembered && whole.Before(now) {
			delete(s.asked, name)
		}
	}
	whole := s.asked[app]
	if whole.Before(now) {
		whole = now
	}
	s.asked[app] = whole.Add(askEvery)
	return max(0, whole.Sub(now)-(askBurst-1)*askEvery)
}

// validOrg keeps an answer from becoming a flag of a command.
func validOrg(org string) bool {
	for _, c := range org {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return org != "" && org[0] != '-' && len(org) <= 100
}
