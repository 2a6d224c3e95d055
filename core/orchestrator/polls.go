package orchestrator

import (
	"context"
	"sync"
	"sync/atomic"
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
	pollEach   = 20 * time.Millisecond // for each machine listed, so that reading listings takes at most 1% of a core
	lookupsMax = 64                    // machines missing from a listing that one poll asks for singly
	youngMax   = 4                     // new machines asked for singly while a listing in many parts goes on
	onePage    = 1500                  // machines whose listing is as quick as asking for one
	partsMax   = 10_000                // no account is so large: the listing does not end
)

// polls ask each cloud for its machines: one listing answers for all sessions
// there. One that comes in many parts is read slowly, part by part, and what must
// not wait for it is asked for singly.
type polls struct {
	service *Service
	wake    chan struct{}
	numbers atomic.Int64 // of listings begun

	mu      sync.Mutex
	clouds  map[string]*cloudPoll
	young   map[*tracked]bool   // whose machines were not ready when last asked about
	singles map[string]*singles // by cloud: one that is slow holds up its own sessions only
}

// singles are sessions of one cloud whose machines are to be asked for, each.
type singles struct {
	list   []*tracked
	asking bool // somebody works on them
}

type cloudPoll struct {
	next    time.Time // of this process, since a poll is no deadline of the store's clock
	running bool
}

// bring has a cloud polled at a time, unless it is sooner.
func (c *cloudPoll) bring(at time.Time) {
	if at.Before(c.next) {
		c.next = at
	}
}

func newPolls(s *Service) *polls {
	return &polls{service: s, wake: make(chan struct{}, 1), clouds: map[string]*cloudPoll{}, young: map[*tracked]bool{}, singles: map[string]*singles{}}
}

// watch sees to it that a session's cloud is polled, soon.
func (p *polls) watch(t *tracked) {
	row, d := t.state()
	if d.readyAt == 0 {
		p.mu.Lock()
		p.young[t] = true
		p.mu.Unlock()
	}
	p.at(row.Provider, p.service.Clock.Now().Add(min(pollNew, p.service.Settings.Poll)))
}

// unready lists some sessions at a provider whose machines are not ready.
func (p *polls) unready(name string, most int) []*tracked {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*tracked
	for t := range p.young {
		switch row, d := t.state(); {
		case row.State != store.Live || d.readyAt > 0 || t.over():
			delete(p.young, t)
		case row.Provider == name && len(out) < most:
			out = append(out, t)
		}
	}
	return out
}

// hurry has one session's machine looked at now.
func (p *polls) hurry(t *tracked) {
	row, _ := t.state()
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.singles[row.Provider]
	if q == nil {
		q = &singles{}
		p.singles[row.Provider] = q
	}
	q.list = append(q.list, t)
	p.rouse()
}

