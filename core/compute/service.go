package compute

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/offers"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// Settings of the service.
type Settings struct {
	NamePrefix string        // start of the names Atlas gives
	Owner      string        // word after it; may be empty
	Settle     time.Duration // how long a lost create is looked for; 0: what the provider's manifest says
}

// Publisher takes events; *events.Bus is one.
type Publisher interface {
	Publish(ctx context.Context, topic string, class events.Class, name string, data spec.Raw) error
}

// Prober asks the service inside a machine whether it answers.
type Prober interface {
	// Probe sends a GET to an http URL, or connects to a tcp one, and returns the
	// HTTP status (0 for tcp). The error says why there was no answer.
	Probe(ctx context.Context, provider, url string, token spec.Secret) (status int, err error)
}

// Acting is told of what a caller does to a machine, before it is sent, and where it
// was sent and failed for certain. An error of the first keeps it from being sent.
type Acting func(ctx context.Context, provider, id, operation string, failed bool) error

// Wiring is what the service works with.
type Wiring struct {
	Backend   provider.Backend
	Directory *provider.Directory
	Catalog   *catalog.Catalog
	Offers    *offers.Service
	Events    Publisher
	Acting    Acting // nil: nobody is told
	Prober    Prober
	Clock     clock.Clock
	Random    io.Reader
	Settings  Settings
}

// Service carries out the compute methods.
type Service struct {
	Wiring
	finder *finder
	young  *newborns

	// Background work: rescues give machines back that nobody knows of, sweeps
	// look for creates that were thought to have failed. Close ends sweeps at
	// once and rescues when it has waited long enough.
	work        sync.WaitGroup
	rescueUntil context.Context
	endRescues  context.CancelFunc
	sweepUntil  context.Context
	endSweeps   context.CancelFunc
}

// New makes the service.
func New(w Wiring) *Service {
	s := &Service{Wiring: w, young: newNewborns(w.Clock)}
	s.rescueUntil, s.endRescues = context.WithCancel(context.Background())
	s.sweepUntil, s.endSweeps = context.WithCancel(s.rescueUntil)
	s.finder = newFinder(s)
	return s
}

// Close waits for machines that are being given back, until ctx ends. It is
// called when no call is in flight any more, and reports whether all was done.
func (s *Service) Close(ctx context.Context) bool {
	s.endSweeps()
	stop := context.AfterFunc(ctx, s.endRescues)
	s.work.Wait() // background work ends with rescueUntil
	done := stop()
	s.endRescues()
	s.finder.wait()
	if s.Offers != nil {
		s.Offers.Close()
	}
	return done
}
