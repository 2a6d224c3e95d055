package atlas

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/fly/deploy"
	"github.com/exatlas/atlas/core/fly/flyctl"
	"github.com/exatlas/atlas/core/fly/logs"
	"github.com/exatlas/atlas/core/fly/tokens"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/host/egress"
	"github.com/exatlas/atlas/internal/safego"
)

// FlySettings are the settings of Fly's platform operations. Those of renting
// machines there are providers.fly.
type FlySettings struct {
	APIURL        string `json:"api_url" doc:"Address of the API that serves logs. Absent: https://api.fly.io. Others are allowed on fly.io and on this machine alone, because the token is sent there."`
	MachinesURL   string `json:"machines_url" doc:"Address of the Machines API, which is asked for an app's organization. Absent: https://api.machines.dev."`
	CLI           string `json:"cli" doc:"Path of flyctl. Absent: flyctl or fly on PATH, or where its installer puts it."`
	NoCLITokens   bool   `json:"no_cli_tokens" doc:"flyctl makes no tokens; it still deploys."`
	TokenScope    string `json:"token_scope" enum:"auto,readonly,deploy" default:"auto" doc:"Of the tokens that flyctl makes: readonly reads the app's organization, deploy manages the app alone. auto is readonly where the organization is found."`
	TokenExpiryMS int64  `json:"token_expiry_ms" min:"60000" max:"31536000000" default:"86400000" doc:"Lifetime of the tokens that flyctl makes, ms."`
	Org           string `json:"org" maxlen:"100" doc:"Organization of the apps. Absent: asked for."`
	LogOverlapMS  int64  `json:"log_overlap_ms" min:"100" max:"3600000" default:"5000" doc:"How late a log line may come and still be found, ms."`
}

func (s *FlySettings) check() *spec.Error {
	for field, text := range map[string]string{"api_url": s.APIURL, "machines_url": s.MachinesURL} {
		if text == "" {
			continue
		}
		if e := address("config.fly."+field, text); e != nil {
			return e
		}
		u, err := url.Parse(text)
		if err != nil || !loopback(u) && (u.Scheme != "https" || !flyHost(u.Hostname())) {
			return &spec.Error{Kind: spec.KindValidation, Message: "config.fly." + field + ": neither a host of Fly's nor this machine", Hint: "the token would be sent there; leave it out, or give a loopback address such as http://127.0.0.1:8080"}
		}
	}
	return nil
}

func loopback(u *url.URL) bool {
	at, err := netip.ParseAddr(u.Hostname())
	return err == nil && at.IsLoopback() || u.Hostname() == "localhost"
}

func flyHost(name string) bool {
	return strings.HasSuffix(name, ".fly.io") || strings.HasSuffix(name, ".machines.dev")
}

// flyPlatform is what Fly's platform operations are made of.
type flyPlatform struct {
	tokens *tokens.Service
	logs   *logs.Service
	deploy *deploy.Service
	client *egress.Client

	mu    sync.Mutex
	store store.Store // opened by the first token
}

