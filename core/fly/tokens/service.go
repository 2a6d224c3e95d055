package tokens

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/fly"
	"github.com/exatlas/atlas/core/fly/flyctl"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/telemetry"
)

// Settings of the service. Zero means the default.
type Settings struct {
	NoCLI   bool          // the CLI makes no tokens
	Scope   string        // of those it makes; default auto
	Org     string        // organization of all apps; empty: asked for
	Expiry  time.Duration // of those it makes; default 24 h
	Timeout time.Duration // of a run of the CLI; default 30 s
}

// Wiring is what the service works with.
type Wiring struct {
	Clock   clock.Clock
	Random  io.Reader
	Program flyctl.Program
	Open    func(context.Context) (Values, error) // opens the store at the first use
	Key     func() ([32]byte, error)              // tokens in the store are encrypted under it
	// Org asks the Machines API for the organization of an app.
	Org       func(ctx context.Context, app string, token spec.Secret) (string, *spec.Error)
	Telemetry telemetry.Observer
	Settings  Settings
}

// The times of the service.
const (
	memoryFor  = 5 * time.Minute  // a token in memory is looked up anew after this
	refusedFor = 10 * time.Minute // a refused token that a layer still says is passed over
	margin     = time.Minute      // a token that expires so soon is as good as expired
	searchFor  = 2 * time.Minute  // a search, the CLI's run included
)

// Service finds tokens.
type Service struct {
	Wiring
	sealed sealed
	work   sync.WaitGroup
	until  context.Context // ends with the client
	end    context.CancelFunc

	mu       sync.Mutex
	closed   bool
	memory   map[string]held
	searches map[string]*search
	refused  map[refusal]time.Time // until when
	asked    map[string]time.Time  // by app: when its burst of questions to the Machines API is whole again
}

// held is a token in memory.
type held struct {
	found
	until time.Time
}

// found is a token that was found.
type found struct {
	token    string
	source   Source
	expires  time.Time // zero: not known
	warnings []string
}

// New makes the service; it does nothing until the first call.
func New(w Wiring) *Service {
	if w.Settings.Scope == "" {
		w.Settings.Scope = ScopeAuto
	}
	if w.Settings.Expiry <= 0 {
		w.Settings.Expiry = 24 * time.Hour
	}
	if w.Settings.Timeout <= 0 {
		w.Settings.Timeout = 30 * time.Second
	}
	s := &Service{Wiring: w, sealed: sealed{open: w.Open, key: w.Key, random: w.Random},
		memory: map[string]held{}, searches: map[string]*search{}, refused: map[refusal]time.Time{}, asked: map[string]time.Time{}}
	s.until, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends the searches and waits for them.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.work.Wait()
}

// Get answers a token for an app.
func (s *Service) Get(ctx context.Context, p *AppParams) (*FlyToken, error) {
	if err := fly.CheckApp("params.app", p.App); err != nil {
		return nil, err
	}
	began := s.Clock.Now()
	if h, ok := s.remembered(p.App); ok {
		s.acquired(began, p.App, acquirerMemory, h.source, nil)
		return h.answer(p.App, true), nil
	}
	return s.shared(ctx, p.App, false)
}

// Refresh finds a token anew, past memory and store.
func (s *Service) Refresh(ctx context.Context, p *AppParams) (*FlyToken, error) {
	if err := fly.CheckApp("params.app", p.App); err != nil {
		return nil, err
	}
	return s.shared(ctx, p.App, true)
}

// Token is Get for the parts of core/fly.
func (s *Service) Token(ctx context.Context, app string) (spec.Secret, error) {
	out, err := s.Get(ctx, &AppParams{App: app})
	if err != nil {
		return spec.Secret{}, err
	}
	return spec.NewSecret(out.Token), nil
}

// Refused is Invalidate for the parts of core/fly.
func (s *Service) Refused(ctx context.Context, app string, token spec.Secret) {
	_, _ = s.Invalidate(ctx, &InvalidateParams{App: app, Token: token}) // the next Token tells what is wrong
}

// remembered is the token in memory.
func (s *Service) remembered(app string) (held, bool) {
	now := s.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.memory[app]
	if !ok || !now.Before(h.until) || h.expired(now) {
		delete(s.memory, app)
		return h, false
	}
	return h, true
}

func (f *found) expired(now time.Time) bool {
	return !f.expires.IsZero() && !now.Add(margin).Before(f.expires)
}

func (f *found) answer(app string, cached bool) *FlyToken {
	return &FlyToken{App: app, Token: f.token, Header: fly.Header(f.token), Source: f.source, Cached: cached, ExpiresAt: timeText(f.expires), Warnings: f.warnings}
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
