package atlas

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/dispatch"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/jobs"
	"github.com/exatlas/atlas/core/metrics"
	"github.com/exatlas/atlas/core/offers"
	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host"
	"github.com/exatlas/atlas/host/egress"
	"github.com/exatlas/atlas/internal/safego"
	"github.com/exatlas/atlas/plugins/builtin"
)

// open wires a client: this is the one visible list of what it is made of.
func open(settings Settings, env Environment) (*Client, *spec.Error) {
	if err := settings.check(); err != nil {
		return nil, err
	}
	c := &Client{env: env, requests: metrics.NewRequests(), bus: events.NewBus(clock.System{}, events.Settings{Pending: settings.Limits.Queue})}
	c.until, c.stop = context.WithCancel(context.Background())
	ready := make(chan struct{}) // what watches the plugin folder starts before the rest is there
	wired := sync.OnceFunc(func() { close(ready) })
	defer wired()
	h, err := host.New(host.Options{
		Builtin:   builtins(),
		Dir:       settings.Plugins.Dir,
		CacheDir:  cacheDir(settings.Plugins.CacheDir),
		Providers: operatorSettings(settings),
		Egress:    egress.Options{UserAgent: userAgent, Observer: c.observer},
		Log:       c.logged,
		Changed: func(change host.Change) {
			<-ready
			c.changed(change)
		},
	})
	if err != nil {
		c.bus.Close()
		return nil, spec.AsError(err)
	}
	c.host = h
	c.dispatcher = dispatch.New(dispatch.Limits{Calls: settings.Limits.Calls, RequestBytes: settings.Limits.RequestBytes})
	c.directory = provider.NewDirectory(h, provider.Settings{Default: settings.DefaultProvider, Keys: keys(settings), Accounts: accounts(settings), HTTP: sending(settings), Getenv: env.Getenv})
	c.prober = newProber(settings)
	gpus := catalog.New()
	c.offers = offers.New(h, c.directory, gpus, clock.System{})
	v := &vault{settings: settings.Store, getenv: env.Getenv}
	c.orchestrator = orchestrator.New(orchestrator.Wiring{
		Open:      v.open,
		Key:       v.key,
		Directory: c.directory,
		Names:     c.directory.Names,
		Bus:       c.bus,
		Clock:     clock.System{},
		Random:    rand.Reader,
		Settings:  orchestration(&settings),
	})
	c.compute = compute.New(compute.Wiring{
		Backend:   h,
		Directory: c.directory,
		Catalog:   gpus,
		Offers:    c.offers,
		Events:    c.orchestrator,
		Acting:    c.acting,
		Prober:    c.prober,
		Clock:     clock.System{},
		Random:    rand.Reader,
		Settings:  renting(&settings.Compute),
	})
	c.orchestrator.Compute = c.compute
	c.jobs = jobs.New(jobs.Wiring{Backend: h, Directory: c.directory, Bus: c.bus, Clock: clock.System{}, Jitter: mathrand.Float64})
	fault := settings.checkNames(h.Names())
	if fault == nil {
		c.fly, fault = newFlyPlatform(c, &settings.Fly, v, env)
	}
	if fault != nil {
		wired() // the host waits for what watches the folder, and that for this
		_ = h.Close(c.until)
		c.prober.close()
		c.bus.Close()
		return nil, fault
	}
	c.serve(&settings, gpus)
	c.resume(&settings)
	return c, nil
}

// serve offers what has been wired: as methods, and as the services of Go.
func (c *Client) serve(settings *Settings, gpus *catalog.Catalog) {
	c.page = &servedPage{c: c}
	c.services = &dispatch.Services{
		Version:   Version,
		ABI:       ABI,
		Clock:     clock.System{},
		Random:    rand.Reader,
		Names:     c.host.Names,
		Unused:    func() []string { return settings.unused(c.host.Names()) },
		Live:      c.live,
		Metrics:   c.Metrics,
		Providers: &plugins{host: c.host, directory: c.directory},
		Compute:   c.compute,
		Offers:    c.offers,
		Jobs:      c.jobs,
		Catalog:   gpus,
		Bus:       c.bus,
		Ready:     func(s *events.Subscription) { c.dispatcher.Ready(s) },

		Orchestrator: c.orchestrator,
		Subscribe:    c.subscribeTo,
		Dashboard:    c.page,
		FlyTokens:    c.fly.tokens,
		FlyLogs:      c.fly.logs,
		FlyDeploys:   c.fly.deploy,
	}
	c.dispatcher.Serve(dispatch.Methods(c.services))
	c.face()
}

const userAgent = "atlas/" + Version

