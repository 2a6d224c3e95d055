package orchestrator

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/internal/safego"
)

// Settings of the service. Zero means the default.
type Settings struct {
	Lease      time.Duration // term of a process's lease; default 15 s
	Poll       time.Duration // how often clouds are asked for their machines; default 30 s
	Grace      time.Duration // what a session has left at the least when it is adopted; default 5 s
	Heartbeat  time.Duration // pace of heartbeat events; default 60 s
	CostEvery  time.Duration // pace of cost events; default 15 min
	Retain     time.Duration // how long ended sessions and passing events are kept; default 7 days
	ReapEvery  time.Duration // pace of the reaper; default 60 s; negative: it does not run by itself
	ReapGrace  time.Duration // age under which it lets machines be; default 5 min
	ReapOnly   []string      // providers it looks at by itself; nil: all
	ReapPrefix string        // of the names of machines that are its own beside those that carry the store's mark; empty: none
	Observe    bool          // this process acts on no session
	NamePrefix string        // of the names Atlas gives
	Owner      string        // word after it
}

// Wiring is what the service works with.
type Wiring struct {
	Open      func(context.Context) (store.Store, error) // opens the store at the first use
	Key       func() ([32]byte, error)                   // the secret that credentials are made from
	Compute   *compute.Service
	Directory *provider.Directory
	Names     func() []string // of the providers
	Bus       *events.Bus
	Clock     clock.Clock
	Random    io.Reader
	Settings  Settings
}

// How activities come to the store. One that is answered from memory alone is lost
// with the process, so that is done only while the store, or the log beside it,
// holds one of the same session that is at most trusted older: whoever adopts the
// session adds trusted to what it finds, and so never takes it for idle before its
// time. flushEvery brings what is in memory and log to the store.
const (
	trusted    = time.Second
	flushEvery = trusted / 2
)

// Service keeps sessions.
type Service struct {
	Wiring
	index     *index
	timers    *timers
	polls     *polls
	reaper    *reaper
	notes     notes
	beats     beats
	adoptions adoptions
	unsure    bool // a claim may have been carried out and its answer lost; of takeOver alone
	bills     bills
	tally     tally
	lanes     *lanes
	known     sync.Map // providers noted for the reaper
	accounts  sync.Map // pairs of credentials known to show one account

	work  sync.WaitGroup
	until context.Context // ends when the service stops acting
	end   context.CancelFunc

	starting sync.Mutex
	attempt  *attempt // that is under way; nil: none is. Guarded by starting, as is closed
	node     *node    // set once it runs, under starting; read through running
	store    store.Store
	log      store.TouchLog // nil where the store has none
	started  chan struct{}  // closed then
	closed   bool
	adopted  chan struct{} // closed once everything that was there at the start is taken
	follow   sync.Mutex    // held while a stored topic's events are handed on
}

// New makes the service; it does nothing until Start or the first call.
func New(w Wiring) *Service {
	fill := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	fill(&w.Settings.Lease, 15*time.Second)
	fill(&w.Settings.Poll, 30*time.Second)
	fill(&w.Settings.Grace, 5*time.Second)
	fill(&w.Settings.Heartbeat, time.Minute)
	fill(&w.Settings.CostEvery, 15*time.Minute)
	fill(&w.Settings.Retain, 7*24*time.Hour)
	fill(&w.Settings.ReapEvery, time.Minute)
	fill(&w.Settings.ReapGrace, 5*time.Minute)
	s := &Service{Wiring: w, index: newIndex(), timers: newTimers(), lanes: newLanes(), started: make(chan struct{}), adopted: make(chan struct{})}
	s.polls, s.reaper = newPolls(s), newReaper(s)
	s.until, s.end = context.WithCancel(context.Background())
	return s
}

// loops are what the service does by itself. A process that only observes keeps its
// lease, by which it reads the store's clock, and hands on events.
func (s *Service) loops() []func() {
	if s.Settings.Observe {
		return []func(){s.keepLease, s.followTopics}
	}
	return []func(){s.keepLease, s.takeOver, s.runTimers, s.flushNotes, s.tellBeats, s.tellAdoptions, s.followTopics, s.askBills, s.polls.run, s.reaper.run, s.prune}
}

// acts refuses what a process that only observes must not do.
func (s *Service) acts(what string) error {
	if !s.Settings.Observe {
		return nil
	}
	return &spec.Error{Kind: spec.KindConflict, Message: "this client only observes the sessions of its store; it does not " + what, Hint: "open it without orchestrator.observe"}
}

// running tells whether the service has been started.
func (s *Service) running() bool {
	select {
	case <-s.started:
		return true
	default:
		return false
	}
}

// background runs a loop until the service stops. A defect in it ends that loop
// alone, and is told.
func (s *Service) background(loop func()) {
	safego.Go(&s.work, s.defect, loop)
}

// defect tells of one.
func (s *Service) defect(e *spec.Error) { s.tell("defect", map[string]any{"error": e}) }

// pause waits, and tells whether the service goes on.
func (s *Service) pause(d time.Duration) bool { return s.Clock.Wait(s.until, d) == nil }

// keepLease renews the lease three times a term. Where it was lost, the sessions
// of the old one are let go; those that nobody took come back with the next claim.
func (s *Service) keepLease() {
	for s.pause(s.node.ttl / 3) {
		ctx, cancel := context.WithTimeout(s.until, s.node.ttl)
		fresh, err := s.node.renew(ctx)
		cancel()
		if err == nil && fresh {
			s.letGo()
		}
	}
}

// letGo forgets the sessions held under an older lease, but for the spawns of this
// process.
func (s *Service) letGo() {
	lease, _ := s.node.current()
	for _, t := range s.index.all() {
		row, _ := t.state()
		switch {
		case row.Fence == lease.Fence || row.Fence == 0:
		case t.ownSpawn():
			t.doubt()
			s.later(t, 0)
		default:
			s.drop(t)
		}
	}
}

// drop forgets a session that is another's now, or over.
func (s *Service) drop(t *tracked) {
	t.mu.Lock()
	t.gone = true
	computeID := t.row.ComputeID
	t.mu.Unlock()
	t.live.Store(false)
	s.timers.set(t, 0)
	s.index.remove(t, computeID)
	if place := t.slot.Swap(0); place != 0 {
		s.log.Free(place)
	}
}

// unknown is the error of a store that did not answer.
func unknown(err error) error {
	if c, ok := err.(interface{ AsError() *spec.Error }); ok {
		return c.AsError()
	}
	return spec.AsError(err)
}
