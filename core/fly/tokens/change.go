package tokens

import (
	"context"

	"github.com/exatlas/atlas/core/fly"
	"github.com/exatlas/atlas/core/spec"
)

// Invalidate makes every layer that holds a token let go of it.
func (s *Service) Invalidate(ctx context.Context, p *InvalidateParams) (*FlyTokenInvalidated, error) {
	if err := fly.CheckApp("params.app", p.App); err != nil {
		return nil, err
	}
	cached, _, _, storeErr := s.sealed.get(ctx, "cached:"+p.App)
	manual, _, _, _ := s.sealed.get(ctx, "manual:"+p.App) // an error was met the line before
	bad := fly.Bare(p.Token.Reveal())
	if bad == "" {
		bad = s.current(p.App, manual.Token, cached.Token)
	}
	is := func(token string) bool { return token != "" && fly.Header(token) == fly.Header(bad) }
	out := &FlyTokenInvalidated{App: p.App, Dropped: []Source{}}
	now := s.Clock.Now()
	s.mu.Lock()
	if bad != "" {
		s.refused[refusalOf(p.App, bad)] = now.Add(refusedFor)
	}
	if h, ok := s.memory[p.App]; ok && is(h.token) {
		delete(s.memory, p.App)
		if h.source != SourceStore && h.source != SourceManual {
			out.Dropped = append(out.Dropped, h.source)
		}
	}
	for key, until := range s.refused {
		if !now.Before(until) {
			delete(s.refused, key)
		}
	}
	s.mu.Unlock()
	if is(manual.Token) {
		out.Dropped = append(out.Dropped, SourceManual)
	}
	if is(cached.Token) {
		if storeErr = s.sealed.delete(ctx, "cached:"+p.App); storeErr == nil {
			out.Dropped = append(out.Dropped, SourceStore)
		}
		if cached.Org != "" { // the app may have moved to another
			s.forgetOrg(ctx, p.App)
		}
	}
	if storeErr != nil {
		return nil, storeErr
	}
	return out, nil
}

// current is what Get would answer without a search, by the order of the layers.
func (s *Service) current(app, manual, cached string) string {
	if h, ok := s.remembered(app); ok {
		return h.token
	}
	for _, token := range []string{manual, cached} {
		if token != "" && !s.passedOver(app, token) {
			return token
		}
	}
	if token := environment(s.Program); token != "" && !s.passedOver(app, token) {
		return token
	}
	token, _ := config(s.Program)
	return token
}

// SetManual sets or removes a token by hand. It is in the store when this has
// answered; where it cannot be stored that is an error and nothing has changed.
func (s *Service) SetManual(ctx context.Context, p *ManualParams) (*FlyTokenManual, error) {
	if err := fly.CheckApp("params.app", p.App); err != nil {
		return nil, err
	}
	token := fly.Bare(p.Token.Reveal())
	out := &FlyTokenManual{App: p.App, Set: !p.Remove}
	switch {
	case p.Remove && token != "":
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "params: both token and remove", Hint: "give one of them"}
	case p.Remove:
		if err := s.sealed.delete(ctx, "manual:"+p.App); err != nil {
			return nil, err
		}
	case !fly.Readable(token):
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.token: no token", Hint: "give what fly tokens create prints; remove takes a manual token away"}
	default:
		r := record{Token: token}
		if at, known := expires(token); known {
			r.Expires, out.ExpiresAt = at.UnixMilli(), timeText(at)
		}
		if err := s.sealed.put(ctx, "manual:"+p.App, r); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	delete(s.memory, p.App)
	delete(s.refused, refusalOf(p.App, token))
	for _, name := range []string{p.App, p.App + anew} {
		if f := s.searches[name]; f != nil {
			f.stale = true // it may have looked before
		}
	}
	s.mu.Unlock()
	return out, nil
}
