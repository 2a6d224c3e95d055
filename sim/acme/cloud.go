package acme

import (
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// Options are the settings of a simulated Acme. The delay is virtual time.
type Options struct {
	simkit.Options
	BuildMS int64 `json:"build_ms,omitempty"` // a machine is building this long
	PerPage int   `json:"per_page,omitempty"` // machines a page where the request does not say, and at most; default 50
}

// Cloud is a simulated Acme.
type Cloud struct {
	*simkit.Kit
	o       Options
	create  *simkit.Shape
	power   *simkit.Shape
	parsers fastjson.ParserPool

	mu       sync.RWMutex
	seq      int64
	requests int
	machines map[string]*machine
	order    []*machine
}

// Start serves a simulated Acme on a loopback socket.
func Start(o Options) (*simkit.Server, error) {
	if err := simkit.CheckSettings("acme", o); err != nil {
		return nil, err
	}
	kit, err := simkit.New(o.Options, []simkit.Window{{Name: "minute", Quota: 300, Seconds: 60}})
	if err != nil {
		return nil, err
	}
	c := &Cloud{Kit: kit, o: o, create: createShape(), power: powerShape()}
	c.Reset()
	return simkit.Start(kit, c)
}

// Reset forgets everything.
func (c *Cloud) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq, c.requests, c.machines, c.order = 0, 0, map[string]*machine{}, nil
}

// Serve answers one request.
func (c *Cloud) Serve(ctx *fasthttp.RequestCtx) {
	path := string(ctx.Path())
	if rest, ok := strings.CutPrefix(path, "/proxy/"); ok {
		c.serveProxy(ctx, rest)
		return
	}
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		c.refuse(ctx, 404, "no_such_resource", "there is nothing here")
		return
	}
	account := c.Accounts.Find(simkit.Bearer(ctx.Request.Header.Peek("Authorization")))
	switch {
	case account == nil:
		c.refuse(ctx, 401, "bad_key", "the key is missing or unknown")
		return
	case account.Forbidden || account.ReadOnly && !ctx.IsGet():
		c.refuse(ctx, 403, "not_allowed", "the key does not allow that")
		return
	}
	if v := c.Limiter.Take(account.Name, c.Clock.Now()); !v.OK {
		ctx.Response.Header.Set("Retry-After", string(simkit.AppendInt(nil, v.RetryAfter)))
		c.refuse(ctx, 429, "too_many_requests", "more than the requests of the "+v.Window)
		return
	}
	c.route(ctx, account, string(ctx.Method()), strings.Split(rest, "/"))
}

func (c *Cloud) route(ctx *fasthttp.RequestCtx, a *simkit.Account, method string, parts []string) {
	machines := parts[0] == "machines"
	switch {
	case len(parts) == 1 && parts[0] == "sizes" && method == "GET":
		c.sizes(ctx)
	case len(parts) == 1 && machines && method == "POST":
		c.make(ctx, a)
	case len(parts) == 1 && machines && method == "GET":
		c.list(ctx, a)
	case len(parts) == 2 && machines && method == "GET":
		c.get(ctx, a, parts[1])
	case len(parts) == 2 && machines && method == "DELETE":
		c.remove(ctx, a, parts[1])
	case len(parts) == 3 && machines && parts[2] == "power" && method == "POST":
		c.switchPower(ctx, a, parts[1])
	default:
		c.refuse(ctx, 404, "no_such_resource", "there is nothing here")
	}
}

// refuse answers an error in Acme's shape.
func (c *Cloud) refuse(ctx *fasthttp.RequestCtx, status int, code, message string, fields ...string) {
	c.mu.Lock()
	c.requests++
	number := c.requests
	c.mu.Unlock()
	c.refuseLocked(ctx, number, status, code, message, fields...)
}

// refuseLocked is refuse for callers that hold the lock.
func (c *Cloud) refuseLocked(ctx *fasthttp.RequestCtx, number, status int, code, message string, fields ...string) {
	b := simkit.AppendString([]byte(`{"error":{"code":`), code)
	b = simkit.AppendString(append(b, `,"message":`...), message)
	if len(fields) > 0 {
		b = simkit.AppendStrings(append(b, `,"fields":`...), fields)
	}
	b = simkit.AppendInt(append(b, `},"request":"req-`...), number)
	answer(ctx, status, append(b, `"}`...))
}

// Refuse answers the error of a fault.
func (c *Cloud) Refuse(ctx *fasthttp.RequestCtx, status int) {
	c.refuse(ctx, status, codeOf(status), "simulated failure")
}

// codeOf is the code that goes with a status.
func codeOf(status int) string {
	switch status {
	case 401:
		return "bad_key"
	case 402:
		return "no_credit"
	case 403:
		return "not_allowed"
	case 404:
		return "no_such_machine"
	case 409:
		return "wrong_state"
	case 422:
		return "invalid"
	case 429:
		return "too_many_requests"
	}
	return "internal"
}

func answer(ctx *fasthttp.RequestCtx, status int, body []byte) {
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBodyRaw(body)
}

// body parses and checks a request body, or answers the error.
func (c *Cloud) body(ctx *fasthttp.RequestCtx, s *simkit.Shape) (*fastjson.Value, *fastjson.Parser) {
	p := c.parsers.Get()
	v, err := p.ParseBytes(ctx.PostBody())
	if err != nil {
		c.parsers.Put(p)
		c.refuse(ctx, 422, "invalid", "the body is no JSON")
		return nil, nil
	}
	var wrong []string
	s.Check(v, "$", &wrong)
	if len(wrong) > 0 {
		c.parsers.Put(p)
		c.refuse(ctx, 422, "invalid", "the request is wrong", wrong...)
		return nil, nil
	}
	return v, p
}

func createShape() *simkit.Shape {
	type fields = map[string]*simkit.Shape
	text := &simkit.Shape{Kind: "string"}
	texts := &simkit.Shape{Kind: "array", Items: text}
	words := &simkit.Shape{Kind: "object", Open: text}
	port := &simkit.Shape{Kind: "object", Required: []string{"port", "kind"},
		Fields: fields{"port": {Kind: "integer", Min: 1, Max: 65535}, "kind": {Kind: "string", Enum: []string{"http", "tcp"}}}}
	return &simkit.Shape{Kind: "object", Required: []string{"name", "size"}, Fields: fields{
		"name": {Kind: "string", MinLen: 1}, "size": {Kind: "string", Match: known}, "zones": {Kind: "array", Items: &simkit.Shape{Kind: "string", Enum: zones()}},
		"max_hourly_usd": {Kind: "number"}, "image": text, "entrypoint": texts, "command": texts, "ports": {Kind: "array", Items: port},
		"variables": words, "labels": words, "disk_gb": {Kind: "integer", Min: 1}, "ssh_key": text,
	}}
}

func powerShape() *simkit.Shape {
	return &simkit.Shape{Kind: "object", Required: []string{"state"}, Fields: map[string]*simkit.Shape{"state": {Kind: "string", Enum: []string{"on", "off"}}}}
}
