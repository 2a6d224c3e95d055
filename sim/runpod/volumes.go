package runpod

import (
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// volume is a network volume.
type volume struct {
	id, name, center, kind string
	size                   int
}

// volumeRate is what a network volume costs per GB and hour: 0.07 USD a month.
const volumeRate = 0.07 / 730

func (v *volume) append(b []byte) []byte {
	b = simkit.AppendString(append(b, `{"id":`...), v.id)
	b = simkit.AppendString(append(b, `,"name":`...), v.name)
	b = simkit.AppendInt(append(b, `,"size":`...), v.size)
	b = simkit.AppendString(append(b, `,"dataCenter":`...), v.center)
	b = simkit.AppendString(append(b, `,"type":`...), v.kind)
	return append(b, '}')
}

// volume finds a tenant's volume by id.
func (t *tenant) volume(id string) *volume { return byID(t.volumes, id, (*volume).key) }

func (v *volume) key() string { return v.id }

// byID returns the element with an id, or nil.
func byID[T any](list []*T, id string, key func(*T) string) *T {
	for _, one := range list {
		if key(one) == id {
			return one
		}
	}
	return nil
}

// without returns the list without one element.
func without[T any](list []*T, gone *T) []*T {
	kept := make([]*T, 0, len(list))
	for _, one := range list {
		if one != gone {
			kept = append(kept, one)
		}
	}
	return kept
}

// appendList appends a wrapped list without its closing brace.
func appendList[T any](b []byte, name string, list []*T, each func(*T, []byte) []byte) []byte {
	b = append(append(append(b, `{"`...), name...), `":[`...)
	for i, one := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = each(one, b)
	}
	return append(b, ']')
}

func (c *Cloud) listVolumes(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer(ctx, 200, append(appendList(nil, "networkVolumes", c.tenant(a).volumes, (*volume).append), '}'))
}

func (c *Cloud) createVolume(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	v, parser := c.body(ctx, c.shapes.createVolume)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	vol := &volume{name: textOf(v, "name"), size: v.GetInt("size"), center: textOf(v, "dataCenter"), kind: textOf(v, "type")}
	at := find(c.centers, func(one *center) bool { return one.id == vol.center })
	if at == nil {
		problem(ctx, 400, "unknown data center: "+vol.center)
		return
	}
	if vol.kind == "" {
		vol.kind = "STANDARD"
	}
	if vol.kind == "HIGH_PERFORMANCE" && !at.fast {
		problem(ctx, 400, "data center "+vol.center+" does not offer HIGH_PERFORMANCE volumes")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	vol.id = c.IDs.New(10, idAlphabet)
	t := c.tenant(a)
	t.volumes = append(t.volumes, vol)
	c.Meter.Rate(vol.id, "network_volume_"+strings.ToLower(vol.kind), a.Name, float64(vol.size)*volumeRate, c.Clock.Now())
	answer(ctx, 201, vol.append(nil))
}

func (c *Cloud) getVolume(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if vol := c.tenant(a).volume(parts[1]); vol != nil {
		answer(ctx, 200, vol.append(nil))
		return
	}
	problem(ctx, 404, "network volume not found")
}

func (c *Cloud) patchVolume(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	v, parser := c.body(ctx, c.shapes.patchVolume)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	c.mu.Lock()
	defer c.mu.Unlock()
	vol := c.tenant(a).volume(parts[1])
	if vol == nil {
		problem(ctx, 404, "network volume not found")
		return
	}
	if v.Exists("size") {
		if v.GetInt("size") < vol.size {
			problem(ctx, 400, "network volume size can only be increased")
			return
		}
		vol.size = v.GetInt("size")
		c.Meter.Rate(vol.id, "network_volume_"+strings.ToLower(vol.kind), a.Name, float64(vol.size)*volumeRate, c.Clock.Now())
	}
	if v.Exists("name") {
		vol.name = textOf(v, "name")
	}
	answer(ctx, 200, vol.append(nil))
}

func (c *Cloud) deleteVolume(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenant(a)
	vol := t.volume(parts[1])
	if vol == nil {
		problem(ctx, 404, "network volume not found")
		return
	}
	for _, p := range t.pods {
		if p.phase != phaseGone && p.network != nil && p.network.volume == vol.id {
			problem(ctx, 400, "network volume is in use")
			return
		}
	}
	t.volumes = without(t.volumes, vol)
	c.Meter.Rate(vol.id, "network_volume_"+strings.ToLower(vol.kind), a.Name, 0, c.Clock.Now())
	noContent(ctx)
}
