package deploy

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/fly/flyctl"
	"github.com/exatlas/atlas/core/fly/tokens"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/telemetry"
	"github.com/exatlas/atlas/internal/safego"
)

// Tokens finds the token of a deploy; core/fly/tokens' service is one.
type Tokens interface {
	ForDeploy(ctx context.Context, app string) (token spec.Secret, from tokens.Source, warnings []string, err error)
}

// Wiring is what the service works with.
type Wiring struct {
	Program   flyctl.Program
	Tokens    Tokens
	Bus       *events.Bus
	Clock     clock.Clock
	Telemetry telemetry.Observer
	Grace     time.Duration // what a deploy that is ended has to put its leases back; default 10 s
}

// Service runs deploys.
type Service struct {
	Wiring
	work    sync.WaitGroup
	until   context.Context // ends with the client
	end     context.CancelFunc
	running atomic.Int64
	board   *board

	mu     sync.Mutex
	closed bool
}

// New makes the service.
func New(w Wiring) *Service {
	if w.Grace <= 0 {
		w.Grace = 10 * time.Second
	}
	s := &Service{Wiring: w, board: &board{clock: w.Clock, bus: w.Bus, tickets: map[string]*ticket{}}}
	s.until, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends the deploys and waits until nothing of them is left.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.work.Wait()
}

// Running counts the deploys under way.
func (s *Service) Running() int { return int(s.running.Load()) }

// begin counts a piece of work that Close waits for.
func (s *Service) begin() *spec.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"}
	}
	s.work.Add(1)
	return nil
}

// Run deploys and answers when it is over. A deploy that did not go well is an
// error whose details hold the result. One that has a ticket can be followed.
func (s *Service) Run(ctx context.Context, p *Params) (*FlyDeploy, error) {
	d, err := s.open(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.work.Done()
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.until, cancel)()
	var t *ticket
	if p.Ticket != "" {
		if t, err = s.board.claim(p.Ticket); err != nil {
			return nil, err
		}
	}
	out, err := s.perform(within, d, t)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Stream deploys and tells what happens as events. The subscription is started by
// its receiver; ending it cancels the deploy. Mistakes that show before anything
// runs are answered at once.
func (s *Service) Stream(ctx context.Context, p *Params, ready func(*events.Subscription)) (*events.Subscription, error) {
	d, err := s.open(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.work.Done()
	t, err := s.board.claim(p.Ticket)
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithCancel(s.until)
	sub, err := s.board.start(t, ready, cancel)
	if err != nil {
		cancel()
		s.board.release(t)
		return nil, err
	}
	safego.Go(&s.work, nil, func() {
		defer cancel()
		_, _ = s.perform(within, d, t) // the last event tells how it went
	})
	return sub, nil
}

// Follow subscribes to the deploy of a ticket, whoever started it, also before it
// starts and for a while after it has ended. The subscription is started by its
// receiver; ending it leaves the deploy alone.
func (s *Service) Follow(name string, from uint64, ready func(*events.Subscription)) (*events.Subscription, error) {
	if err := checkTicket("params.topic", name); err != nil {
		return nil, err
	}
	if s.until.Err() != nil {
		return nil, &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"}
	}
	sub, err := s.board.follow(name, from, ready)
	if err != nil {
		return nil, err
	}
	return sub, nil
}

// perform runs a deploy and tells those who follow it, where it has a ticket, how
// it began and how it ended, whatever happens.
func (s *Service) perform(ctx context.Context, d *deployment, t *ticket) (out *FlyDeploy, err *spec.Error) {
	if t == nil {
		return d.run(ctx, nil)
	}
	defer safego.Recover(func(e *spec.Error) {
		s.board.end(t, EventError, finalError(e))
		out, err = nil, e
	})
	s.board.tell(ctx, t, events.Lifecycle, EventStarted, encode(started{d.app, d.folder, d.from, d.warnings}))
	if out, err = d.run(ctx, t); err != nil {
		s.board.end(t, EventError, finalError(err))
		return nil, err
	}
	s.board.end(t, EventResult, encode(struct {
		Final  bool       `json:"final"`
		Deploy *FlyDeploy `json:"deploy"`
	}{true, out}))
	return out, nil
}

// started is the data of the first event.
type started struct {
	App       string        `json:"app,omitempty"`
	Directory string        `json:"directory"`
	TokenFrom tokens.Source `json:"token_from"`
	Warnings  []string      `json:"warnings,omitempty"`
}

func finalError(e *spec.Error) spec.Raw {
	return encode(struct {
		Final bool        `json:"final"`
		Error *spec.Error `json:"error"`
	}{true, e})
}

func encode(v any) spec.Raw {
	out, err := json.MarshalWithOption(v, json.DisableHTMLEscape())
	if err != nil {
		return spec.Raw(`{}`)
	}
	return out
}
