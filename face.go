package atlas

import (
	"context"

	"github.com/exatlas/atlas/core/auth"
	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/dispatch"
	"github.com/exatlas/atlas/core/jobs"
	"github.com/exatlas/atlas/core/offers"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// The params and results of the methods; docs/methods.md describes each.
type (
	Target               = provider.Target
	Targets              = provider.Targets
	HTTP                 = spec.HTTP
	Offer                = spec.Offer
	OffersParams         = offers.Params
	OfferResults         = offers.OfferResults
	SpawnParams          = compute.SpawnParams
	Spawned              = compute.Spawned
	SpawnAttempt         = compute.Attempt
	Terminated           = compute.Terminated
	IDParams             = compute.IDParams
	ListParams           = compute.ListParams
	AwaitParams          = compute.AwaitParams
	Probe                = compute.Probe
	LogsParams           = compute.LogsParams
	GPUsParams           = compute.GPUsParams
	RunParams            = jobs.RunParams
	JobPolicy            = jobs.Policy
	JobParams            = jobs.JobParams
	StreamParams         = jobs.StreamParams
	MintedToken          = auth.Token
	SignParams           = dispatch.SignParams
	SignedURL            = dispatch.SignedURL
	VerifyURLParams      = dispatch.VerifyURLParams
	URLValidity          = dispatch.URLValidity
	VerifyTokenParams    = dispatch.VerifyTokenParams
	TokenValidity        = dispatch.Valid
	ProviderInfo         = dispatch.ProviderInfo
	GPUCatalog           = dispatch.GPUCatalog
	SubscribeParams      = dispatch.SubscribeParams
	Compute              = spec.Compute
	ComputeList          = spec.ComputeList
	Port                 = spec.Port
	PortRequest          = spec.PortRequest
	CPURequest           = spec.CPU
	LogsPage             = spec.LogsPage
	Bill                 = spec.Bill
	BillParams           = compute.BillParams
	GPUTypeList          = spec.GPUTypeList
	Job                  = spec.Job
	Error                = spec.Error
	Kind                 = spec.Kind
	Raw                  = spec.Raw
	Secret               = spec.Secret
	ProviderCapabilities = dispatch.Capabilities
	ComputeAuth          = spec.Auth
	SSHAccess            = spec.SSH
	GPUType              = spec.GPUType
	LogLine              = spec.LogLine
	Info                 = dispatch.Info
)

// The schemes of a machine's credential, and the modes of a job.
const (
	AuthNone      = compute.SchemeNone
	AuthBearer    = compute.SchemeBearer
	AuthSignedURL = compute.SchemeSignedURL
	ModeAsync     = jobs.ModeAsync
	ModeSync      = jobs.ModeSync
	TimeoutCancel = jobs.TimeoutCancel
	TimeoutKeep   = jobs.TimeoutKeep
)

// The kinds of errors. docs/methods.md tells what a caller can do about each.
const (
	KindUnauthorized = spec.KindUnauthorized
	KindForbidden    = spec.KindForbidden
	KindNotFound     = spec.KindNotFound
	KindRateLimited  = spec.KindRateLimited
	KindTimeout      = spec.KindTimeout
	KindUnsupported  = spec.KindUnsupported
	KindValidation   = spec.KindValidation
	KindProvider     = spec.KindProvider
	KindTransport    = spec.KindTransport
	KindUnknown      = spec.KindUnknown
	KindCapacity     = spec.KindCapacity
	KindConflict     = spec.KindConflict
	KindFunds        = spec.KindFunds
	KindBudget       = spec.KindBudget
	KindCancelled    = spec.KindCancelled
	KindPlugin       = spec.KindPlugin
	KindInternal     = spec.KindInternal
)

// NewSecret wraps a credential: it prints as [redacted] everywhere.
func NewSecret(text string) Secret { return spec.NewSecret(text) }

// KindOf returns the kind of an error of Atlas, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	return spec.AsError(err).Kind
}

// ComputeService rents machines, watches them and gives them back.
type ComputeService struct{ c *Client }

// JobsService runs serverless jobs.
type JobsService struct{ c *Client }