// newFlyPlatform wires Fly's platform operations.
func newFlyPlatform(c *Client, s *FlySettings, v *vault, env Environment) (*flyPlatform, *spec.Error) {
	f := &flyPlatform{client: egress.New(egress.Options{UserAgent: userAgent, Attempts: 1, Timeout: 30 * time.Second, Observer: c.observer})}
	rules := egress.PolicySpec{Provider: "fly", Hosts: []string{"*.fly.io", "*.machines.dev"}, Credential: &spec.Credential{Scheme: "fly"}}
	for _, text := range []string{s.APIURL, s.MachinesURL} {
		if u, err := url.Parse(text); text != "" && err == nil && loopback(u) {
			rules.Operator = append(rules.Operator, text)
		}
	}
	policy, err := f.client.Policy(rules)
	if err != nil {
		f.client.Close()
		return nil, spec.AsError(err)
	}
	get := &flyGetter{client: f.client, policy: policy}
	program := flyctl.Program{Configured: s.CLI, Environ: env.variables(), Starting: env.Starting}
	machines := or(s.MachinesURL, "https://api.machines.dev")
	f.tokens = tokens.New(tokens.Wiring{
		Clock:   clock.System{},
		Random:  rand.Reader,
		Program: program,
		Open:    func(ctx context.Context) (tokens.Values, error) { return f.open(ctx, v) },
		Key:     v.key,
		Org: func(ctx context.Context, app string, token spec.Secret) (string, *spec.Error) {
			return get.organization(ctx, strings.TrimSuffix(machines, "/")+"/v1/apps/"+app, token)
		},
		Telemetry: c.telemetry,
		Settings:  tokens.Settings{NoCLI: s.NoCLITokens, Scope: s.TokenScope, Org: s.Org, Expiry: time.Duration(s.TokenExpiryMS) * time.Millisecond},
	})
	f.logs = logs.New(logs.Wiring{HTTP: get, Tokens: f.tokens, Bus: c.bus, Clock: clock.System{}, Jitter: mathrand.Float64, Telemetry: c.telemetry,
		Settings: logs.Settings{BaseURL: strings.TrimSuffix(or(s.APIURL, "https://api.fly.io"), "/"), Overlap: time.Duration(s.LogOverlapMS) * time.Millisecond}})
	f.deploy = deploy.New(deploy.Wiring{Program: program, Tokens: f.tokens, Bus: c.bus, Clock: clock.System{}, Telemetry: c.telemetry})
	return f, nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// open opens the store of tokens, once.
func (f *flyPlatform) open(ctx context.Context, v *vault) (tokens.Values, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store == nil {
		opened, err := v.open(ctx)
		if err != nil {
			return nil, err
		}
		f.store = opened
	}
	return f.store, nil
}

// close ends everything of Fly's and waits for it until ctx ends; a deploy may
// take some seconds to put its leases back, and does so in the background then.
func (f *flyPlatform) close(ctx context.Context) bool {
	done := make(chan struct{})
	safego.Go(nil, nil, func() {
		defer close(done)
		f.end()
	})
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *flyPlatform) end() {
	f.deploy.Close()
	f.logs.Close()
	f.tokens.Close()
	f.client.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store != nil {
		_ = f.store.Close() // every value was stored when it was put
	}
}

// flyGetter sends requests of core's own to Fly.
type flyGetter struct {
	client *egress.Client
	policy *egress.Policy
}

// Get is logs.Getter.
func (g *flyGetter) Get(ctx context.Context, url string, token spec.Secret) (*logs.Answer, *spec.Error) {
	return g.get(ctx, "get_logs", url, token)
}

func (g *flyGetter) get(ctx context.Context, operation, url string, token spec.Secret) (*logs.Answer, *spec.Error) {
	response, failure := g.client.Do(ctx, g.policy, token, &egress.Request{Operation: operation, Method: "GET", URL: url, Header: []egress.Header{{Name: "accept", Value: "application/json"}}})
	if failure != nil {
		return nil, failure.Error
	}
	return &logs.Answer{Status: response.Status, RetryAfter: response.RetryAfter, RequestID: response.Get("fly-request-id"), Body: response.Body}, nil
}

// organization asks for the slug of an app's organization.
func (g *flyGetter) organization(ctx context.Context, url string, token spec.Secret) (string, *spec.Error) {
	answer, err := g.get(ctx, "get_app", url, token)
	if err != nil {
		return "", err
	}
	if answer.Status != 200 {
		return "", &spec.Error{Kind: spec.KindOfStatus(answer.Status), Provider: "fly", Status: answer.Status, Message: "Fly does not tell the organization of the app",
			Retryable: answer.Status == 429 || answer.Status >= 500, RetryAfterMS: answer.RetryAfter.Milliseconds()}
	}
	return fastjson.GetString(answer.Body, "organization", "slug"), nil
}

// variables is the environment as flyctl gets it: all of it where the program
// hands it over, else what flyctl and builds are known to need.
func (e *Environment) variables() func() []string {
	if e.Environ != nil || e.Getenv == nil {
		return e.Environ
	}
	getenv := e.Getenv
	return func() []string {
		var list []string
		for _, name := range []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK",
			"DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
			"SSL_CERT_FILE", "SSL_CERT_DIR", "CI", "FLY_ACCESS_TOKEN", "FLY_API_TOKEN", "FLY_CONFIG_DIR", "FLYCTL_INSTALL", "FLY_ORG", "FLY_REGION", "FLY_API_BASE_URL", "FLY_FLAPS_BASE_URL"} {
			if value := getenv(name); value != "" {
				list = append(list, name+"="+value)
			}
		}
		return list
	}
}
