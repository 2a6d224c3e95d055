package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/fly/apps"
	"github.com/exatlas/atlas/core/fly/deploy"
	"github.com/exatlas/atlas/core/fly/logs"
	"github.com/exatlas/atlas/core/fly/tokens"
	"github.com/exatlas/atlas/core/spec"
)

// FlyTokens is core/fly/tokens' service.
type FlyTokens interface {
	Get(context.Context, *tokens.AppParams) (*tokens.FlyToken, error)
	Refresh(context.Context, *tokens.AppParams) (*tokens.FlyToken, error)
	Invalidate(context.Context, *tokens.InvalidateParams) (*tokens.FlyTokenInvalidated, error)
	SetManual(context.Context, *tokens.ManualParams) (*tokens.FlyTokenManual, error)
}

// FlyLogs is core/fly/logs' service.
type FlyLogs interface {
	Fetch(context.Context, *logs.FetchParams) (*logs.FlyLogs, error)
	Subscribe(ctx context.Context, p *logs.SubscribeParams, ready func(*events.Subscription)) (*events.Subscription, error)
}

// FlyDeploys is core/fly/deploy's service.
type FlyDeploys interface {
	Run(context.Context, *deploy.Params) (*deploy.FlyDeploy, error)
	Stream(ctx context.Context, p *deploy.Params, ready func(*events.Subscription)) (*events.Subscription, error)
}

func addFly(t *Table, s *Services) {
	add(t, "fly.apps.discover", Doc{
		Summary: "Finds the Fly apps of a folder by fly.toml, fly.json and fly.yaml.",
		Text: "Of one folder the first of these files counts, as flyctl has it. Hidden and vendored folders (node_modules, vendor, deps, _build, target and their like) are left out, links are followed inside the folder, each folder once. " +
			"A file that cannot be parsed or names no app is reported in broken, beside those that can.",
		Errors: []spec.Kind{spec.KindNotFound, spec.KindForbidden},
		Params: `{"path":"/srv/shop","max_depth":2}`,
		Result: `{"items":[{"name":"shop-api","directory":"/srv/shop/api","file":"/srv/shop/api/fly.toml","primary_region":"ord"}],"broken":[]}`,
	}, apps.Discover)
	addFlyTokens(t, s)
	addFlyLogs(t, s)
	addFlyDeploys(t, s)
}

func addFlyTokens(t *Table, s *Services) {
	const token = `{"app":"my-api","token":"fm2_lJPE…","header":"FlyV1 fm2_lJPE…","source":"cli","cached":false,"expires_at":"2026-06-02T12:00:00Z"}`
	add(t, "fly.tokens.get", Doc{
		Summary: "Answers a token for an app of Fly's, and where it came from.",
		Text: "The layers, in order: one set by hand, memory, the store, FLY_ACCESS_TOKEN or FLY_API_TOKEN by flyctl's rules, flyctl's config.yml, and one that flyctl makes, which is short-lived and kept encrypted in the store. " +
			"Calls for one app share one search. A manual token that Fly refused is passed over, never dropped, and warnings say so.",
		Errors: cloudKinds(spec.KindConflict),
		Params: `{"app":"my-api"}`,
		Result: token,
	}, func(ctx context.Context, p *tokens.AppParams) (*tokens.FlyToken, error) {
		return s.FlyTokens.Get(ctx, p)
	})
	add(t, "fly.tokens.refresh", Doc{
		Summary: "Finds a token for an app anew, past memory and store.",
		Text:    "A manual token stays the answer until it is removed or refused.",
		Errors:  cloudKinds(spec.KindConflict),
		Params:  `{"app":"my-api"}`,
		Result:  token,
	}, func(ctx context.Context, p *tokens.AppParams) (*tokens.FlyToken, error) {
		return s.FlyTokens.Refresh(ctx, p)
	})
	add(t, "fly.tokens.invalidate", Doc{
		Summary: "Says that Fly refused a token: every layer that holds it lets go of it.",
		Text:    "Memory and store forget it. A variable, config.yml or a manual setting that goes on saying it is passed over for ten minutes. fly.logs does this by itself on a 401.",
		Errors:  []spec.Kind{},
		Params:  `{"app":"my-api"}`,
		Result:  `{"app":"my-api","dropped":["store"]}`,
	}, func(ctx context.Context, p *tokens.InvalidateParams) (*tokens.FlyTokenInvalidated, error) {
		return s.FlyTokens.Invalidate(ctx, p)
	})
	add(t, "fly.tokens.set_manual", Doc{
		Summary: "Sets a token for an app by hand, or removes it.",
		Text:    "It comes before every other. It is encrypted in the store when this answers; where that fails nothing has changed.",
		Errors:  []spec.Kind{},
		Params:  `{"app":"my-api","token":"FlyV1 fm2_lJPE…"}`,
		Result:  `{"app":"my-api","set":true,"expires_at":"2026-07-01T00:00:00Z"}`,
	}, func(ctx context.Context, p *tokens.ManualParams) (*tokens.FlyTokenManual, error) {
		return s.FlyTokens.SetManual(ctx, p)
	})
}

