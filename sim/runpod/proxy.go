package runpod

import (
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// serveProxy answers /proxy/{podId}/{port}/…, which stands for
// https://{podId}-{port}.proxy.runpod.net/….
func (c *Cloud) serveProxy(ctx *fasthttp.RequestCtx, rest string) {
	id, rest, _ := strings.Cut(rest, "/")
	port, path, _ := strings.Cut(rest, "/")
	now := c.Clock.Now()
	var inside simkit.Inside
	c.mu.RLock()
	if p := c.pods[id]; p != nil {
		inside.Up = p.phase == phaseUp && p.status(now) == "RUNNING"
		for _, text := range p.ports {
			inside.Found = inside.Found || text == port+"/http"
		}
		inside.Key, inside.Secret = p.envValue("ATLAS_PRESHARED_KEY"), p.envValue("ATLAS_SIGNING_SECRET")
	}
	c.mu.RUnlock()
	inside.Serve(ctx, id, port, "/"+path, now)
}
