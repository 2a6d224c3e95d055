package mock

import (
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// Options are the settings of a simulated mock cloud. The delays are virtual
// time.
type Options struct {
	simkit.Options
	ProvisionMS int64              `json:"provision_ms,omitempty"` // a machine is provisioning this long
	Births      []Birth            `json:"births,omitempty"`       // what happens to new machines by themselves
	Prices      map[string]float64 `json:"prices,omitempty"`       // USD per hour of one GPU or of a CPU flavor, by id; default 0
	GPUs        []string           `json:"gpus,omitempty"`         // identifiers of the GPUs it has; default all of the catalogue
	PageSize    int                `json:"page_size,omitempty"`    // machines a page; default 1000
	JobDelayMS  int64              `json:"job_delay_ms,omitempty"` // a job waits this long in the queue
	JobRunMS    int64              `json:"job_run_ms,omitempty"`   // and runs this long, unless its input says
	JobPrice    float64            `json:"job_usd_per_hour,omitempty"`
}

// Birth does something to machines as they are made: to the Nth, or to each
// Every-th. Do is an action of Cloud.Do.
type Birth struct {
	Nth   int    `json:"nth,omitempty"`
	Every int    `json:"every,omitempty"`
	Do    string `json:"do"`
}

// Cloud is a simulated mock cloud.
type Cloud struct {
	*simkit.Kit
	o       Options
	shapes  shapes
	parsers fastjson.ParserPool
	buffers simkit.Buffers
	gpus    []gpu
	account *simkit.Account

	mu       sync.RWMutex
	seq      int64
	machines map[string]*machine
	order    []*machine
	jobs     *simkit.Jobs
}

// Start serves a simulated mock cloud on a loopback socket.
func Start(o Options) (*simkit.Server, error) {
	if err := simkit.CheckSettings("mock", o); err != nil {
		return nil, err
	}
	for _, b := range o.Births {
		if err := checkAction(b.Do); err != nil {
			return nil, err
		}
	}
	gpus, err := gpusOf(o.GPUs)
	if err != nil {
		return nil, err
	}
	kit, err := simkit.New(o.Options, []simkit.Window{{Name: "minute", Quota: 600, Seconds: 60}})
	if err != nil {
		return nil, err
	}
	if o.PageSize <= 0 {
		o.PageSize = 1000
	}
	c := &Cloud{Kit: kit, o: o, gpus: gpus, shapes: newShapes(), account: &simkit.Account{Name: "mock"}}
	c.account.SetBalance(o.Balance)
	c.Reset()
	return simkit.Start(kit, c)
}

// Reset forgets everything.
func (c *Cloud) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq, c.machines, c.order = 0, map[string]*machine{}, nil
	c.jobs = &simkit.Jobs{Meter: c.Meter, Price: c.o.JobPrice}
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
		problem(ctx, 404, "no such resource")
		return
	}
	if !c.Limiter.Off() {
		if v := c.Limiter.Take("", c.Clock.Now()); !v.OK {
			ctx.Response.Header.Set("Retry-After", string(simkit.AppendInt(nil, v.RetryAfter)))
			problem(ctx, 429, "more than the requests of the "+v.Window)
			return
		}
	}
	parts := strings.Split(rest, "/")
	switch parts[0] {
	case "machines":
		c.routeMachines(ctx, parts)
	case "gpus":
		c.routeGPUs(ctx, parts)
	case "endpoints":
		c.routeJobs(ctx, parts)
	default:
		problem(ctx, 404, "no such resource")
	}
}

func (c *Cloud) routeMachines(ctx *fasthttp.RequestCtx, parts []string) {
	method := string(ctx.Method())
	switch {
	case len(parts) == 1 && method == "POST":
		c.create(ctx)
	case len(parts) == 1 && method == "GET":
		c.list(ctx)
	case len(parts) == 2 && method == "GET":
		c.get(ctx, parts[1])
	case len(parts) == 2 && method == "DELETE":
		c.remove(ctx, parts[1])
	case len(parts) == 3 && method == "POST" && (parts[2] == "stop" || parts[2] == "start"):
		c.act(ctx, parts[1], parts[2])
	case len(parts) == 3 && method == "GET" && parts[2] == "logs":
		c.logs(ctx, parts[1])
	default:
		problem(ctx, 404, "no such resource")
	}
}

