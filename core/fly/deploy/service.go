package deploy

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/fly/flyctl"
	"github.com/exatlas/atlas/core/fly/tokens"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// Tokens finds the token of a deploy; core/fly/tokens' service is one.
type Tokens interface {
	ForDeploy(ctx context.Context, app string) (token spec.Secret, from tokens.Source, warnings []string, err error)
}

// Wiring is what the service works with.
type Wiring struct {
	Program flyctl.Program
	Tokens  Tokens
	Bus     *events.Bus
	Grace   time.Duration // what a deploy that is ended has to put its leases back; default 10 s
}

// Service runs deploys.
type Service struct {
	Wiring
	work    sync.WaitGroup
	until   context.Context // ends with the client
	end     context.CancelFunc
	next    atomic.Int64
	running atomic.Int64

	mu     sync.Mutex
	closed bool
}

// New makes the service.
func New(w Wiring) *Service {
	if w.Grace <= 0 {
		w.Grace = 10 * time.Second
	}
	s := &Service{Wiring: w}
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
// error whose details hold the result.
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
	out, err := d.run(within, nil)
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
	within, cancel := context.WithCancel(s.until)
	topic := "fly.deploy:" + strconv.FormatInt(s.next.Add(1), 10)
	sub, err := s.Bus.Feed(topic, ready, cancel)
	if err != nil {
		cancel()
		return nil, err
	}
	end := func(name string, data spec.Raw) {
		sub.Tell(name, data)
		sub.Finish()
		cancel()
	}
	safego.Go(&s.work, func(e *spec.Error) { end(EventError, finalError(e)) }, func() {
		sub.Tell(EventStarted, encode(started{d.app, d.folder, d.from, d.warnings}))
		out, err := d.run(within, sub)
		if err != nil {
			end(EventError, finalError(err))
			return
		}
		end(EventResult, encode(struct {
			Final  bool       `json:"final"`
			Deploy *FlyDeploy `json:"deploy"`
		}{true, out}))
	})
	return sub, nil
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
