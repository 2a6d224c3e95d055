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

// FlyService does Fly's platform operations: apps, tokens, logs and deploys.
type FlyService struct{ c *Client }

// DiscoverApps finds the apps of a folder.
func (s *FlyService) DiscoverApps(ctx context.Context, p FlyAppsParams) (*FlyApps, error) {
	return call(s.c, ctx, "fly.apps.discover", p, apps.Discover)
}

// Token answers a token for an app.
func (s *FlyService) Token(ctx context.Context, p FlyTokenParams) (*FlyToken, error) {
	return call(s.c, ctx, "fly.tokens.get", p, s.c.fly.tokens.Get)
}

// RefreshToken finds a token anew.
func (s *FlyService) RefreshToken(ctx context.Context, p FlyTokenParams) (*FlyToken, error) {
	return call(s.c, ctx, "fly.tokens.refresh", p, s.c.fly.tokens.Refresh)
}

// InvalidateToken says that Fly refused a token.
func (s *FlyService) InvalidateToken(ctx context.Context, p FlyTokenInvalidateParams) (*FlyTokenInvalidated, error) {
	return call(s.c, ctx, "fly.tokens.invalidate", p, s.c.fly.tokens.Invalidate)
}

// SetManualToken sets or removes a token by hand.
func (s *FlyService) SetManualToken(ctx context.Context, p FlyTokenManualParams) (*FlyTokenManual, error) {
	return call(s.c, ctx, "fly.tokens.set_manual", p, s.c.fly.tokens.SetManual)
}

// Logs answers one page of an app's log.
func (s *FlyService) Logs(ctx context.Context, p FlyLogsParams) (*FlyLogs, error) {
	return call(s.c, ctx, "fly.logs.fetch", p, s.c.fly.logs.Fetch)
}

// FollowLogs hands out an app's lines as they are written: events named line,
// whose data is a [FlyLogLine].
func (s *FlyService) FollowLogs(ctx context.Context, p FlyLogsSubscribeParams) (*Subscription, error) {
	return s.c.subscribe(ctx, "fly.logs.subscribe", &p, func(ctx context.Context, ready func(*events.Subscription)) (*events.Subscription, error) {
		return s.c.fly.logs.Subscribe(ctx, &p, ready)
	})
}

// Deploy deploys and answers when it is over.
func (s *FlyService) Deploy(ctx context.Context, p FlyDeployParams) (*FlyDeploy, error) {
	return call(s.c, ctx, "fly.deploy.run", p, s.c.fly.deploy.Run)
}

// DeployStream deploys and tells what happens as events; closing the subscription
// cancels the deploy.
func (s *FlyService) DeployStream(ctx context.Context, p FlyDeployParams) (*Subscription, error) {
	return s.c.subscribe(ctx, "fly.deploy.stream", &p, func(ctx context.Context, ready func(*events.Subscription)) (*events.Subscription, error) {
		return s.c.fly.deploy.Stream(ctx, &p, ready)
	})
}
