package atlas

import (
	"context"

	"github.com/exatlas/atlas/core/orchestrator"
)

// The params and results of sessions; docs/methods.md describes each.
type (
	SessionSpawnParams = orchestrator.SpawnParams
	SessionParams      = orchestrator.SessionParams
	SessionListParams  = orchestrator.ListParams
	SessionStopParams  = orchestrator.StopParams
	TouchParams        = orchestrator.TouchParams
	Touched            = orchestrator.Touched
	Session            = orchestrator.Session
	SessionList        = orchestrator.SessionList
	ReapParams         = orchestrator.ReapParams
	ReapReport         = orchestrator.ReapReport
	ShutdownParams     = orchestrator.ShutdownParams
	Shutdown           = orchestrator.Shutdown
)

// OrchestratorService keeps sessions: machines that end by themselves.
type OrchestratorService struct{ c *Client }

// Spawn rents a machine as a session.
//
// Errors: capacity, funds, budget, unsupported, conflict, unauthorized, forbidden,
// rate_limited, provider, transport, plugin.
func (s *OrchestratorService) Spawn(ctx context.Context, p SessionSpawnParams) (*Session, error) {
	return call(s.c, ctx, "orchestrator.spawn", p, s.c.orchestrator.Spawn)
}

// Touch tells that sessions are in use.
//
// Errors: not_found, conflict.
func (s *OrchestratorService) Touch(ctx context.Context, p TouchParams) (*Touched, error) {
	return call(s.c, ctx, "orchestrator.touch", p, s.c.orchestrator.Touch)
}

// Get tells of one session.
//
// Errors: not_found, conflict.
func (s *OrchestratorService) Get(ctx context.Context, p SessionParams) (*Session, error) {
	return call(s.c, ctx, "orchestrator.get", p, s.c.orchestrator.Get)
}

// List lists the sessions of the store.
func (s *OrchestratorService) List(ctx context.Context, p SessionListParams) (*SessionList, error) {
	return call(s.c, ctx, "orchestrator.list", p, s.c.orchestrator.List)
}

// Stop ends a session and gives its machine back.
//
// Errors: not_found, conflict.
func (s *OrchestratorService) Stop(ctx context.Context, p SessionStopParams) (*Session, error) {
	return call(s.c, ctx, "orchestrator.stop", p, s.c.orchestrator.Stop)
}

// Reap gives machines back that no session holds.
//
// Errors: unauthorized, forbidden, rate_limited, provider, transport, plugin.
func (s *OrchestratorService) Reap(ctx context.Context, p ReapParams) (*ReapReport, error) {
	return call(s.c, ctx, "orchestrator.reap", p, s.c.orchestrator.Reap)
}

// Shutdown does what on_exit says, and tells which sessions are left.
func (s *OrchestratorService) Shutdown(ctx context.Context, p ShutdownParams) (*Shutdown, error) {
	return call(s.c, ctx, "orchestrator.shutdown", p, s.c.orchestrator.Shutdown)
}
