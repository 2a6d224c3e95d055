package atlas

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/dispatch"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/jobs"
	"github.com/exatlas/atlas/core/metrics"
	"github.com/exatlas/atlas/core/offers"
	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host"
)

// Environment is what a client takes from the process it lives in.
type Environment struct {
	Getenv func(string) string     // reads credentials, each variable once; nil: there is no environment
	Gauges func() map[string]int64 // further entries of atlas.info's live; may be nil

	// Environ lists all variables as name=value: flyctl gets them, and looks at
	// which are set and empty. Nil: those of Getenv that flyctl is known to need.
	Environ func() []string

	// Starting runs start, which starts a child process, with the signal mask that
	// the child is to inherit. Nil: that of the thread.
	Starting func(start func())
}

// closeTimeout is how long Close waits when told nothing.
const closeTimeout = 5 * time.Second

// Client rents machines. Any goroutine may use it at any time. Its services
// answer with errors of type *[Error].
type Client struct {
	Compute   *ComputeService
	Jobs      *JobsService
	GPUs      *GPUService
	Offers    *OfferService
	Auth      *AuthService
	Providers *ProviderService
	Events    *EventService

	Orchestrator *OrchestratorService
	Dashboard    *DashboardService
	Fly          *FlyService

	dispatcher *dispatch.Dispatcher
	services   *dispatch.Services
	host       *host.Host
	bus        *events.Bus
	directory  *provider.Directory
	compute    *compute.Service
	offers     *offers.Service
	jobs       *jobs.Service
	prober     *prober
	requests   *metrics.Requests
	env        Environment

	orchestrator *orchestrator.Service
	fly          *flyPlatform
	page         *servedPage
	resumes      bool            // it opens its store by itself
	until        context.Context // ends when the client is closed
	stop         context.CancelFunc
	background   sync.WaitGroup

	closing sync.Mutex
	closed  chan struct{} // closed when the first Close is over; nil before it
}

// OpenJSON opens a client with a configuration document. A nil config means {}.
func OpenJSON(config []byte, env Environment) (*Client, Outcome, []byte) {
	if len(config) > dispatch.DefaultRequestBytes {
		return nil, TooLarge, dispatch.Document(&spec.Error{Kind: spec.KindValidation, Message: "config: larger than 1 MiB"})
	}
	settings, err := DecodeSettings(config)
	if err != nil {
		return nil, Failed, dispatch.Document(err)
	}
	if settings.ABI != 0 && settings.ABI != ABI {
		return nil, BadABI, dispatch.Document(&spec.Error{Kind: spec.KindValidation,
			Message: "config.abi: the program was written for version " + strconv.Itoa(settings.ABI) + ", this library speaks " + strconv.Itoa(ABI)})
	}
	c, err := open(settings, env)
	if err != nil {
		return nil, Failed, dispatch.Document(err)
	}
	return c, OK, nil
}

// CallJSON carries out one request and waits for its answer. The request is only
// read, and not kept.
func (c *Client) CallJSON(request []byte) (Outcome, []byte) { return c.dispatcher.Call(request) }

// SubmitJSON starts one request and returns at once; the request is only read,
// and not kept. Where it answers OK, a completion will come out of NextJSON,
// exactly once.
func (c *Client) SubmitJSON(request []byte) (Outcome, []byte) { return c.dispatcher.Submit(request) }

// CancelID cancels the call in flight with that id.
func (c *Client) CancelID(id string) Outcome { return c.dispatcher.Cancel(id) }

// NextJSON takes the next completion or event. A timeout of 0 does not wait, a
// negative one waits until something comes.
func (c *Client) NextJSON(timeout time.Duration) (Outcome, []byte) { return c.dispatcher.Next(timeout) }

// PutBackJSON gives back an item of NextJSON that could not be handed on. The next
// call of NextJSON gets it.
func (c *Client) PutBackJSON(item []byte) { c.dispatcher.PutBack(item) }

// NotifyQueue tells f whether the queue holds something: at once, and at each
// change. f must be quick and must not use the client.
func (c *Client) NotifyQueue(f func(nonEmpty bool)) { c.dispatcher.NotifyQueue(f) }

// Close cancels the calls in flight, waits for them at most timeout (negative: 5
// seconds), gives back machines that nobody knows of, and releases what the
// client holds. It answers Timeout when something was still ending, which it
// does in the background. Closing twice is allowed: the second waits for the
// first, at most its own timeout.
func (c *Client) Close(timeout time.Duration) Outcome {
	if timeout < 0 {
		timeout = closeTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c.closing.Lock()
	over := c.closed
	first := over == nil
	if first {
		over = make(chan struct{})
		c.closed = over
	}
	c.closing.Unlock()
	if first {
		defer close(over)
		if !c.release(ctx) {
			return Timeout
		}
		return OK
	}
	select { // what is over is over, though no time was given
	case <-over:
		return OK
	default:
	}
	select {
	case <-over:
		return OK
	case <-ctx.Done():
		return Timeout
	}
}
