package compute

import (
	"context"
	"errors"
	"time"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// Get tells the state of one machine.
func (s *Service) Get(ctx context.Context, p *IDParams) (*spec.Compute, error) {
	a, err := s.Directory.At(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	return s.get(ctx, &a, p.ID, p.IncludeRaw)
}

func (s *Service) get(ctx context.Context, a *provider.Account, id string, raw bool) (*spec.Compute, error) {
	c, err := provider.Do[spec.Compute](ctx, s.Backend, *a, spec.OpGet, &spec.IDRequest{ID: id}, raw)
	if err != nil {
		return nil, err
	}
	if c.ID == "" {
		return nil, nothing(a, spec.OpGet)
	}
	s.normalize(a, c, raw)
	return c, nil
}

// Stop pauses a machine.
func (s *Service) Stop(ctx context.Context, p *IDParams) (*spec.Compute, error) {
	return s.act(ctx, p, spec.OpStop, spec.StatusStopped)
}

// Start resumes a machine.
func (s *Service) Start(ctx context.Context, p *IDParams) (*spec.Compute, error) {
	return s.act(ctx, p, spec.OpStart, spec.StatusProvisioning)
}

// act carries out stop and start. fallback is the state to tell where the cloud
// tells none.
func (s *Service) act(ctx context.Context, p *IDParams, operation string, fallback spec.Status) (*spec.Compute, error) {
	a, err := s.Directory.At(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	if err := a.Need(spec.CapStopStart, "machines that stop and start", ""); err != nil {
		return nil, err
	}
	if err := s.acting(ctx, &a, p.ID, operation); err != nil {
		return nil, err
	}
	c, err := provider.Do[spec.Compute](ctx, s.Backend, a, operation, &spec.IDRequest{ID: p.ID}, p.IncludeRaw)
	if err != nil {
		s.failed(ctx, &a, p.ID, operation, spec.AsError(err))
		return nil, err
	}
	s.complete(&a, c, p, fallback)
	return c, nil
}

func (s *Service) acting(ctx context.Context, a *provider.Account, id, operation string) error {
	if s.Acting == nil {
		return nil
	}
	return s.Acting(ctx, a.Provider, id, operation, false)
}

// failed tells of an act that failed, where it is certain that nothing came of it.
func (s *Service) failed(ctx context.Context, a *provider.Account, id, operation string, e *spec.Error) {
	certain := !e.UnknownOutcome && (!e.Retryable || e.Kind == spec.KindRateLimited || e.Kind == spec.KindConflict)
	if s.Acting != nil && certain {
		_ = s.Acting(context.WithoutCancel(ctx), a.Provider, id, operation, true) // nothing is left to be kept from being sent
	}
}

// Terminate gives a machine back. One that is not there is given back already,
// and its answer says that it was not found.
func (s *Service) Terminate(ctx context.Context, p *IDParams) (*Terminated, error) {
	a, err := s.Directory.At(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	if err := s.acting(ctx, &a, p.ID, spec.OpTerminate); err != nil {
		return nil, err
	}
	c, known, err := s.end(ctx, &a, p)
	if err != nil {
		s.failed(ctx, &a, p.ID, spec.OpTerminate, spec.AsError(err))
		return nil, err
	}
	return &Terminated{Compute: *c, Found: known}, nil
}

// End is Terminate with the client's own credential for who must know whether the
// cloud knew of the machine: known is false where there was none, which a cloud
// may say of a machine that is too new to show.
func (s *Service) End(ctx context.Context, p *IDParams) (known bool, err error) {
	a, err := s.Directory.Find(ctx, p.Provider, spec.Secret{})
	if err != nil {
		return false, err
	}
	_, known, err = s.end(ctx, &a, p)
	return known, err
}

func (s *Service) end(ctx context.Context, a *provider.Account, p *IDParams) (c *spec.Compute, known bool, err error) {
	c, err = s.terminate(ctx, a, p.ID, p.IncludeRaw)
	if err != nil {
		return nil, false, err
	}
	known = found(c)
	s.young.drop(a.Provider, p.ID)
	s.complete(a, c, p, spec.StatusTerminated)
	return c, known, nil
}

func (s *Service) terminate(ctx context.Context, a *provider.Account, id string, raw bool) (*spec.Compute, error) {
	c, err := provider.Do[spec.Compute](ctx, s.Backend, *a, spec.OpTerminate, &spec.IDRequest{ID: id}, raw)
	if err != nil && spec.AsError(err).Kind == spec.KindNotFound {
		return &spec.Compute{ID: id, Status: spec.StatusTerminated}, nil
	}
	return c, err
}

// found reports whether a cloud knew of a machine that it was to terminate, as
// it answers where it did not: sdk.Gone, without a word of the cloud's own.
func found(c *spec.Compute) bool { return c.Status != spec.StatusTerminated || c.NativeStatus != "" }

// complete fills in what a cloud does not tell after an action, and publishes
// the state.
func (s *Service) complete(a *provider.Account, c *spec.Compute, p *IDParams, fallback spec.Status) {
	if c.ID == "" {
		c.ID = p.ID
	}
	if c.Status == "" {
		c.Status = fallback
	}
	s.normalize(a, c, p.IncludeRaw)
	s.publishStatus(c)
}

// Logs reads a machine's log.
func (s *Service) Logs(ctx context.Context, p *LogsParams) (*spec.LogsPage, error) {
	a, err := s.Directory.At(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	if err := a.Need(spec.CapLogs, "logs of machines", ""); err != nil {
		return nil, err
	}
	tail := p.Tail
	if tail == 0 {
		tail = 100
	}
	page, err := provider.Do[spec.LogsPage](ctx, s.Backend, a, spec.OpGetLogs,
		&spec.LogsRequest{ID: p.ID, Cursor: p.Cursor, Tail: tail, Source: p.Source, Since: p.Since, WaitMS: p.WaitMS}, false)
	if err != nil {
		return nil, err
	}
	if page.Lines == nil {
		page.Lines = []spec.LogLine{}
	}
	return page, nil
}

// Bill tells what the cloud has charged for a machine.
func (s *Service) Bill(ctx context.Context, p *BillParams) (*spec.Bill, error) {
	a, err := s.Directory.At(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	if err := a.Need(spec.CapBilling, "bills of machines", ""); err != nil {
		return nil, err
	}
	return provider.Do[spec.Bill](ctx, s.Backend, a, spec.OpGetBill, &spec.BillRequest{ID: p.ID, From: p.From, To: s.Clock.Now().UTC().Format(time.RFC3339)}, false)
}

// Bills reports whether a provider tells what a machine has cost.
func (s *Service) Bills(ctx context.Context, name string) bool {
	a, err := s.Directory.Find(ctx, name, spec.Secret{})
	return err == nil && a.Need(spec.CapBilling, "", "") == nil
}

// GPUs lists what a cloud offers.
func (s *Service) GPUs(ctx context.Context, p *GPUsParams) (*spec.GPUTypeList, error) {
	a, err := s.Directory.At(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	request := &spec.GPUTypesRequest{GPUCount: max(p.GPUCount, 1), CloudType: p.CloudType}
	if request.CloudType == spec.CloudAny {
		request.CloudType = ""
	}
	list, err := provider.Do[spec.GPUTypeList](ctx, s.Backend, a, spec.OpListGPUTypes, request, p.IncludeRaw)
	if err != nil {
		return nil, err
	}
	if list.Items == nil {
		list.Items = []spec.GPUType{}
	}
	for i := range list.Items {
		g := &list.Items[i]
		g.Provider = a.Provider
		g.Canonical = s.Catalog.Canonical(a.Manifest, g.ID)
		if g.MemoryGB == 0 && g.Canonical != "" {
			g.MemoryGB = s.Catalog.MemoryGB(a.Manifest, g.Canonical)
		}
		if g.Stock == "" {
			g.Stock = spec.StockUnknown
		}
		if !p.IncludeRaw {
			g.Raw = nil
		}
	}
	return list, nil
}

// normalize makes a guest's answer Atlas's own: the provider's name, the
// canonical GPU, a known state, no raw answer that was not asked for.
func (s *Service) normalize(a *provider.Account, c *spec.Compute, raw bool) {
	c.Provider = a.Provider
	if c.GPUNative == "" {
		c.GPUNative = c.GPUType
	}
	if c.GPUNative != "" {
		if c.GPUType = s.Catalog.Canonical(a.Manifest, c.GPUNative); c.GPUType == "" {
			c.GPUType = c.GPUNative
		}
	}
	switch c.Status {
	case spec.StatusProvisioning, spec.StatusRunning, spec.StatusStopped, spec.StatusTerminated, spec.StatusFailed:
	default:
		c.Status = spec.StatusProvisioning
	}
	if c.Ports == nil {
		c.Ports = []spec.Port{}
	}
	c.Auth = nil
	if !raw {
		c.Raw = nil
	}
}

// nothing is the error of an answer without a machine in it.
func nothing(a *provider.Account, operation string) *spec.Error {
	return &spec.Error{Kind: spec.KindPlugin, Provider: a.Provider, Operation: operation, Message: "the plugin answered no machine",
		Hint: "report it to the plugin's author", UnknownOutcome: provider.Mutates(operation)}
}

// ended returns the error of a context that is over, or nil.
func ended(ctx context.Context) *spec.Error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &spec.Error{Kind: spec.KindTimeout, Message: "the call's deadline passed", Retryable: true}
	}
	return &spec.Error{Kind: spec.KindCancelled, Message: "cancelled"}
}

// retryAfter is the wait a cloud asked for, or fallback where it said nothing.
func retryAfter(e *spec.Error, fallback time.Duration) time.Duration {
	if e.RetryAfterMS > 0 {
		return time.Duration(e.RetryAfterMS) * time.Millisecond
	}
	return fallback
}
