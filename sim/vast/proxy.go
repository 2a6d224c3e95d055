package vast

import (
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// serveProxy answers /proxy/{address}/{port}/…, which stands for
// http://{address}:{port}/….
func (c *Cloud) serveProxy(ctx *fasthttp.RequestCtx, rest string) {
	address, rest, _ := strings.Cut(rest, "/")
	port, path, _ := strings.Cut(rest, "/")
	now := c.Clock.Now()
	external, _ := strconv.Atoi(port)
	var inside simkit.Inside
	c.mu.Lock()
	for _, i := range c.order {
		if i.host.ip != address || i.host.tenant != i {
			continue
		}
		for _, m := range i.mapped {
			if m.external == external && m.protocol == "tcp" {
				actual, _, _ := i.states(now)
				inside.Found, inside.Up = true, actual == running
			}
		}
		inside.Key, inside.Secret = i.value("ATLAS_PRESHARED_KEY"), i.value("ATLAS_SIGNING_SECRET")
	}
	c.mu.Unlock()
	inside.Serve(ctx, address, port, "/"+path, now)
}
