package runpod

import (
	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// registry is a credential of a container registry; what it holds is never
// shown again.
type registry struct{ id, name string }

func (r *registry) key() string { return r.id }

func (r *registry) append(b []byte) []byte {
	b = simkit.AppendString(append(b, `{"id":`...), r.id)
	b = simkit.AppendString(append(b, `,"name":`...), r.name)
	return append(b, '}')
}

func (t *tenant) registry(id string) *registry { return byID(t.registries, id, (*registry).key) }

func (c *Cloud) listRegistries(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer(ctx, 200, append(appendList(nil, "registries", c.tenant(a).registries, (*registry).append), '}'))
}

func (c *Cloud) createRegistry(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	v, parser := c.body(ctx, c.shapes.createRegistry)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenant(a)
	one := &registry{id: c.IDs.New(10, idAlphabet), name: textOf(v, "name")}
	t.registries = append(t.registries, one)
	answer(ctx, 201, one.append(nil))
}

func (c *Cloud) getRegistry(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.tenant(a).registry(parts[1]); one != nil {
		answer(ctx, 200, one.append(nil))
		return
	}
	problem(ctx, 404, "registry not found")
}

func (c *Cloud) deleteRegistry(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenant(a)
	one := t.registry(parts[1])
	if one == nil {
		problem(ctx, 404, "registry not found")
		return
	}
	for _, p := range t.pods {
		if p.phase != phaseGone && p.registry == one.id {
			problem(ctx, 400, "registry is in use by a pod")
			return
		}
	}
	t.registries = without(t.registries, one)
	noContent(ctx)
}

func (c *Cloud) getKeys(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answerKeys(ctx, c.tenant(a).sshKeys)
}

func (c *Cloud) putKeys(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	v, parser := c.body(ctx, c.shapes.sshKeys)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenant(a)
	t.sshKeys = stringsOf(v, "keys")
	answerKeys(ctx, t.sshKeys)
}

func answerKeys(ctx *fasthttp.RequestCtx, keys []string) {
	answer(ctx, 200, append(simkit.AppendStrings([]byte(`{"keys":`), keys), '}'))
}
