package atlas

import (
	"context"
	"sync"

	"github.com/exatlas/atlas/core/dispatch"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/dashboard"
)

// The params and results of the dashboard; docs/methods.md describes each.
type (
	DashboardParams  = dispatch.DashboardParams
	DashboardServed  = dispatch.DashboardServed
	DashboardOptions = dashboard.Options
	DashboardAccess  = dashboard.Access
	DashboardTokens  = dashboard.Tokens
)

// What a visitor of the dashboard may do.
const (
	DashboardNone    = dashboard.None
	DashboardView    = dashboard.View
	DashboardOperate = dashboard.Operate
)

// DashboardService serves a web page of the sessions.
type DashboardService struct{ c *Client }

// Serve begins to serve the page at an address of its own.
//
// Errors: conflict.
func (s *DashboardService) Serve(ctx context.Context, p DashboardParams) (*DashboardServed, error) {
	return call(s.c, ctx, "dashboard.serve", p, s.c.page.Serve)
}

// Close ends it, and reports whether there was one.
func (s *DashboardService) Close(ctx context.Context) (bool, error) {
	closed, err := call(s.c, ctx, "dashboard.close", dispatch.None{}, s.c.page.Close)
	return err == nil && closed.Closed, err
}

// Handler makes the page for a web server of the program's own. Mount it behind
// http.StripPrefix at a path that ends with a slash, and close it before the
// client. Options.Access decides who may see it and who may act.
func (s *DashboardService) Handler(o DashboardOptions) *dashboard.Handler {
	return dashboard.New(source{s.c}, o)
}

// servedPage is the page that dashboard.serve serves; there is one a client.
type servedPage struct {
	c *Client

	mu     sync.Mutex
	server *dashboard.Server
	closed bool
}

// Serve is dashboard.serve.
func (s *servedPage) Serve(ctx context.Context, p *dispatch.DashboardParams) (*dispatch.DashboardServed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"}
	}
	if s.server != nil {
		return nil, &spec.Error{Kind: spec.KindConflict, Message: "the page is served already, at " + s.server.Listen, Hint: "dashboard.close ends it"}
	}
	server, err := dashboard.Serve(ctx, source{s.c}, dashboard.Place{Listen: p.Listen, Public: p.Public, Actions: p.Actions})
	if err != nil {
		return nil, err
	}
	s.server = server
	return &dispatch.DashboardServed{Listen: server.Listen, URL: server.URL, OperatorURL: server.OperatorURL}, nil
}

// Close is dashboard.close.
func (s *servedPage) Close(context.Context, *dispatch.None) (*dispatch.DashboardClosed, error) {
	s.mu.Lock()
	server := s.server
	s.server = nil
	s.mu.Unlock()
	if server == nil {
		return &dispatch.DashboardClosed{}, nil
	}
	return &dispatch.DashboardClosed{Closed: true}, server.Close()
}

// release ends the page for good.
func (s *servedPage) release() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	_, _ = s.Close(context.Background(), nil)
}

// source is the client as the dashboard knows it. Its calls go through the
// dispatcher, so that they end with the client.
type source struct{ c *Client }

func (s source) Sessions(ctx context.Context, p SessionListParams) (*SessionList, error) {
	return s.c.Orchestrator.List(ctx, p)
}

func (s source) Session(ctx context.Context, p SessionParams) (*Session, error) {
	return s.c.Orchestrator.Get(ctx, p)
}

func (s source) Touch(ctx context.Context, p TouchParams) (*Touched, error) {
	return s.c.Orchestrator.Touch(ctx, p)
}

func (s source) End(ctx context.Context, p SessionStopParams) (*Session, error) {
	return s.c.Orchestrator.Stop(ctx, p)
}

func (s source) StopMachine(ctx context.Context, p IDParams) (*Compute, error) {
	return s.c.Compute.Stop(ctx, p)
}

func (s source) StartMachine(ctx context.Context, p IDParams) (*Compute, error) {
	return s.c.Compute.Start(ctx, p)
}

func (s source) Events(ctx context.Context, topic string, from int64) (dashboard.Stream, error) {
	return s.c.Events.Subscribe(ctx, SubscribeParams{Topic: topic, From: from})
}
