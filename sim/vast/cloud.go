package vast

import (
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// Options are the settings of a simulated Vast. The delays are virtual time.
type Options struct {
	simkit.Options
	Hosts        int     `json:"hosts,omitempty"`          // hosts that offer each kind of GPU; default 12
	ProvisionMS  int64   `json:"provision_ms,omitempty"`   // actual_status is null this long
	LoadMS       int64   `json:"load_ms,omitempty"`        // then loading this long
	Births       []Birth `json:"births,omitempty"`         // what happens to new instances by themselves
	DoubleRent   bool    `json:"double_rent,omitempty"`    // two rents of one offer are both accepted, and the second dies
	LowBidStatus int     `json:"low_bid_status,omitempty"` // status of the answer to a bid that is too low; default 200
	AuthStatus   int     `json:"auth_status,omitempty"`    // status of the answer to a bad key; default 404 for offers and charges, else 401
	LogMisses    int     `json:"log_misses,omitempty"`     // requests for a log's file that come before it is there
	JSONLimits   bool    `json:"json_limits,omitempty"`    // 429 as the contract has it, in JSON
	DailyCharges bool    `json:"daily_charges,omitempty"`  // an instance has a row of charges for each day, not one for all
}

// Birth does something to instances as they are made: to the Nth, or to each
// Every-th. Do is an action of Cloud.Do.
type Birth struct {
	Nth   int    `json:"nth,omitempty"`
	Every int    `json:"every,omitempty"`
	Do    string `json:"do"`
}

// defaultHosts is how many hosts offer each kind of GPU.
const defaultHosts = 12

// Cloud is a simulated Vast.
type Cloud struct {
	*simkit.Kit
	o       Options
	kinds   []kind
	parsers fastjson.ParserPool
	limits  []threshold
	shapes  map[string]*simkit.Shape

	mu        sync.Mutex
	seq       int64
	births    int
	doubled   int
	asks      int64
	hosts     []*host
	byAsk     map[int64]*host
	instances map[int64]*instance
	order     []*instance
	files     map[string]*file
	last      map[string]time.Time // by endpoint and account
}

// Start serves a simulated Vast on a loopback socket.
func Start(o Options) (*simkit.Server, error) {
	if err := simkit.CheckSettings("vast", o); err != nil {
		return nil, err
	}
	kit, err := simkit.New(o.Options, nil)
	if err != nil {
		return nil, err
	}
	c := &Cloud{Kit: kit, o: o, kinds: kinds(), limits: thresholds(), shapes: shapes()}
	if c.o.Hosts <= 0 {
		c.o.Hosts = defaultHosts
	}
	if c.o.LowBidStatus == 0 {
		c.o.LowBidStatus = 200
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
	c.seq, c.births, c.doubled, c.asks = 0, 0, 0, 12_345_000
	c.byAsk, c.instances, c.order = map[int64]*host{}, map[int64]*instance{}, nil
	c.files, c.last = map[string]*file{}, map[string]time.Time{}
	c.open()
}

// Doubled returns how often an offer was rented that was rented already.
func (c *Cloud) Doubled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doubled
}

// request is one request to the API. Its handler runs with the lock held.
type request struct {
	*fasthttp.RequestCtx
	account *simkit.Account
	parts   []string // of the path after /api/
	body    *fastjson.Value
	id      int64 // the last part of the path that is a number
}

// Serve answers one request.
func (c *Cloud) Serve(ctx *fasthttp.RequestCtx) {
	path := string(ctx.Path())
	switch {
	case strings.HasPrefix(path, "/api/"):
		c.api(ctx, path)
	case strings.HasPrefix(path, logPath):
		c.serveFile(ctx, path[len(logPath):])
	case strings.HasPrefix(path, "/proxy/"):
		c.serveProxy(ctx, path[len("/proxy/"):])
	default:
		page(ctx, 404)
	}
}

// api serves the REST API: the slash at the end, who asks, how often, what.
func (c *Cloud) api(ctx *fasthttp.RequestCtx, path string) {
	if !strings.HasSuffix(path, "/") {
		ctx.SetStatusCode(302)
		location := path + "/"
		if query := string(ctx.URI().QueryString()); query != "" {
			location += "?" + query
		}
		ctx.Response.Header.Set("Location", location)
		return
	}
	r := &request{RequestCtx: ctx, parts: strings.Split(strings.Trim(path, "/"), "/")[1:]}
	token := simkit.Bearer(ctx.Request.Header.Peek("Authorization"))
	r.account = c.Accounts.Find(token)
	offers := path == "/api/v0/bundles/" || path == "/api/v0/gpu_types/" || path == "/api/v0/gpu_names/unique/"
	if r.account == nil && !(offers && len(token) == 0) { // the market is open to everybody
		status, text := 401, "Invalid user key"
		switch {
		case c.o.AuthStatus != 0:
			status = c.o.AuthStatus
		case path == chargesPath && len(token) == 0:
			status, text = 403, "This action requires login."
		case path == chargesPath, offers:
			status = 404
		}
		problem(ctx, status, "auth_error", text)
		return
	}
	if r.account != nil && (r.account.Forbidden || r.account.ReadOnly && !ctx.IsGet()) {
		problem(ctx, 403, "forbidden", "This API key lacks the permission for this endpoint")
		return
	}
	if len(ctx.PostBody()) > 0 {
		parser := c.parsers.Get()
		defer c.parsers.Put(parser)
		v, err := parser.ParseBytes(ctx.PostBody())
		if err != nil || v.Type() != fastjson.TypeObject {
			problem(ctx, 400, "invalid_request", "Invalid json body")
			return
		}
		r.body = v
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tooFrequent(r, path) {
		return
	}
	c.route(r)
}