// rouse has run look what there is to do.
func (p *polls) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// askSingly works on what there is to be asked for at one cloud, and forgets the
// cloud once there is nothing.
func (p *polls) askSingly(name string, q *singles) {
	defer func() { // after a defect the next one to be asked for has somebody else work on them
		p.mu.Lock()
		defer p.mu.Unlock()
		if q.asking = false; len(q.list) > 0 {
			p.rouse()
		}
	}()
	for {
		p.mu.Lock()
		list := q.list
		q.list = nil
		if len(list) == 0 || p.service.until.Err() != nil {
			delete(p.singles, name)
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		known := map[*tracked]bool{}
		for _, t := range list {
			if !known[t] {
				p.ask(t)
			}
			known[t] = true
		}
	}
}

// ask looks at one machine. Only the cloud's clear word that there is none counts,
// and only once a new machine had the time to show.
func (p *polls) ask(t *tracked) {
	s := p.service
	row, d := t.state()
	if row.State != store.Live {
		return
	}
	ctx, cancel := context.WithTimeout(s.until, cloudLimit)
	defer cancel()
	asked := s.node.now()
	c, err := s.Compute.Get(ctx, &compute.IDParams{Target: target(row.Provider), ID: row.ComputeID})
	if err != nil && (!isGone(err) || s.fresh(ctx, &row, &d, asked)) {
		return
	}
	var why *spec.Error
	if err == nil {
		here, _ := s.account(ctx, row.Provider)
		s.shown(ctx, here, d.account)
	} else {
		why = s.hides(ctx, row.Provider, d.account)
	}
	if !s.hold(t) {
		return
	}
	defer t.acting.Unlock()
	switch {
	case err == nil:
		s.observe(t, c)
	case why != nil:
		s.unseen(t, why)
	case !d.spot:
		s.ended(t, ReasonVanished)
	default:
		switch ours, err := s.halted(&row); {
		case err != nil: // the next look asks again
		case ours:
			s.ended(t, ReasonVanished)
		default:
			s.ended(t, ReasonPreempted)
		}
	}
}

// fresh tells whether a machine is so new that its cloud may not show it yet.
func (s *Service) fresh(ctx context.Context, row *store.Session, d *terms, now int64) bool {
	if d.rentedAt > s.node.now()+time.Minute.Milliseconds() {
		return false // the store's clock has been set back since
	}
	lag, err := s.Compute.ListingLag(ctx, row.Provider)
	return err != nil || now-d.rentedAt < lag.Milliseconds()
}

func (p *polls) at(provider string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clouds[provider]
	if c == nil {
		c = &cloudPoll{next: at}
		p.clouds[provider] = c
	}
	c.bring(at)
	p.rouse()
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
	for name, q := range p.singles {
		if !q.asking {
			q.asking = true
			safego.Go(&s.work, s.defect, func() { p.askSingly(name, q) })
		}
	}
	now, wait := s.Clock.Now(), time.Hour
	for name, c := range p.clouds {
		if c.running {
			continue
		}
		if left := c.next.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		c.running = true
		c.next = now.Add(time.Hour)
		safego.Go(&s.work, s.defect, func() {
			wait := max(s.Settings.Poll, pollNew) // after a defect, too
			defer func() { p.done(name, wait) }()
			wait = p.poll(name)
		})
	}
	return wait
}

// done sets the time of the next poll of a cloud, or forgets it.
func (p *polls) done(name string, wait time.Duration) {
	p.mu.Lock()
	c := p.clouds[name]
	c.running = false
	if wait == 0 {
		if !p.service.index.any(func(t *tracked) bool { return t.at(name) }) {
			delete(p.clouds, name)
			p.mu.Unlock()
			return
		}
		wait = pollNew // a session has come since
	}
	c.bring(p.service.Clock.Now().Add(wait))
	p.mu.Unlock()
	p.at(name, c.next)
}

// poll asks a cloud for its machines once and returns the pause until the next
// time; 0: no session is there.
func (p *polls) poll(name string) time.Duration {
	s := p.service
	if !s.index.any(func(t *tracked) bool { return t.at(name) }) {
		return 0
	}
	number, asked := p.numbers.Add(1), s.node.now()
	var spent time.Duration
	listed := 0
	for l := s.listing(target(name)); ; {
		began := time.Now()
		items, more, err := l.next(s.until)
		if err != nil { // says nothing of any machine
			return max(s.Settings.Poll, heeded(spec.AsError(err)))
		}
		here, _ := s.account(s.until, name) // without one nothing was listed
		for i := range items {
			if t := s.index.find(items[i].ID); t != nil && t.at(name) {
				t.seen.Store(number)
				_, d := t.state()
				s.shown(s.until, here, d.account)
				if d.differs(&items[i]) {
					s.takeIn(t, &items[i])
				}
			}
		}
		listed += len(items)
		spent = max(pollBusy*time.Since(began), pollEach*time.Duration(len(items)))
		if !more {
			break
		}
		if !p.rest(name, spent) {
			return s.Settings.Poll
		}
	}
	p.lookFor(name, number, asked)
	pause := s.Settings.Poll
	if listed <= onePage && len(p.unready(name, 1)) > 0 {
		pause = min(pause, pollNew)
	}
	return max(pause, spent)
}

// rest waits between two parts of a listing, and looks at some new machines
// meanwhile.
func (p *polls) rest(name string, d time.Duration) bool {
	s := p.service
	for ; d > 0; d -= pollNew {
		for _, t := range p.unready(name, youngMax) {
			p.hurry(t)
		}
		if !s.pause(min(d, pollNew)) {
			return false
		}
	}
	return s.node.valid()
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

// takeIn observes a session's machine, unless the session is being acted on.
func (s *Service) takeIn(t *tracked, c *spec.Compute) {
	if s.hold(t) {
		defer t.acting.Unlock()
		s.observe(t, c)
	}
}

// lookFor asks singly for machines that a whole listing does not hold.
func (p *polls) lookFor(name string, number, asked int64) {
	s := p.service
	var missing []*tracked
	s.index.any(func(t *tracked) bool {
		if t.at(name) && t.seen.Load() != number {
			missing = append(missing, t)
		}
		return len(missing) == lookupsMax
	})
	for _, t := range missing {
		if row, d := t.state(); !s.fresh(s.until, &row, &d, asked) {
			p.ask(t)
		}
	}
}
