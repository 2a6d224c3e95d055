package dispatch

import (
	"context"
	"io"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/jobs"
	"github.com/exatlas/atlas/core/offers"
	"github.com/exatlas/atlas/core/spec"
)

// Services is what the methods work with. The root package fills it in; the
// generator of the documentation needs none of it.
type Services struct {
	Version string
	ABI     int
	Clock   clock.Clock
	Random  io.Reader
	Names   func() []string         // names of the providers
	Unused  func() []string         // sections of the configuration for providers that are none of these
	Live    func() map[string]int64 // gauges
	Metrics func() *Metrics

	Providers Providers
	Compute   Compute
	Offers    Offers
	Jobs      Jobs
	Catalog   *catalog.Catalog
	Bus       *events.Bus
	Ready     func(*events.Subscription) // puts a subscription into the queue

	Orchestrator Orchestrator
	Dashboard    Dashboard

	FlyTokens  FlyTokens
	FlyLogs    FlyLogs
	FlyDeploys FlyDeploys

	// Subscribe subscribes to a topic: of the bus, or of the store.
	Subscribe func(ctx context.Context, topic string, from uint64, ready func(*events.Subscription)) (*events.Subscription, error)
}

// Providers manages plugins: the root package implements it on the host.
type Providers interface {
	List(ctx context.Context) ([]ProviderInfo, error)
	Capabilities(ctx context.Context, provider string) (*Capabilities, error)
	Load(ctx context.Context, path, sha256 string) (*ProviderInfo, error)
	Reload(ctx context.Context, provider string) (*ProviderInfo, error)
}

// Compute is core/compute's service.
type Compute interface {
	Spawn(context.Context, *compute.SpawnParams) (*compute.Spawned, error)
	Get(context.Context, *compute.IDParams) (*spec.Compute, error)
	Stop(context.Context, *compute.IDParams) (*spec.Compute, error)
	Start(context.Context, *compute.IDParams) (*spec.Compute, error)
	Terminate(context.Context, *compute.IDParams) (*compute.Terminated, error)
	List(context.Context, *compute.ListParams) (*spec.ComputeList, error)
	AwaitReady(context.Context, *compute.AwaitParams) (*spec.Compute, error)
	Bill(context.Context, *compute.BillParams) (*spec.Bill, error)
	Logs(context.Context, *compute.LogsParams) (*spec.LogsPage, error)
	GPUs(context.Context, *compute.GPUsParams) (*spec.GPUTypeList, error)
}

// Offers is core/offers' service.
type Offers interface {
	Search(context.Context, *offers.Params) (*offers.OfferResults, error)
}

// Jobs is core/jobs' service.
type Jobs interface {
	Run(context.Context, *jobs.RunParams) (*spec.Job, error)
	Get(context.Context, *jobs.JobParams) (*spec.Job, error)
	Cancel(context.Context, *jobs.JobParams) (*spec.Job, error)
	Stream(ctx context.Context, p *jobs.StreamParams, ready func(*events.Subscription)) (*events.Subscription, error)
}

// Methods builds the table of all methods: the one visible list.
func Methods(s *Services) *Table {
	t := newTable()
	addAtlas(t, s)
	addMetrics(t, s)
	addProviders(t, s)
	addCompute(t, s)
	addGPUs(t, s)
	addOffers(t, s)
	addJobs(t, s)
	addOrchestrator(t, s)
	addDashboard(t, s)
	addAuth(t, s)
	addEvents(t, s)
	addFly(t, s)
	return t
}