func builtins() []host.Plugin {
	modules := builtin.List()
	out := make([]host.Plugin, len(modules))
	for i, m := range modules {
		out[i] = host.Plugin{Name: m.Name, SHA256: m.SHA256, Open: m.Open, Label: m.Label}
	}
	return out
}

func operatorSettings(s Settings) map[string]host.ProviderOptions {
	out := make(map[string]host.ProviderOptions, len(s.Providers))
	for name, p := range s.Providers {
		out[name] = host.ProviderOptions{BaseURL: p.BaseURL, URLs: p.URLs, Hosts: p.Hosts, SHA256: p.SHA256, Config: p.Config}
	}
	return out
}

func keys(s Settings) map[string]spec.Secret {
	out := make(map[string]spec.Secret, len(s.Providers))
	for name, p := range s.Providers {
		out[name] = p.APIKey
	}
	return out
}

// accounts gathers the further accounts of all providers.
func accounts(s Settings) map[string]spec.Secret {
	out := map[string]spec.Secret{}
	for name, p := range s.Providers {
		for account, key := range p.Accounts {
			out[name+":"+account] = key
		}
	}
	return out
}

// sending tells how requests to each provider are sent.
func sending(s Settings) map[string]spec.HTTP {
	out := make(map[string]spec.HTTP, len(s.Providers))
	for name, p := range s.Providers {
		out[name] = p.HTTP
	}
	return out
}

// cacheDir is where compiled plugins are kept; without a cache folder of the
// user's they are kept in memory alone.
func cacheDir(configured string) string {
	if configured != "" {
		return configured
	}
	folder, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(folder, "exatlas")
}

// renting turns the configuration into the settings of compute.
func renting(s *ComputeSettings) compute.Settings {
	return compute.Settings{NamePrefix: namePrefix(*s), Owner: s.Owner, Settle: time.Duration(s.SettleMS) * time.Millisecond}
}

func namePrefix(s ComputeSettings) string {
	if s.NamePrefix == nil {
		return "atlas-"
	}
	return *s.NamePrefix
}

// TopicProviders is where changes of the plugin folder are told.
const TopicProviders = "providers"

// changed tells of a plugin that came, changed, went or was refused.
func (c *Client) changed(change host.Change) {
	if change.What != host.ChangeRefused {
		c.directory.Forget(change.Provider)
	}
	data, err := json.Marshal(struct {
		Provider string      `json:"provider"`
		Path     string      `json:"path"`
		Version  string      `json:"version,omitempty"`
		SHA256   string      `json:"sha256,omitempty"`
		Error    *spec.Error `json:"error,omitempty"`
	}{change.Provider, change.Path, change.Info.Version, change.Info.SHA256, change.Err})
	if err == nil {
		_ = c.bus.Publish(context.Background(), TopicProviders, events.Lifecycle, change.What, data) // a closed bus has no reader
	}
}

// live gathers the gauges of atlas.info.
func (c *Client) live() map[string]int64 {
	live := map[string]int64{}
	if c.env.Gauges != nil {
		for name, value := range c.env.Gauges() {
			live[name] = value
		}
	}
	stats := c.host.Stats()
	live["instances"] = int64(stats.Instances)
	live["parked"] = int64(stats.Parked)
	live["sandbox_bytes"] = stats.Memory
	live["calls"] = int64(c.dispatcher.Live())
	live["sessions"] = int64(c.orchestrator.Tracked())
	live["fly_streams"] = int64(c.fly.logs.Streams())
	live["fly_deploys"] = int64(c.fly.deploy.Running())
	live["subscriptions"] = int64(c.bus.Live())
	live["goroutines"] = int64(runtime.NumGoroutine())
	return live
}

// release closes everything, what is used after those who use it, and reports whether
// all of it ended before ctx did.
func (c *Client) release(ctx context.Context) bool {
	c.stop()
	c.page.release()
	ended := c.dispatcher.Close(ctx) // the calls use all that follows
	c.background.Wait()
	ended = together(ctx, c.fly.close, c.orchestrator.Close, c.jobs.Close) && ended
	ended = c.compute.Close(ctx) && ended
	c.bus.Close()
	ended = c.host.Close(ctx) == nil && ended
	c.prober.close()
	c.dispatcher.EndQueue()
	return ended
}

// together closes what knows nothing of each other: each has all the time there is. A
// deploy that takes its time keeps no machine from being given back.
func together(ctx context.Context, parts ...func(context.Context) bool) bool {
	var work sync.WaitGroup
	var left atomic.Bool
	for _, part := range parts {
		safego.Go(&work, func(*spec.Error) { left.Store(true) }, func() {
			if !part(ctx) {
				left.Store(true)
			}
		})
	}
	work.Wait()
	return !left.Load()
}