func addFlyLogs(t *Table, s *Services) {
	add(t, "fly.logs.fetch", Doc{
		Summary: "Reads one page of an app's log.",
		Text:    "Without next_token it answers the newest lines of the last day, 100 at the most. Fly keeps logs for about seven days.",
		Errors:  cloudKinds(spec.KindNotFound, spec.KindConflict),
		Params:  `{"app":"my-api","region":"ord"}`,
		Result:  `{"items":[{"app":"my-api","timestamp":"2026-06-04T21:25:05.000Z","message":"hello","level":"info","region":"ord","instance":"148e2901f03dd8","source":"app","cursor":"1780608305000000000"}],"next_token":"1780608305000000000"}`,
	}, func(ctx context.Context, p *logs.FetchParams) (*logs.FlyLogs, error) { return s.FlyLogs.Fetch(ctx, p) })
	add(t, "fly.logs.subscribe", Doc{
		Summary: "Hands out an app's log lines as events while they are written.",
		Text: `Each line is an event "line" whose data is a line of fly.logs.fetch; its cursor resumes behind it. However many subscribe, each app is read once. Lines that arrive late come late, and every line comes once. ` +
			`A subscription that is read too slowly loses lines, and an event "dropped" tells how many. "stalled" says that Fly does not answer, "resumed" that it does again. ` +
			`The last event is "error" with data {"final":true,"error":{…}}: the app is gone, a second token was refused, or nothing was read for ten minutes.`,
		Errors: []spec.Kind{},
		Params: `{"app":"my-api","recent":true}`,
		Result: `{"subscription":"sub-1","topic":"fly.logs:my-api","next_seq":1}`,
	}, func(ctx context.Context, p *logs.SubscribeParams) (*Subscribed, error) {
		sub, err := s.FlyLogs.Subscribe(ctx, p, s.Ready)
		if err != nil {
			return nil, err
		}
		return subscribed(sub), nil
	})
	add(t, "fly.logs.unsubscribe", Doc{
		Summary: "Ends a subscription to a log; the last one's end stops the reading of the app.",
		Text:    "events.unsubscribe does the same.",
		Errors:  []spec.Kind{},
		Params:  `{"subscription":"sub-1"}`,
		Result:  `{"ended":true}`,
	}, func(_ context.Context, p *UnsubscribeParams) (*Unsubscribed, error) {
		return &Unsubscribed{Ended: s.Bus.Unsubscribe(p.Subscription)}, nil
	})
}

func addFlyDeploys(t *Table, s *Services) {
	add(t, "fly.deploy.run", Doc{
		Summary: "Runs fly deploy and answers when it is over.",
		Text: "The exit code alone tells success. A deploy that fails, says nothing for idle_timeout_ms, takes longer than timeout_ms or is cancelled is an error whose details hold the result with the last lines; flyctl and all it started have ended by then. " +
			"A token set by hand or in the environment goes to flyctl in its environment; otherwise it uses its own login. " +
			"With a ticket others follow it meanwhile: fly.deploy.stream says how.",
		Errors: []spec.Kind{spec.KindNotFound, spec.KindForbidden, spec.KindUnauthorized, spec.KindProvider, spec.KindConflict},
		Params: `{"path":"/srv/shop/api","strategy":"rolling"}`,
		Result: `{"app":"shop-api","directory":"/srv/shop/api","exit_code":0,"outcome":"succeeded","duration_ms":61250,"lines":84,"tail":[{"text":"Visit your newly deployed app at https://shop-api.fly.dev/"}],"image":"registry.fly.io/shop-api:deployment-01","url":"https://shop-api.fly.dev/","token_from":"config"}`,
	}, func(ctx context.Context, p *deploy.Params) (*deploy.FlyDeploy, error) {
		return s.FlyDeploys.Run(ctx, p)
	})
	add(t, "fly.deploy.stream", Doc{
		Summary: "Runs fly deploy and tells what happens as events.",
		Text: `"started" comes first; every line is an event "line" (data FlyDeployLine), and one that looks like progress is followed by "phase" with data {"phase":…,"text":…}: verify, build, built, push, pushed, image, release, create, update, machine, dns, done. ` +
			`The last event is "result" with data {"final":true,"deploy":{…}} or "error" with data {"final":true,"error":{…}}. A slow reader slows the deploy. Unsubscribing cancels it. ` +
			`Any number of others follow with events.subscribe on the topic fly.deploy:<ticket>: before the start, while it runs and for an hour after its end (the latest 32 deploys, of each 1000 events or 1 MiB). They do not slow it, and lose lines and phases where they are slow, which "dropped" counts; the last event never drops. Leaving ends nothing then.`,
		Errors: []spec.Kind{spec.KindNotFound, spec.KindForbidden, spec.KindConflict},
		Params: `{"path":"/srv/shop/api","ticket":"release-42"}`,
		Result: `{"subscription":"sub-1","topic":"fly.deploy:release-42","next_seq":1}`,
	}, func(ctx context.Context, p *deploy.Params) (*Subscribed, error) {
		sub, err := s.FlyDeploys.Stream(ctx, p, s.Ready)
		if err != nil {
			return nil, err
		}
		return subscribed(sub), nil
	})
}
