package runpod

import (
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// Options are the settings of a simulated RunPod. The delays are virtual time.
type Options struct {
	simkit.Options
	ProvisionMS  int64   `json:"provision_ms,omitempty"`                // PROVISIONING lasts this long
	BootMS       int64   `json:"boot_ms,omitempty"`                     // then STARTING lasts this long
	Births       []Birth `json:"births,omitempty"`                      // what happens to new pods by themselves
	HostGPUsGone bool    `json:"host_gpus_gone,omitempty"`              // a stopped pod cannot start again
	Unpaged      bool    `json:"unpaged,omitempty"`                     // lists as before 2026-09: whole, without a pagination block
	EdgeCheck    bool    `json:"edge_check,omitempty"`                  // refuse stock HTTP libraries by User-Agent, as the edge does
	VolumePrice  float64 `json:"volume_usd_gb_hr,omitempty"`            // of a pod's persistent volume; double while stopped
	PublicIPNone bool    `json:"no_public_ip,omitempty"`                // TCP ports never get a public address
	StreamArray  bool    `json:"stream_array,omitempty"`                // /stream answers a bare array, as the documentation shows
	JobDelayMS   int64   `json:"job_delay_ms,omitempty"`                // a job waits this long in the queue
	JobRunMS     int64   `json:"job_run_ms,omitempty"`                  // and runs this long, unless its input says
	JobLimits    bool    `json:"job_limits,omitempty"`                  // the published limits per endpoint and 10 s
	JobPrice     float64 `json:"job_usd_per_hour,omitempty"`            // of a worker while it runs a job; default 1.1
	StreamHoldMS int64   `json:"stream_hold_ms,omitempty" sim:"signed"` // how long an empty /stream is held
	StrictJobs   bool    `json:"endpoints_must_exist,omitempty"`        // jobs go to endpoints made through /v2/serverless only
}

// Birth does something to pods as they are made: to the Nth, or to each
// Every-th. Do is an action of Cloud.Do.
type Birth struct {
	Nth   int    `json:"nth,omitempty"`
	Every int    `json:"every,omitempty"`
	Do    string `json:"do"`
}

// Cloud is a simulated RunPod.
type Cloud struct {
	*simkit.Kit
	o         Options
	shapes    shapes
	gpus      []gpuType
	cpus      []cpuType
	centers   []center
	official  []*template
	billing   map[string]*billingView
	parsers   fastjson.ParserPool
	buffers   simkit.Buffers
	jobLimits map[string]*simkit.Limiter

	mu        sync.RWMutex
	seq       int64
	births    int
	pods      map[string]*pod
	tenants   map[*simkit.Account]*tenant
	endpoints map[string]*endpoint // of all accounts
	jobs      *simkit.Jobs
}

// tenant is what one account owns. Slices are in order of creation.
type tenant struct {
	account    *simkit.Account
	pods       []*pod
	dead       int // pods of the slice that are gone
	volumes    []*volume
	templates  []*template
	registries []*registry
	endpoints  []*endpoint
	sshKeys    []string
}

// Windows are the published rate limits of the management API per user.
func Windows() []simkit.Window {
	return []simkit.Window{{Name: "minute", Quota: 60, Seconds: 60}, {Name: "hour", Quota: 3000, Seconds: 3600}, {Name: "day", Quota: 50000, Seconds: 86400}}
}

// Start serves a simulated RunPod on a loopback socket.
func Start(o Options) (*simkit.Server, error) {
	if err := simkit.CheckSettings("runpod", o); err != nil {
		return nil, err
	}
	kit, err := simkit.New(o.Options, Windows())
	if err != nil {
		return nil, err
	}
	c := &Cloud{Kit: kit, o: o, shapes: newShapes(), gpus: gpuTypes(), cpus: cpuTypes(), centers: centers(), official: catalogTemplates(), billing: billingViews(), jobLimits: newJobLimits(o.JobLimits)}
	if c.o.JobPrice == 0 {
		c.o.JobPrice = 1.1
	}
	for _, b := range o.Births {
		if err := checkAction(b.Do); err != nil {
			return nil, err
		}
	}
	c.Reset()
	return simkit.Start(kit, c)
}

// Reset forgets everything.
func (c *Cloud) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq, c.births = 0, 0
	c.pods, c.tenants = map[string]*pod{}, map[*simkit.Account]*tenant{}
	c.endpoints = map[string]*endpoint{}
	c.jobs = &simkit.Jobs{Meter: c.Meter, Price: c.o.JobPrice}
}

// tenant returns what an account owns. The caller holds the write lock, or the
// read lock when the tenant is known to exist.
func (c *Cloud) tenant(a *simkit.Account) *tenant {
	t := c.tenants[a]
	if t == nil {
		t = &tenant{account: a}
		c.tenants[a] = t
	}
	return t
}

// Serve answers one request.
func (c *Cloud) Serve(ctx *fasthttp.RequestCtx) {
	path := string(ctx.Path())
	switch {
	case strings.HasPrefix(path, "/v2/"):
		c.rest(ctx, path[len("/v2/"):])
	case strings.HasPrefix(path, "/jobs/v2/"):
		c.serveJobs(ctx, path[len("/jobs/v2/"):])
	case strings.HasPrefix(path, "/proxy/"):
		c.serveProxy(ctx, path[len("/proxy/"):])
	default:
		problem(ctx, 404, "resource not found")
	}
}

// rest serves the management API: who asks, how often, what.
func (c *Cloud) rest(ctx *fasthttp.RequestCtx, path string) {
	if c.o.EdgeCheck && stockAgent(ctx.UserAgent()) {
		ctx.SetStatusCode(403)
		ctx.Response.Header.SetContentType("text/plain; charset=UTF-8")
		ctx.SetBodyString("error code: 1010")
		return
	}
	token := simkit.Bearer(ctx.Request.Header.Peek("Authorization"))
	account := c.Accounts.Find(token)
	if account == nil {
		detail := "invalid bearer token"
		if len(token) == 0 {
			detail = "missing bearer token"
		}
		problem(ctx, 401, detail)
		return
	}
	if !c.Limiter.Off() {
		v := c.Limiter.Take(account.Name, c.Clock.Now())
		ctx.Response.Header.Set("RateLimit", v.Header)
		ctx.Response.Header.Set("RateLimit-Policy", v.Policy)
		if !v.OK {
			ctx.Response.Header.Set("Retry-After", itoa(v.RetryAfter))
			problem(ctx, 429, "rate limit exceeded for the "+v.Window+" window")
			return
		}
	}
	if account.Forbidden || account.ReadOnly && !ctx.IsGet() {
		problem(ctx, 403, "access denied")
		return
	}
	c.route(ctx, account, path)
}

// stockAgent reports whether the edge refuses a User-Agent.
func stockAgent(agent []byte) bool {
	a := string(agent)
	return a == "" || strings.HasPrefix(a, "Python-urllib") || strings.HasPrefix(a, "Go-http-client")
}
