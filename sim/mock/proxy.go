package mock

import (
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// serveProxy answers /proxy/{id}/{port}/…: the server inside a machine.
func (c *Cloud) serveProxy(ctx *fasthttp.RequestCtx, rest string) {
	id, rest, _ := strings.Cut(rest, "/")
	number, path, _ := strings.Cut(rest, "/")
	now := c.Clock.Now()
	var inside simkit.Inside
	c.mu.RLock()
	if m := c.machines[id]; m != nil && m.ended != "terminated" {
		inside.Up = m.status(now) == "running"
		for _, p := range m.ports {
			inside.Found = inside.Found || p.protocol == "http" && string(simkit.AppendInt(nil, p.number)) == number
		}
		inside.Key, inside.Secret = m.variables["ATLAS_PRESHARED_KEY"], m.variables["ATLAS_SIGNING_SECRET"]
	}
	c.mu.RUnlock()
	inside.Serve(ctx, id, number, "/"+path, now)
}
