package runpod

import (
	"sort"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// own returns an account's pod, or nil. The caller holds a lock.
func (c *Cloud) own(a *simkit.Account, id string) *pod {
	p := c.pods[id]
	if p == nil || p.tenant.account != a {
		return nil
	}
	return p
}

// getPod answers GET /v2/pods/{id}.
func (c *Cloud) getPod(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	now := c.Clock.Now()
	c.mu.RLock()
	p := c.own(a, parts[1])
	if p == nil || !c.Gettable(p.createdAt, now) {
		c.mu.RUnlock()
		problem(ctx, 404, "pod not found")
		return
	}
	buf := c.buffers.Get()
	*buf = p.append(*buf, now)
	c.mu.RUnlock()
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBody(*buf)
	c.buffers.Put(buf)
}

// listPods answers GET /v2/pods.
func (c *Cloud) listPods(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	limit, after, ok := c.page(ctx, "pods", a)
	if !ok {
		return
	}
	now := c.Clock.Now()
	b := append(make([]byte, 0, 64<<10), `{"pods":[`...)
	c.mu.RLock()
	var pods []*pod
	if t := c.tenants[a]; t != nil {
		pods = t.pods
	}
	n, last, more := 0, int64(0), false
	for _, p := range pods[sort.Search(len(pods), func(i int) bool { return pods[i].seq > after }):] {
		if p.phase == phaseGone || !c.Listed(p.createdAt, now) {
			continue
		}
		if n == limit {
			more = true
			break
		}
		if n > 0 {
			b = append(b, ',')
		}
		b = p.append(b, now)
		n, last = n+1, p.seq
	}
	c.mu.RUnlock()
	b = c.appendPagination(append(b, ']'), "pods", a, more, last)
	answer(ctx, 200, append(b, '}'))
}
