package runpod

import (
	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// deletePod answers DELETE /v2/pods/{id}.
func (c *Cloud) deletePod(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.own(a, parts[1])
	if p == nil {
		problem(ctx, 404, "pod not found")
		return
	}
	c.remove(p, c.Clock.Now())
	noContent(ctx)
}

// podAction answers POST /v2/pods/{id}/action.
func (c *Cloud) podAction(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	v, parser := c.body(ctx, c.shapes.action)
	if v == nil {
		return
	}
	action := textOf(v, "action")
	c.parsers.Put(parser)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Clock.Now()
	p := c.own(a, parts[1])
	if p == nil {
		problem(ctx, 404, "pod not found")
		return
	}
	status := p.status(now)
	if !permits(status, action) {
		problem(ctx, 409, "action "+action+" is not valid for a pod with status "+status)
		return
	}
	if p.locked && (action == "stop" || action == "restart") {
		problem(ctx, 409, "pod is locked")
		return
	}
	switch action {
	case "terminate":
		c.remove(p, now)
		noContent(ctx)
		return
	case "stop":
		c.halt(p, phaseExited, now)
	case "restart":
		c.boot(p, now, true)
	case "start":
		if !c.Funded(a, p.rate, now) {
			problem(ctx, 402, "Insufficient balance: add credit to your account to start this pod.")
			return
		}
		if detail := c.start(p, now); detail != "" {
			problem(ctx, 400, detail)
			return
		}
		now = before(now)
	}
	answer(ctx, 200, p.append(make([]byte, 0, 1536), now))
}

// patchPod answers PATCH /v2/pods/{id}.
func (c *Cloud) patchPod(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	v, parser := c.body(ctx, c.shapes.patchPod)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Clock.Now()
	p := c.own(a, parts[1])
	if p == nil {
		problem(ctx, 404, "pod not found")
		return
	}
	changed := *p
	if id := textOf(v, "templateId"); id != "" {
		changed.env = nil
		if status, detail := c.applyTemplate(&changed, v, p.tenant); status != 0 {
			refuseTemplate(ctx, status, detail)
			return
		}
		changed.template = p.template // applied once; no link is kept
		changed.persistent = p.persistent
	} else if v.Exists("env") {
		changed.env = nil
	}
	applyContainer(&changed.container, v)
	if v.Exists("name") {
		changed.name = textOf(v, "name")
	}
	if v.Exists("locked") {
		changed.locked = v.GetBool("locked")
	}
	if v.Exists("globalNetworking") {
		changed.global = v.GetBool("globalNetworking")
	}
	if detail := patchMounts(&changed, v); detail != "" {
		problem(ctx, 400, detail)
		return
	}
	if detail := c.applyAccess(&changed, v, p.tenant); detail != "" {
		problem(ctx, 400, detail)
		return
	}
	*p = changed
	p.fix()
	answer(ctx, 200, p.append(make([]byte, 0, 1536), now))
}

// patchMounts lets a persistent volume grow. A network volume cannot come or go
// after the create.
func patchMounts(p *pod, v *fastjson.Value) string {
	if list := v.GetArray("mounts", "network"); len(list) > 0 {
		if p.network == nil || p.network.volume != textOf(list[0], "volumeId") {
			return "a network volume cannot be attached or detached after creation"
		}
		p.network = &mount{volume: p.network.volume, path: textOf(list[0], "path")}
	}
	m := v.Get("mounts", "persistent")
	if m == nil {
		return ""
	}
	if p.cpu != nil || p.network != nil {
		return "mounts.persistent is not supported on this pod"
	}
	size := m.GetInt("size")
	if p.persistent != nil && size < p.persistent.size {
		return "mounts.persistent.size can only grow"
	}
	p.persistent = &mount{size: size, path: textOf(m, "path")}
	return ""
}