// problem answers an error in the mock cloud's shape.
func problem(ctx *fasthttp.RequestCtx, status int, detail string, errors ...string) {
	b := append([]byte(`{"title":"`), fasthttp.StatusMessage(status)...)
	b = simkit.AppendInt(append(b, `","status":`...), status)
	b = simkit.AppendString(append(b, `,"detail":`...), detail)
	b = simkit.AppendString(append(b, `,"code":`...), codeOf(status))
	if len(errors) > 0 {
		b = simkit.AppendStrings(append(b, `,"errors":`...), errors)
	}
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/problem+json")
	ctx.Response.SetBody(append(b, '}'))
}

// codeOf is the code of a status.
func codeOf(status int) string {
	switch status {
	case 400:
		return "no_capacity"
	case 401:
		return "unauthorized"
	case 402:
		return "no_funds"
	case 403:
		return "forbidden"
	case 404:
		return "not_found"
	case 409:
		return "conflict"
	case 422:
		return "invalid"
	case 429:
		return "rate_limited"
	}
	return "internal"
}

// Refuse answers the error of a fault.
func (c *Cloud) Refuse(ctx *fasthttp.RequestCtx, status int) {
	problem(ctx, status, "simulated failure")
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
		problem(ctx, 422, "the body is no JSON")
		return nil, nil
	}
	var errs []string
	s.Check(v, "$", &errs)
	if len(errs) > 0 {
		c.parsers.Put(p)
		problem(ctx, 422, "the request is invalid", errs...)
		return nil, nil
	}
	return v, p
}

// shapes are the request bodies.
type shapes struct{ create, job *simkit.Shape }

func newShapes() shapes {
	type fields = map[string]*simkit.Shape
	text := func() *simkit.Shape { return &simkit.Shape{Kind: "string"} }
	need := func() *simkit.Shape { return &simkit.Shape{Kind: "string", MinLen: 1} }
	whole := func(low float64) *simkit.Shape { return &simkit.Shape{Kind: "integer", Min: low} }
	number := func() *simkit.Shape { return &simkit.Shape{Kind: "number"} }
	object := func(required []string, f fields) *simkit.Shape {
		return &simkit.Shape{Kind: "object", Nullable: true, Required: required, Fields: f}
	}
	list := func(of *simkit.Shape) *simkit.Shape { return &simkit.Shape{Kind: "array", Items: of} }
	mount := func(what string, s *simkit.Shape) *simkit.Shape {
		return object([]string{what}, fields{what: s, "path": text()})
	}
	port := object([]string{"port"}, fields{"port": {Kind: "integer", Min: 1, Max: 65535}, "protocol": {Kind: "string", Enum: []string{"http", "tcp"}}})
	create := object([]string{"name"}, fields{
		"name": need(), "request_id": text(), "gpu": object([]string{"id"}, fields{"id": need(), "count": whole(1)}),
		"cpu":  object(nil, fields{"flavor": text(), "vcpu": whole(0), "memory_gb": number()}),
		"tier": {Kind: "string", Enum: []string{"secure", "community"}}, "spot": {Kind: "boolean"}, "bid": number(), "regions": list(text()), "image": text(),
		"entrypoint": list(text()), "command": list(text()), "ports": list(port), "env": {Kind: "object", Open: text()}, "disk_gb": whole(0),
		"volume": mount("size_gb", whole(1)), "network_volume": mount("id", need()), "template": text(), "ssh_key": text(),
	})
	create.Nullable = false
	create.Also = func(v *fastjson.Value, path string, errs *[]string) {
		if present(v, "gpu") == present(v, "cpu") {
			*errs = append(*errs, path+": exactly one of 'gpu' and 'cpu' is needed")
		}
	}
	policy := object(nil, fields{"execution_timeout_ms": whole(0), "ttl_ms": whole(0), "low_priority": {Kind: "boolean"}})
	job := object([]string{"input"}, fields{"input": {Kind: "any"}, "wait_ms": whole(0), "webhook": text(), "policy": policy})
	job.Nullable = false
	return shapes{create: create, job: job}
}

// present tells whether a member is there and not null.
func present(v *fastjson.Value, name string) bool {
	one := v.Get(name)
	return one != nil && one.Type() != fastjson.TypeNull
}
