package acme

import (
	"sort"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

const (
	perPage  = 50
	mostPage = 100
)

func (c *Cloud) make(ctx *fasthttp.RequestCtx, a *simkit.Account) {
	v, parser := c.body(ctx, c.create)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	m := &machine{account: a}
	m.read(v)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Clock.Now()
	wanted := simkit.Texts(v, "zones")
	if len(wanted) == 0 {
		wanted = zones()[:1]
	}
	c.requests++
	switch highest := v.GetFloat64("max_hourly_usd"); {
	case highest > 0 && m.price > highest:
		c.refuseLocked(ctx, c.requests, 409, "too_expensive", m.size+" costs more than max_hourly_usd")
		return
	case !c.Funded(a, m.price, now):
		c.refuseLocked(ctx, c.requests, 402, "no_credit", "the account has no credit")
		return
	case !c.take(m, wanted):
		c.refuseLocked(ctx, c.requests, 409, "sold_out", "no "+m.size+" is free")
		return
	}
	c.seq++
	m.id, m.created, m.seq = "m-"+c.IDs.New(12, idAlphabet), now, c.seq
	c.begin(m, now)
	c.machines[m.id] = m
	c.order = append(c.order, m)
	answer(ctx, 201, m.append(nil, base(ctx), now))
}

// base is the address that the cloud was asked at.
func base(ctx *fasthttp.RequestCtx) string { return "http://" + string(ctx.Host()) }

func (c *Cloud) get(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	c.mu.RLock()
	m, now := c.machines[id], c.Clock.Now()
	if m == nil || m.account != a || !c.Gettable(m.created, now) {
		c.mu.RUnlock()
		c.missing(ctx)
		return
	}
	b := m.append(nil, base(ctx), now)
	c.mu.RUnlock()
	answer(ctx, 200, b)
}

func (c *Cloud) missing(ctx *fasthttp.RequestCtx) {
	c.refuse(ctx, 404, "no_such_machine", "there is no such machine")
}

func (c *Cloud) list(ctx *fasthttp.RequestCtx, a *simkit.Account) {
	limit := perPage
	if c.o.PerPage > 0 {
		limit = c.o.PerPage
	}
	if text := ctx.QueryArgs().Peek("per_page"); len(text) > 0 {
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 1 || n > mostPage {
			c.refuse(ctx, 422, "invalid", "the request is wrong", "per_page: not 1 to 100")
			return
		}
		if c.o.PerPage == 0 || n < limit {
			limit = n
		}
	}
	after := int64(0)
	if text := ctx.QueryArgs().Peek("page"); len(text) > 0 {
		n, err := strconv.ParseInt(strings.TrimPrefix(string(text), "p"), 10, 64)
		if err != nil || text[0] != 'p' {
			c.refuse(ctx, 422, "invalid", "the request is wrong", "page: unknown")
			return
		}
		after = n
	}
	answer(ctx, 200, c.page(a, base(ctx), after, limit))
}

func (c *Cloud) page(a *simkit.Account, base string, after int64, limit int) []byte {
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.Clock.Now()
	b := []byte(`{"machines":[`)
	n, last := 0, int64(0)
	for _, m := range c.order[sort.Search(len(c.order), func(i int) bool { return c.order[i].seq > after }):] {
		if c.machines[m.id] == nil || m.account != a || !c.Listed(m.created, now) {
			continue
		}
		if n == limit {
			return append(simkit.AppendInt(append(b, `],"next_page":"p`...), last), `"}`...)
		}
		if n > 0 {
			b = append(b, ',')
		}
		b = m.append(b, base, now)
		n, last = n+1, m.seq
	}
	return append(b, `],"next_page":null}`...)
}

func (c *Cloud) remove(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	c.mu.Lock()
	m := c.machines[id]
	found := m != nil && m.account == a
	if found {
		c.end(m, c.Clock.Now())
		delete(c.machines, id)
	}
	c.mu.Unlock()
	if !found {
		c.missing(ctx)
		return
	}
	ctx.SetStatusCode(204)
}

func (c *Cloud) switchPower(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	v, parser := c.body(ctx, c.power)
	if v == nil {
		return
	}
	on := simkit.Text(v, "state") == "on"
	c.parsers.Put(parser)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	m, now := c.machines[id], c.Clock.Now()
	switch {
	case m == nil || m.account != a:
		c.refuseLocked(ctx, c.requests, 404, "no_such_machine", "there is no such machine")
		return
	case m.broken || on != m.off:
		c.refuseLocked(ctx, c.requests, 409, "wrong_state", "the machine is "+m.state(now))
		return
	case !on:
		m.off = true
		c.end(m, now)
	case !c.take(m, []string{m.zone}): // its disk is there
		c.refuseLocked(ctx, c.requests, 409, "sold_out", "no "+m.size+" is free")
		return
	default:
		c.begin(m, now)
	}
	answer(ctx, 200, m.append(nil, base(ctx), now))
}

// serveProxy answers /proxy/{id}/{port}/…: the server inside a machine.
func (c *Cloud) serveProxy(ctx *fasthttp.RequestCtx, rest string) {
	id, rest, _ := strings.Cut(rest, "/")
	number, path, _ := strings.Cut(rest, "/")
	now := c.Clock.Now()
	var inside simkit.Inside
	c.mu.RLock()
	if m := c.machines[id]; m != nil {
		inside.Up = m.state(now) == "on"
		for _, p := range m.ports {
			inside.Found = inside.Found || p.kind == "http" && strconv.Itoa(p.number) == number
		}
		inside.Key, inside.Secret = m.variables["ATLAS_PRESHARED_KEY"], m.variables["ATLAS_SIGNING_SECRET"]
	}
	c.mu.RUnlock()
	inside.Serve(ctx, id, number, "/"+path, now)
}