// OfferService finds machines that can be rented now.
type OfferService struct{ c *Client }

// GPUService tells what there is to rent.
type GPUService struct{ c *Client }

// ProviderService manages provider plugins.
type ProviderService struct{ c *Client }

// face makes the typed services.
func (c *Client) face() {
	c.Compute, c.Jobs, c.GPUs = &ComputeService{c}, &JobsService{c}, &GPUService{c}
	c.Offers = &OfferService{c}
	c.Orchestrator, c.Dashboard = &OrchestratorService{c}, &DashboardService{c}
	c.Fly = newFlyService(c)
	c.Auth = &AuthService{Token: &AuthTokenService{c}, URL: &AuthURLService{c}}
	c.Providers, c.Events = &ProviderService{c}, &EventService{c}
}

// call runs a method with the rules of every call: refused once the client is
// closed, cancelled with it, a panic becomes an error.
func call[P, R any](c *Client, ctx context.Context, name string, params P, do func(context.Context, *P) (*R, error)) (*R, error) {
	var result *R
	err := c.dispatcher.Do(ctx, name, &params, func(ctx context.Context) error {
		var err error
		result, err = do(ctx, &params)
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// Info tells the versions, the providers and what is alive in the client.
func (c *Client) Info() *Info { return c.services.Info() }

// Spawn rents one machine. Its Attempts tell what was tried.
//
// Errors: capacity, funds, budget, unsupported, unauthorized, forbidden,
// rate_limited, provider, transport, plugin.
func (s *ComputeService) Spawn(ctx context.Context, p SpawnParams) (*Spawned, error) {
	return call(s.c, ctx, "compute.spawn", p, s.c.compute.Spawn)
}

// Get tells the state of a machine.
//
// Errors: not_found, unauthorized, forbidden, rate_limited, provider, transport,
// plugin.
func (s *ComputeService) Get(ctx context.Context, p IDParams) (*Compute, error) {
	return call(s.c, ctx, "compute.get", p, s.c.compute.Get)
}

// List lists the account's machines.
//
// Errors: unauthorized, forbidden, rate_limited, provider, transport, plugin.
func (s *ComputeService) List(ctx context.Context, p ListParams) (*ComputeList, error) {
	return call(s.c, ctx, "compute.list", p, s.c.compute.List)
}

// Stop pauses a machine.
//
// Errors: not_found, conflict, unsupported, unauthorized, forbidden, rate_limited,
// provider, transport, plugin.
func (s *ComputeService) Stop(ctx context.Context, p IDParams) (*Compute, error) {
	return call(s.c, ctx, "compute.stop", p, s.c.compute.Stop)
}

// Start resumes a stopped machine.
//
// Errors: not_found, conflict, capacity, funds, unsupported, unauthorized,
// forbidden, rate_limited, provider, transport, plugin.
func (s *ComputeService) Start(ctx context.Context, p IDParams) (*Compute, error) {
	return call(s.c, ctx, "compute.start", p, s.c.compute.Start)
}

// Terminate gives a machine back. One that is not there is success, with Found
// false.
//
// Errors: conflict, unauthorized, forbidden, rate_limited, provider, transport,
// plugin.
func (s *ComputeService) Terminate(ctx context.Context, p IDParams) (*Terminated, error) {
	return call(s.c, ctx, "compute.terminate", p, s.c.compute.Terminate)
}

// AwaitReady waits until a machine runs, its ports are known and its probe is
// answered.
//
// Errors: not_found, conflict, unauthorized, forbidden, rate_limited, provider,
// transport, plugin.
func (s *ComputeService) AwaitReady(ctx context.Context, p AwaitParams) (*Compute, error) {
	return call(s.c, ctx, "compute.await_ready", p, s.c.compute.AwaitReady)
}

// Logs reads a machine's log.
//
// Errors: not_found, unsupported, unauthorized, forbidden, rate_limited, provider,
// transport, plugin.
func (s *ComputeService) Logs(ctx context.Context, p LogsParams) (*LogsPage, error) {
	return call(s.c, ctx, "compute.logs", p, s.c.compute.Logs)
}

// Bill tells what the cloud has charged for a machine.
//
// Errors: unsupported, unauthorized, forbidden, rate_limited, provider, transport,
// plugin.
func (s *ComputeService) Bill(ctx context.Context, p BillParams) (*Bill, error) {
	return call(s.c, ctx, "compute.bill", p, s.c.compute.Bill)
}

// Catalog lists the canonical GPU names.
func (s *GPUService) Catalog() *GPUCatalog { return &GPUCatalog{Items: s.c.services.Catalog.Entries()} }

// List lists what a cloud offers now.
//
// Errors: unsupported, unauthorized, forbidden, rate_limited, provider, transport,
// plugin.
func (s *GPUService) List(ctx context.Context, p GPUsParams) (*GPUTypeList, error) {
	return call(s.c, ctx, "gpus.list", p, s.c.compute.GPUs)
}

// Search finds what can be rented now, cheapest first.
//
// Errors: unsupported, unauthorized, forbidden, rate_limited, provider, transport,
// plugin.
func (s *OfferService) Search(ctx context.Context, p OffersParams) (*OfferResults, error) {
	return call(s.c, ctx, "offers.search", p, s.c.offers.Search)
}

// Run submits a job and, in mode sync, waits for its end.
//
// Errors: not_found, unsupported, unauthorized, forbidden, rate_limited, provider,
// transport, plugin.
func (s *JobsService) Run(ctx context.Context, p RunParams) (*Job, error) {
	return call(s.c, ctx, "jobs.run", p, s.c.jobs.Run)
}

// Get tells the state of a job.
//
// Errors: not_found, unsupported, unauthorized, forbidden, rate_limited, provider,
// transport, plugin.
func (s *JobsService) Get(ctx context.Context, p JobParams) (*Job, error) {
	return call(s.c, ctx, "jobs.get", p, s.c.jobs.Get)
}

// Cancel cancels a job.
//
// Errors: not_found, conflict, unsupported, unauthorized, forbidden, rate_limited,
// provider, transport, plugin.
func (s *JobsService) Cancel(ctx context.Context, p JobParams) (*Job, error) {
	return call(s.c, ctx, "jobs.cancel", p, s.c.jobs.Cancel)
}

// List lists the providers. Those whose plugins do not load are listed with their
// errors.
func (s *ProviderService) List(ctx context.Context) ([]ProviderInfo, error) {
	list, err := call(s.c, ctx, "providers.list", dispatch.None{}, func(ctx context.Context, _ *dispatch.None) (*dispatch.ProviderList, error) {
		items, err := s.c.services.Providers.List(ctx)
		return &dispatch.ProviderList{Items: items}, err
	})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// Capabilities tells the features of a provider.
//
// Errors: plugin.
func (s *ProviderService) Capabilities(ctx context.Context, name string) (*ProviderCapabilities, error) {
	return call(s.c, ctx, "providers.capabilities", dispatch.ProviderParams{Provider: name}, func(ctx context.Context, p *dispatch.ProviderParams) (*ProviderCapabilities, error) {
		return s.c.services.Providers.Capabilities(ctx, p.Provider)
	})
}

// Load loads a plugin from a file; sha256, in hex, may be empty.
//
// Errors: plugin, not_found, conflict.
func (s *ProviderService) Load(ctx context.Context, path, sha256 string) (*ProviderInfo, error) {
	return call(s.c, ctx, "providers.load", dispatch.LoadParams{Path: path, SHA256: sha256}, func(ctx context.Context, p *dispatch.LoadParams) (*ProviderInfo, error) {
		return s.c.services.Providers.Load(ctx, p.Path, p.SHA256)
	})
}

// Reload reads a provider's plugin file again.
//
// Errors: plugin, not_found.
func (s *ProviderService) Reload(ctx context.Context, name string) (*ProviderInfo, error) {
	return call(s.c, ctx, "providers.reload", dispatch.ProviderParams{Provider: name}, func(ctx context.Context, p *dispatch.ProviderParams) (*ProviderInfo, error) {
		return s.c.services.Providers.Reload(ctx, p.Provider)
	})
}
