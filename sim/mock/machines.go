package mock

import (
	"sort"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

func (c *Cloud) create(ctx *fasthttp.RequestCtx) {
	v, parser := c.body(ctx, c.shapes.create)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	m := &machine{}
	m.read(v)
	if m.gpu != "" && !c.has(m.gpu) {
		problem(ctx, 422, "the request is invalid", "$.gpu.id: no such GPU; GET /v1/gpus lists them")
		return
	}
	kind, count := m.kind()
	m.price = c.o.Prices[kind] * float64(count)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Clock.Now()
	if !c.Funded(c.account, m.price, now) {
		problem(ctx, 402, "the account has no funds")
		return
	}
	if !c.take(m) {
		problem(ctx, 400, "no "+kind+" is free")
		return
	}
	m.id, m.created = "mock-"+c.IDs.New(11, idAlphabet), now
	c.seq++
	m.seq = c.seq
	c.begin(m, now)
	c.machines[m.id] = m
	c.order = append(c.order, m)
	answer(ctx, 201, m.append(make([]byte, 0, 1024), now))
	for _, b := range c.o.Births {
		if b.Nth > 0 && m.seq == int64(b.Nth) || b.Every > 0 && m.seq%int64(b.Every) == 0 {
			c.do(m, b.Do, now)
		}
	}
}

func (c *Cloud) get(ctx *fasthttp.RequestCtx, id string) {
	now := c.Clock.Now()
	c.mu.RLock()
	m := c.machines[id]
	if m == nil || !c.Gettable(m.created, now) {
		c.mu.RUnlock()
		problem(ctx, 404, "no such machine")
		return
	}
	buf := c.buffers.Get()
	*buf = m.append(*buf, now)
	c.mu.RUnlock()
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBody(*buf)
	c.buffers.Put(buf)
}

// filter is what a list is asked for.
type filter struct {
	status, region, gpu string
	names, requests     map[string]bool
}

func readFilter(args *fasthttp.Args) filter {
	f := filter{status: string(args.Peek("status")), region: string(args.Peek("region")), gpu: string(args.Peek("gpu"))}
	set := func(name string) map[string]bool {
		var all map[string]bool
		for _, value := range args.PeekMulti(name) {
			if all == nil {
				all = map[string]bool{}
			}
			all[string(value)] = true
		}
		return all
	}
	f.names, f.requests = set("name"), set("request_id")
	return f
}

// has tells whether a machine passes. Names and request ids are alternatives of
// each other.
func (f *filter) has(m *machine, status string) bool {
	if f.status != "" && status != f.status || f.region != "" && m.region != f.region || f.gpu != "" && m.gpu != f.gpu {
		return false
	}
	return f.names == nil && f.requests == nil || f.names[m.name] || m.requestID != "" && f.requests[m.requestID]
}

func (c *Cloud) list(ctx *fasthttp.RequestCtx) {
	after := int64(0)
	if text := ctx.QueryArgs().Peek("cursor"); len(text) > 0 {
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			problem(ctx, 422, "the request is invalid", "query.cursor: malformed")
			return
		}
		after = n
	}
	f := readFilter(ctx.QueryArgs())
	now := c.Clock.Now()
	b := append(make([]byte, 0, 16<<10), `{"machines":[`...)
	c.mu.RLock()
	n, last, more := 0, int64(0), false
	for _, m := range c.order[sort.Search(len(c.order), func(i int) bool { return c.order[i].seq > after }):] {
		if c.machines[m.id] == nil || !c.Listed(m.created, now) || !f.has(m, m.status(now)) {
			continue
		}
		if n == c.o.PageSize {
			more = true
			break
		}
		if n > 0 {
			b = append(b, ',')
		}
		b = m.append(b, now)
		n, last = n+1, m.seq
	}
	c.mu.RUnlock()
	b = append(b, ']')
	if more {
		b = append(simkit.AppendInt(append(b, `,"next":"`...), last), '"')
	}
	answer(ctx, 200, append(b, '}'))
}

func (c *Cloud) remove(ctx *fasthttp.RequestCtx, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.machines[id]
	if m == nil {
		problem(ctx, 404, "no such machine")
		return
	}
	now := c.Clock.Now()
	if m.ended != "terminated" {
		c.end(m, "terminated", now)
	}
	answer(ctx, 200, m.append(nil, now))
}

// act stops or starts a machine.
func (c *Cloud) act(ctx *fasthttp.RequestCtx, id, action string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.machines[id]
	if m == nil {
		problem(ctx, 404, "no such machine")
		return
	}
	now := c.Clock.Now()
	status := m.status(now)
	legal := status == "stopped"
	if action == "stop" {
		legal = status == "running" || status == "provisioning"
	}
	switch {
	case !legal:
		problem(ctx, 409, "machine is "+status)
		return
	case action == "stop":
		c.end(m, "stopped", now)
	case !c.take(m):
		problem(ctx, 400, "no "+m.gpu+" is free")
		return
	default:
		c.begin(m, now)
	}
	answer(ctx, 200, m.append(nil, now))
}
