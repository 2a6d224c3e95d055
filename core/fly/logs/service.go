package logs

import (
	"context"
	"hash/maphash"
	"strconv"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/telemetry"
	"github.com/exatlas/atlas/internal/safego"
)

// Tokens finds tokens; core/fly/tokens' service is one.
type Tokens interface {
	Token(ctx context.Context, app string) (spec.Secret, error)
	Refused(ctx context.Context, app string, token spec.Secret)
}

// Settings of the service. Zero means the default.
type Settings struct {
	BaseURL string        // default https://api.fly.io
	Overlap time.Duration // how late a line may be and still be found; default 5 s
	Busy    time.Duration // pause while lines come; default 200 ms
	Idle    time.Duration // longest pause while none do; default 2 s
	Retry   time.Duration // longest pause after failures; default 30 s
	Abandon time.Duration // a full queue that nobody empties for so long is given up; default 10 min
}

// Wiring is what the service works with.
type Wiring struct {
	HTTP      Getter
	Tokens    Tokens
	Bus       *events.Bus
	Clock     clock.Clock
	Jitter    func() float64 // 0 to 1, to spread requests
	Telemetry telemetry.Observer
	Settings  Settings
}

// Service reads logs.
type Service struct {
	Wiring
	seed    maphash.Seed
	counted int // lines that a ledger counts before it forgets
	work    sync.WaitGroup
	until   context.Context // ends with the client
	end     context.CancelFunc

	mu        sync.Mutex
	closed    bool
	streamers map[string]*streamer // by app
}

// mostCounted is how many lines a ledger counts before it forgets the older.
const mostCounted = 200_000

// New makes the service.
func New(w Wiring) *Service {
	fill := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	if w.Settings.BaseURL == "" {
		w.Settings.BaseURL = "https://api.fly.io"
	}
	fill(&w.Settings.Overlap, 5*time.Second)
	fill(&w.Settings.Busy, 200*time.Millisecond)
	fill(&w.Settings.Idle, 2*time.Second)
	fill(&w.Settings.Retry, 30*time.Second)
	fill(&w.Settings.Abandon, 10*time.Minute)
	s := &Service{Wiring: w, seed: maphash.MakeSeed(), counted: mostCounted, streamers: map[string]*streamer{}}
	s.until, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends the streams and waits for their readers.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.work.Wait()
}

// Streams counts the apps that are being read.
func (s *Service) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streamers)
}

// Fetch answers one page.
func (s *Service) Fetch(ctx context.Context, p *FetchParams) (*FlyLogs, error) {
	if err := check(p.App, p.NextToken, p.Region, p.Instance); err != nil {
		return nil, err
	}
	start, cursor, _ := resume(p.NextToken)
	chosen := filter{p.Region, p.Instance}
	got, err := s.ask(ctx, p.App, cursor, chosen)
	if err != nil {
		return nil, err
	}
	out := &FlyLogs{Items: []Line{}, NextToken: got.next}
	now, whole := start, start
	newTally().number(s.seed, got.lines, func(l *Line, _ uint64, n int32) {
		if start.had(l, n) {
			return
		}
		if whole.pass(l); !chosen.takes(l) {
			return
		}
		now.pass(l)
		l.Cursor = now.cursor()
		out.Items = append(out.Items, *l)
	})
	if at, err := strconv.ParseInt(got.next, 10, 64); err == nil && at <= whole.at && whole.marks != "" && !got.moment() {
		out.NextToken = whole.cursor() // it tells the lines of the moment apart
	}
	return out, nil
}

// Subscribe hands out the lines of an app as events. The subscription is started
// by its receiver.
func (s *Service) Subscribe(_ context.Context, p *SubscribeParams, ready func(*events.Subscription)) (*events.Subscription, error) {
	if err := check(p.App, p.From, p.Region, p.Instance); err != nil {
		return nil, err
	}
	r := &reader{filter: filter{p.Region, p.Instance}, from: p.From}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"}
	}
	st := s.streamers[p.App]
	fresh := st == nil
	if fresh {
		st = newStreamer(s, p.App)
	}
	var err *spec.Error
	if r.sub, err = s.Bus.Feed("fly.logs:"+p.App, ready, func() { s.left(st, r) }); err != nil {
		st.stop()
		return nil, err
	}
	if fresh {
		s.streamers[p.App] = st
		safego.Go(&s.work, st.fail, st.run)
	}
	behind := p.From != "" || p.Recent
	within := st.ctx
	if behind {
		within, r.leave = context.WithCancel(st.ctx)
	}
	st.join(r, behind)
	if behind {
		safego.Go(&s.work, st.fail, func() { st.catchUp(within, r) })
	}
	return r.sub, nil
}

// left stops the streamer with its last reader.
func (s *Service) left(st *streamer, r *reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.leave(r) == 0 {
		st.stop()
		if s.streamers[st.app] == st {
			delete(s.streamers, st.app)
		}
	}
}

// over takes a streamer that has ended off the list.
func (s *Service) over(st *streamer, last spec.Raw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.stop()
	if s.streamers[st.app] == st {
		delete(s.streamers, st.app)
	}
	st.finish(last)
}
