package fly

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/sim/flycli"
)

// measured is any event of the topic telemetry.
type measured struct {
	name string
	text string

	Provider, Operation, Method, Path, App, Source, Acquirer, Outcome, Error, Ticket string
	Status, Count, Attempt                                                           int
	ExitCode                                                                         int     `json:"exit_code"`
	Lines                                                                            int     `json:"lines"`
	DurationMS                                                                       float64 `json:"duration_ms"`
}

// heard takes what telemetry has told so far.
func heard(t *testing.T, sub *atlas.Subscription) []measured {
	t.Helper()
	var all []measured
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // everything is published before a call answers
	for {
		e, err := sub.Next(ctx)
		if err != nil {
			return all
		}
		m := measured{name: e.Name, text: e.Name + " " + string(e.Data)}
		if err := json.Unmarshal(e.Data, &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
}

// The seed told of token acquisitions, of reading logs and of the end of deploys;
// here telemetry was the requests of providers alone.
func TestTelemetry_TellsOfTokensLogsAndDeploys(t *testing.T) {
	folder := place(t)
	cloud := start(t, `{"logs":[{"app":"my-api","lines":[{"message":"secret text","age_ms":1000},{"message":"more","age_ms":500}]}]}`)
	client := open(t, folder, cloud, "FLY_API_TOKEN=FlyV1 "+canary+"environment", flycli.EnvScenario+"=echo")
	ctx := t.Context()
	if _, err := client.Fly.Tokens.Get(ctx, atlas.FlyTokenParams{App: "quiet"}); err != nil { // nobody listens yet
		t.Fatal(err)
	}
	sub, err := client.Events.Subscribe(ctx, atlas.SubscribeParams{Topic: "telemetry", From: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	one := func(list []measured, name string) (out measured) {
		t.Helper()
		n := 0
		for _, m := range list {
			if m.name == name {
				out, n = m, n+1
			}
		}
		if n != 1 || out.DurationMS < 0 {
			t.Errorf("%d of %s among %+v", n, name, list)
		}
		return out
	}
	var all strings.Builder
	told := func() []measured {
		list := heard(t, sub)
		for _, m := range list {
			all.WriteString(m.text + "\n")
		}
		return list
	}

	if _, err := client.Fly.Logs.Fetch(ctx, atlas.FlyLogsParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	list := told()
	if m := one(list, "fly.token.acquire"); m.App != "my-api" || m.Source != "environment" || m.Acquirer != "search" || m.Outcome != "found" {
		t.Error(m.text)
	}
	if m := one(list, "fly.logs.fetch"); m.App != "my-api" || m.Status != 200 || m.Count != 2 || m.Error != "" || m.DurationMS <= 0 {
		t.Error(m.text)
	}
	if m := one(list, "request"); m.Provider != "fly" || m.Operation != "get_logs" || m.Method != "GET" || m.Path != "/api/v1/apps/my-api/logs" || m.Status != 200 || m.Attempt != 1 || m.DurationMS <= 0 {
		t.Error(m.text)
	}
	if _, err := client.Fly.Tokens.Get(ctx, atlas.FlyTokenParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	if m := one(told(), "fly.token.acquire"); m.Acquirer != "memory" || m.Source != "environment" {
		t.Error(m.text)
	}
	if _, err := client.Fly.Logs.Fetch(ctx, atlas.FlyLogsParams{App: "nowhere"}); spec.AsError(err).Kind != spec.KindNotFound {
		t.Fatal(err)
	}
	if m := one(told(), "fly.logs.fetch"); m.App != "nowhere" || m.Status != 404 || m.Count != 0 || m.Error != "not_found" {
		t.Error(m.text)
	}

	out, err := client.Fly.Deploy.Run(ctx, atlas.FlyDeployParams{Path: folder, Ticket: "release-42"})
	if err != nil {
		t.Fatal(err)
	}
	list = told()
	if m := one(list, "fly.deploy.exit"); m.App != "my-api" || m.Ticket != "release-42" || m.Outcome != "succeeded" || m.ExitCode != 0 || m.Lines != int(out.Lines) || m.Lines == 0 || m.DurationMS <= 0 {
		t.Error(m.text)
	}
	if m := one(list, "fly.token.acquire"); m.Acquirer != "deploy" || m.Source != "environment" {
		t.Error(m.text)
	}
	// Once Fly refuses the token, flyctl makes one for the app's organization.
	if _, err := client.Fly.Tokens.Invalidate(ctx, atlas.FlyTokenInvalidateParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Fly.Tokens.Get(ctx, atlas.FlyTokenParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	list = told()
	if m := one(list, "request"); m.Operation != "get_app" || m.Path != "/v1/apps/my-api" {
		t.Error(m.text)
	}
	if m := one(list, "fly.token.acquire"); m.Source != "cli" || m.Acquirer != "search" {
		t.Error(m.text)
	}
	for _, never := range []string{"canary", "secret text", "Verifying", "token is", "quiet"} {
		if strings.Contains(all.String(), never) {
			t.Errorf("telemetry tells %q: %s", never, all.String())
		}
	}
}

func TestTelemetry_TellsOfWhatFails(t *testing.T) {
	folder := place(t)
	client := open(t, folder, start(t, `{}`), flycli.EnvScenario+"=nologin,fail")
	sub, err := client.Events.Subscribe(t.Context(), atlas.SubscribeParams{Topic: "telemetry"})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	_, _ = client.Fly.Tokens.Get(t.Context(), atlas.FlyTokenParams{App: "my-api"})
	_, _ = client.Fly.Deploy.Run(t.Context(), atlas.FlyDeployParams{Path: folder})
	var all string
	for _, m := range heard(t, sub) {
		all += m.text + "\n"
	}
	for _, part := range []string{
		`fly.token.acquire {"app":"my-api","acquirer":"search","outcome":"failed","error":"unauthorized",`,
		`fly.token.acquire {"app":"my-api","source":"config","acquirer":"deploy","outcome":"found",`,
		`fly.deploy.exit {"app":"my-api","outcome":"failed","exit_code":1,"lines":`,
		`"error":"provider"`,
	} {
		if !strings.Contains(all, part) {
			t.Errorf("no %s in %s", part, all)
		}
	}
}
