package fly

import (
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// Options are the settings of a simulated Fly. The delays are virtual time.
type Options struct {
	simkit.Options
	CreateMS       int64         `json:"create_ms,omitempty"`       // created lasts this long
	BootMS         int64         `json:"boot_ms,omitempty"`         // then starting lasts this long
	StopMS         int64         `json:"stop_ms,omitempty"`         // stopping
	DestroyMS      int64         `json:"destroy_ms,omitempty"`      // destroying
	Births         []Birth       `json:"births,omitempty"`          // what happens to new machines by themselves
	Tokens         []DeployToken `json:"deploy_tokens,omitempty"`   // tokens that are made for one app
	AppLag         int           `json:"app_lag,omitempty"`         // requests about a new app that are answered 404 first
	OrgPage        int           `json:"org_page,omitempty"`        // machines a page of an organization's listing; default 1000
	EmptyPages     bool          `json:"empty_pages,omitempty"`     // every other page is empty and not the last
	ErrorRegions   []string      `json:"error_regions,omitempty"`   // regions whose machines an organization's listing lacks
	ShortageStatus int           `json:"shortage_status,omitempty"` // of capacity errors; default: one after another of those users report
	Logs           []AppLog      `json:"logs,omitempty"`            // apps that exist from the start and write
	LogTokenUses   int           `json:"log_token_uses,omitempty"`  // a token reads logs this often, then it is refused; 0: without end
	FlatLease      bool          `json:"flat_lease,omitempty"`      // leases as the contract has them, without the envelope
}

// DeployToken is a token of an account that is made for one app.
type DeployToken struct {
	Key string `json:"key"`
	Of  string `json:"of"` // the account's key
	App string `json:"app"`
}

// Birth does something to machines as they are made: to the Nth, or to each
// Every-th. Do is an action of Cloud.Do.
type Birth struct {
	Nth   int    `json:"nth,omitempty"`
	Every int    `json:"every,omitempty"`
	Do    string `json:"do"`
}

// Cloud is a simulated Fly.
type Cloud struct {
	*simkit.Kit
	o       Options
	shapes  shapes
	parsers fastjson.ParserPool
	gets    *simkit.Limiter // Get Machine has a limit of its own

	mu       sync.Mutex
	seq      int64
	births   int
	requests int64
	short    int // capacity errors so far
	apps     map[string]*app
	machines map[string]*machine
	logs     map[string][]line // by app
	logStart int64             // ns
	logUses  map[string]int    // by token
}

// windows are the published limits of an action on one machine or app: one
// request a second, three at once.
func windows() []simkit.Window { return []simkit.Window{{Name: "action", Quota: 3, Seconds: 3}} }

// Start serves a simulated Fly on a loopback socket.
func Start(o Options) (*simkit.Server, error) {
	if err := simkit.CheckSettings("fly", o); err != nil {
		return nil, err
	}
	kit, err := simkit.New(o.Options, windows())
	if err != nil {
		return nil, err
	}
	c := &Cloud{Kit: kit, o: o, shapes: newShapes(), gets: simkit.NewLimiter(nil)}
	if o.RateLimits {
		c.gets = simkit.NewLimiter([]simkit.Window{{Name: "get", Quota: 10, Seconds: 2}})
	}
	if c.o.OrgPage <= 0 {
		c.o.OrgPage = 1000
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
	c.seq, c.births, c.requests, c.short = 0, 0, 0, 0
	c.apps, c.machines = map[string]*app{}, map[string]*machine{}
	c.setLogs()
}

// Serve answers one request.
func (c *Cloud) Serve(ctx *fasthttp.RequestCtx) {
	path := string(ctx.Path())
	switch {
	case strings.HasPrefix(path, "/v1/"):
		c.api(ctx, path[len("/v1/"):])
	case strings.HasPrefix(path, "/api/v1/apps/"):
		c.serveLogs(ctx, path[len("/api/v1/apps/"):])
	case strings.HasPrefix(path, "/proxy/"):
		c.serveProxy(ctx, path[len("/proxy/"):])
	default:
		ctx.SetStatusCode(404)
		ctx.Response.Header.SetContentType("text/plain; charset=utf-8")
		ctx.SetBodyString("404 page not found\n")
	}
}

// request is one request to the API. Its handler runs with the lock held.
type request struct {
	*fasthttp.RequestCtx
	account *simkit.Account
	token   *DeployToken // nil: the token sees the whole organization
	parts   []string     // of the path after /v1/
	app     *app
	machine *machine
}

// api serves the Machines API: who asks, how often, what.
func (c *Cloud) api(ctx *fasthttp.RequestCtx, path string) {
	r := &request{RequestCtx: ctx}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	ctx.Response.Header.Set("Fly-Request-Id", "01SIM"+padded(c.requests, 21)+"-sim")
	if r.account, r.token = c.identify(ctx); r.account == nil {
		problem(ctx, 401, "Authenticate: token validation error")
		return
	}
	var room [5]string
	if r.parts = split(room[:0], path); r.parts == nil {
		problem(ctx, 404, "not found")
		return
	}
	if r.account.Forbidden || r.account.ReadOnly && !ctx.IsGet() {
		problem(ctx, 403, "unauthorized")
		return
	}
	if !c.paced(r) {
		problem(ctx, 429, "rate limit exceeded")
		return
	}
	c.route(r)
}

// paced counts a request against the limits of its action on its machine or app.
func (c *Cloud) paced(r *request) bool {
	if c.Limiter.Off() {
		return true
	}
	now := c.Clock.Now()
	if r.IsGet() && len(r.parts) == 4 && r.parts[2] == "machines" {
		return c.gets.Take(r.account.Name+" "+r.parts[3], now).OK
	}
	action := string(r.Method()) + " " + r.account.Name + " " + strings.Join(r.parts, "/")
	return c.Limiter.Take(action, now).OK
}

// identify finds the account of a token. Macaroons come as FlyV1, or as Bearer,
// which the Machines API takes too; what else there is comes as Bearer.
func (c *Cloud) identify(ctx *fasthttp.RequestCtx) (*simkit.Account, *DeployToken) {
	header := string(ctx.Request.Header.Peek("Authorization"))
	scheme, key, _ := strings.Cut(header, " ")
	for {
		word, rest, found := strings.Cut(key, " ")
		if !found || !strings.EqualFold(word, "FlyV1") && !strings.EqualFold(word, "Bearer") {
			break
		}
		key = rest
	}
	macaroon := strings.HasPrefix(key, "fm2_") || strings.HasPrefix(key, "fm1r_") || strings.HasPrefix(key, "fm1a_")
	fly := strings.EqualFold(scheme, "FlyV1")
	if header != "" && !fly && !strings.EqualFold(scheme, "Bearer") || fly && !macaroon || macaroon && strings.HasPrefix(key[strings.IndexByte(key, '_')+1:], "invalid") {
		return nil, nil
	}
	for i := range c.o.Tokens {
		if t := &c.o.Tokens[i]; t.Key == key {
			return c.Accounts.Find([]byte(t.Of)), t
		}
	}
	return c.Accounts.Find([]byte(key)), nil
}

// slug names an account's organization.
func slug(a *simkit.Account) string { return strings.ToLower(a.Name) }

// isOrg reports whether a name is the account's organization.
func isOrg(a *simkit.Account, name string) bool { return name == slug(a) || name == "personal" }
