package atlas

import (
	"context"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/fly/apps"
	"github.com/exatlas/atlas/core/fly/deploy"
	"github.com/exatlas/atlas/core/fly/logs"
	"github.com/exatlas/atlas/core/fly/tokens"
)

// The params and results of Fly's platform operations; docs/methods.md describes
// each.
type (
	FlyAppsParams            = apps.Params
	FlyApp                   = apps.App
	FlyApps                  = apps.FlyApps
	FlyTokenParams           = tokens.AppParams
	FlyTokenInvalidateParams = tokens.InvalidateParams
	FlyTokenManualParams     = tokens.ManualParams
	FlyToken                 = tokens.FlyToken
	FlyTokenInvalidated      = tokens.FlyTokenInvalidated
	FlyTokenManual           = tokens.FlyTokenManual
	FlyLogsParams            = logs.FetchParams
	FlyLogsSubscribeParams   = logs.SubscribeParams
	FlyLogs                  = logs.FlyLogs
	FlyLogLine               = logs.Line
	FlyDeployParams          = deploy.Params
	FlyDeploy                = deploy.FlyDeploy
	FlyDeployLine            = deploy.FlyDeployLine
)

// FlyService does Fly's platform operations.
type FlyService struct {
	Apps   *FlyAppsService
	Tokens *FlyTokensService
	Logs   *FlyLogsService
	Deploy *FlyDeployService
}

// FlyAppsService finds the apps of folders.
type FlyAppsService struct{ c *Client }

// FlyTokensService keeps the tokens of apps.
type FlyTokensService struct{ c *Client }

// FlyLogsService reads the logs of apps.
type FlyLogsService struct{ c *Client }

// FlyDeployService deploys apps.
type FlyDeployService struct{ c *Client }

func newFlyService(c *Client) *FlyService {
	return &FlyService{Apps: &FlyAppsService{c}, Tokens: &FlyTokensService{c}, Logs: &FlyLogsService{c}, Deploy: &FlyDeployService{c}}
}

// Discover finds the apps of a folder.
//
// Errors: not_found, forbidden.
func (s *FlyAppsService) Discover(ctx context.Context, p FlyAppsParams) (*FlyApps, error) {
	return call(s.c, ctx, "fly.apps.discover", p, apps.Discover)
}

// Get answers a token for an app.
//
// Errors: conflict, unauthorized, forbidden, rate_limited, provider, transport,
// plugin.
func (s *FlyTokensService) Get(ctx context.Context, p FlyTokenParams) (*FlyToken, error) {
	return call(s.c, ctx, "fly.tokens.get", p, s.c.fly.tokens.Get)
}

// Refresh finds a token anew.
//
// Errors: conflict, unauthorized, forbidden, rate_limited, provider, transport,
// plugin.
func (s *FlyTokensService) Refresh(ctx context.Context, p FlyTokenParams) (*FlyToken, error) {
	return call(s.c, ctx, "fly.tokens.refresh", p, s.c.fly.tokens.Refresh)
}

// Invalidate says that Fly refused a token.
func (s *FlyTokensService) Invalidate(ctx context.Context, p FlyTokenInvalidateParams) (*FlyTokenInvalidated, error) {
	return call(s.c, ctx, "fly.tokens.invalidate", p, s.c.fly.tokens.Invalidate)
}

// SetManual sets or removes a token by hand.
func (s *FlyTokensService) SetManual(ctx context.Context, p FlyTokenManualParams) (*FlyTokenManual, error) {
	return call(s.c, ctx, "fly.tokens.set_manual", p, s.c.fly.tokens.SetManual)
}

// Fetch answers one page of an app's log.
//
// Errors: not_found, conflict, unauthorized, forbidden, rate_limited, provider,
// transport, plugin.
func (s *FlyLogsService) Fetch(ctx context.Context, p FlyLogsParams) (*FlyLogs, error) {
	return call(s.c, ctx, "fly.logs.fetch", p, s.c.fly.logs.Fetch)
}

// Subscribe hands out an app's lines as they are written: events named line,
// whose data is a [FlyLogLine].
func (s *FlyLogsService) Subscribe(ctx context.Context, p FlyLogsSubscribeParams) (*Subscription, error) {
	return s.c.subscribe(ctx, "fly.logs.subscribe", &p, func(ctx context.Context, ready func(*events.Subscription)) (*events.Subscription, error) {
		return s.c.fly.logs.Subscribe(ctx, &p, ready)
	})
}

// Run deploys and answers when it is over. With a ticket others follow it
// meanwhile, as they follow Stream.
//
// Errors: not_found, forbidden, unauthorized, provider, conflict.
func (s *FlyDeployService) Run(ctx context.Context, p FlyDeployParams) (*FlyDeploy, error) {
	return call(s.c, ctx, "fly.deploy.run", p, s.c.fly.deploy.Run)
}

// Stream deploys and tells what happens as events; closing the subscription
// cancels the deploy. Others follow it by its topic, with [EventService.Subscribe].
//
// Errors: not_found, forbidden, conflict.
func (s *FlyDeployService) Stream(ctx context.Context, p FlyDeployParams) (*Subscription, error) {
	return s.c.subscribe(ctx, "fly.deploy.stream", &p, func(ctx context.Context, ready func(*events.Subscription)) (*events.Subscription, error) {
		return s.c.fly.deploy.Stream(ctx, &p, ready)
	})
}
