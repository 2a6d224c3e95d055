package orchestrator

import (
	"context"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/internal/safego"
)

// Paces of the polls beside the configured one.
const (
	pollNew    = 2 * time.Second       // while a machine is not ready
	pollBusy   = 20                    // a poll takes at most this fraction of the time
	pollEach   = 10 * time.Millisecond // for each machine listed, so that reading a listing takes at most 1 or 2% of a core
	lookupsMax = 64                    // machines missing from a listing that one poll asks for singly
)

// polls ask each cloud for its machines: one listing answers for all sessions
// there.
type polls struct {
	service *Service
	wake    chan struct{}

	mu     sync.Mutex
	clouds map[string]*cloudPoll
}

type cloudPoll struct {
	next    int64 // ms of the store's clock
	running bool
}

func newPolls(s *Service) *polls {
	return &polls{service: s, wake: make(chan struct{}, 1), clouds: map[string]*cloudPoll{}}
}

// watch sees to it that a cloud is polled, soon.
func (p *polls) watch(provider string) {
	p.at(provider, p.service.node.now()+min(pollNew, p.service.Settings.Poll).Milliseconds())
}

// hurry has a cloud polled now.
func (p *polls) hurry(provider string) { p.at(provider, p.service.node.now()) }

func (p *polls) at(provider string, at int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clouds[provider]
	if c == nil {
		c = &cloudPoll{next: at}
		p.clouds[provider] = c
	}
	c.next = min(c.next, at)
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run starts polls when they are due.
func (p *polls) run() {
	s := p.service
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(p.begin())
		select {
		case <-timer.C:
		case <-p.wake:
		case <-s.until.Done():
			return
		}
	}
}

// begin starts what is due and tells how long it is until the next one.
func (p *polls) begin() time.Duration {
	s := p.service
	p.mu.Lock()
	defer p.mu.Unlock()
	now, wait := s.node.now(), time.Hour
	for name, c := range p.clouds {
		if c.running {
			continue
		}
		if left := time.Duration(c.next-now) * time.Millisecond; left > 0 {
			wait = min(wait, left)
			continue
		}
		c.running = true
		c.next = now + time.Hour.Milliseconds()
		safego.Go(&s.work, nil, func() { p.done(name, p.poll(name)) })
	}
	return wait
}

// done sets the time of the next poll of a cloud, or forgets it.
func (p *polls) done(name string, wait time.Duration) {
	p.mu.Lock()
	c := p.clouds[name]
	c.running = false
	if wait == 0 {
		delete(p.clouds, name)
		p.mu.Unlock()
		return
	}
	c.next = min(c.next, p.service.node.now()+wait.Milliseconds())
	p.mu.Unlock()
	p.at(name, c.next)
}

// poll asks a cloud for its machines once and returns the pause until the next
// time; 0: no session is there.
func (p *polls) poll(name string) time.Duration {
	s := p.service
	var here []*tracked
	young := false
	for _, t := range s.index.all() {
		if row, d := t.state(); row.State == store.Live && row.Provider == name {
			here = append(here, t)
			young = young || d.ReadyAt == 0
		}
	}
	if len(here) == 0 {
		return 0
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(s.until, 2*cloudLimit)
	defer cancel()
	asked := s.node.now()
	list, err := s.Compute.List(ctx, &compute.ListParams{Target: target(name)})
	pause := s.Settings.Poll
	if young {
		pause = min(pause, pollNew)
	}
	if err != nil { // says nothing of any machine
		return max(pause, time.Duration(spec.AsError(err).RetryAfterMS)*time.Millisecond)
	}
	machines := make(map[string]*spec.Compute, len(list.Items))
	for i := range list.Items {
		machines[list.Items[i].ID] = &list.Items[i]
	}
	var missing []*tracked
	for _, t := range here {
		row, d := t.state()
		if c := machines[row.ComputeID]; c == nil {
			missing = append(missing, t)
		} else if s.changed(d, c) && s.hold(t) {
			s.observe(t, c)
			t.acting.Unlock()
		}
	}
	p.lookFor(ctx, missing, asked)
	return max(pause, pollBusy*time.Since(began), pollEach*time.Duration(len(list.Items)))
}

// changed tells cheaply whether a machine looks otherwise than it did.
func (s *Service) changed(d *document, c *spec.Compute) bool {
	if d.Compute == nil {
		return true
	}
	return d.ReadyAt == 0 && ready(c) || d.Compute.Status != c.Status || len(d.Compute.Ports) != len(c.Ports) || !samePrice(d.Price, c.CostPerHour)
}

// hold takes a session to act on it, unless it is being acted on.
func (s *Service) hold(t *tracked) bool {
	if !s.node.valid() || !t.acting.TryLock() {
		return false
	}
	if t.over() || s.refresh(t) != nil {
		t.acting.Unlock()
		return false
	}
	return true
}

// lookFor asks singly for machines that a listing does not hold. Only the cloud's
// clear word that there is none counts, and only once new machines had the time
// to show.
func (p *polls) lookFor(ctx context.Context, missing []*tracked, asked int64) {
	s := p.service
	for _, t := range missing[:min(len(missing), lookupsMax)] {
		row, d := t.state()
		lag, err := s.Compute.ListingLag(ctx, row.Provider)
		if err != nil || asked-d.RentedAt < lag.Milliseconds() {
			continue
		}
		c, err := s.Compute.Get(ctx, &compute.IDParams{Target: target(row.Provider), ID: row.ComputeID})
		if err != nil && !isGone(err) || !s.hold(t) {
			continue
		}
		switch {
		case err == nil:
			s.observe(t, c)
		case d.Compute != nil && d.Compute.Spot:
			s.ended(t, ReasonPreempted)
		default:
			s.ended(t, ReasonVanished)
		}
		t.acting.Unlock()
	}
}
