package fly

import (
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// serveProxy answers /proxy/{app}/{port}/…, which stands for
// https://{app}.fly.dev:{port}/….  An app without addresses is not to be reached;
// of several machines the oldest that runs answers.
func (c *Cloud) serveProxy(ctx *fasthttp.RequestCtx, rest string) {
	name, rest, _ := strings.Cut(rest, "/")
	port, path, _ := strings.Cut(rest, "/")
	now := c.Clock.Now()
	var inside simkit.Inside
	c.mu.Lock()
	if a := c.apps[name]; a != nil && a.reachable(port) {
		for _, m := range a.machines {
			if m.phase == phaseGone || inside.Up || !m.publishes(port) {
				continue
			}
			inside.Found = true
			inside.Up = m.state(now) == "started"
			inside.Key, inside.Secret = m.env["ATLAS_PRESHARED_KEY"], m.env["ATLAS_SIGNING_SECRET"]
		}
	}
	c.mu.Unlock()
	inside.Serve(ctx, name, port, "/"+path, now)
}

func (m *machine) publishes(port string) bool {
	for _, s := range m.services {
		for _, one := range s.ports {
			if one == port {
				return true
			}
		}
	}
	return false
}

// reachable reports whether an app has an address for a port: a shared one passes
// 80 and 443 alone.
func (a *app) reachable(port string) bool {
	for _, ip := range a.ips {
		switch ip.kind {
		case "v4", "v6":
			return true
		case "shared_v4":
			if port == "80" || port == "443" {
				return true
			}
		}
	}
	return false
}
