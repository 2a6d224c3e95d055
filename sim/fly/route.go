package fly

import "strings"

// route finds the handler of a path.
func (c *Cloud) route(r *request) {
	method := string(r.Method())
	switch r.parts[0] {
	case "apps":
		c.routeApps(r, method)
		return
	case "orgs":
		if len(r.parts) == 3 && r.parts[2] == "machines" && method == "GET" {
			c.listOrg(r)
			return
		}
	case "tokens":
		if len(r.parts) == 2 && r.parts[1] == "current" && method == "GET" {
			c.currentToken(r)
			return
		}
	case "platform":
		if len(r.parts) == 2 && r.parts[1] == "regions" && method == "GET" {
			c.listRegions(r)
			return
		}
	}
	problem(r.RequestCtx, 404, "not found")
}

func (c *Cloud) routeApps(r *request, method string) {
	if len(r.parts) == 1 {
		switch method {
		case "GET":
			c.listApps(r)
		case "POST":
			c.createApp(r)
		default:
			problem(r.RequestCtx, 405, "method not allowed")
		}
		return
	}
	if !c.openApp(r) {
		return
	}
	if len(r.parts) == 2 {
		switch method {
		case "GET":
			answer(r.RequestCtx, 200, c.appendApp(nil, r.app))
		case "DELETE":
			c.deleteApp(r)
		default:
			problem(r.RequestCtx, 405, "method not allowed")
		}
		return
	}
	switch r.parts[2] {
	case "machines":
		c.routeMachines(r, method)
	case "ip_assignments":
		c.routeIPs(r, method)
	case "volumes":
		c.routeVolumes(r, method)
	default:
		problem(r.RequestCtx, 404, "not found")
	}
}

func (c *Cloud) routeMachines(r *request, method string) {
	if len(r.parts) == 3 {
		switch method {
		case "GET":
			c.listMachines(r)
		case "POST":
			c.createMachine(r)
		default:
			problem(r.RequestCtx, 405, "method not allowed")
		}
		return
	}
	m := c.machines[r.parts[3]]
	if m == nil || m.app != r.app || !c.Gettable(m.createdAt, c.Clock.Now()) {
		problem(r.RequestCtx, 404, "machine not found")
		return
	}
	r.machine = m
	if len(r.parts) == 4 {
		switch method {
		case "GET":
			answer(r.RequestCtx, 200, m.append(nil, c.Clock.Now()))
		case "DELETE":
			c.deleteMachine(r)
		default:
			problem(r.RequestCtx, 405, "method not allowed")
		}
		return
	}
	switch method + " " + r.parts[4] {
	case "GET wait":
		c.wait(r)
	case "POST lease":
		c.takeLease(r)
	case "GET lease":
		c.showLease(r)
	case "DELETE lease":
		c.dropLease(r)
	case "POST stop":
		c.stopMachine(r)
	case "POST suspend":
		c.suspendMachine(r)
	case "POST start":
		c.startMachine(r)
	case "POST restart":
		c.restartMachine(r)
	default:
		problem(r.RequestCtx, 404, "not found")
	}
}

// split cuts a path at its slashes, or answers nil where a piece is empty or
// there are more pieces than any route has.
func split(parts []string, path string) []string {
	for {
		piece, rest, more := strings.Cut(path, "/")
		if piece == "" || len(parts) == cap(parts) {
			return nil
		}
		parts = append(parts, piece)
		if !more {
			return parts
		}
		path = rest
	}
}
