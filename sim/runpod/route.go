package runpod

import (
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// handler answers one method of one route. Parts are the path's pieces after
// /v2/.
type handler func(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string)

// route finds the handler of a path. A path that exists with other methods
// answers 405 and names them.
func (c *Cloud) route(ctx *fasthttp.RequestCtx, a *simkit.Account, path string) {
	var room [6]string
	parts := split(room[:0], path)
	if parts == nil {
		problem(ctx, 404, "resource not found")
		return
	}
	switch parts[0] {
	case "pods":
		c.routePods(ctx, a, parts)
	case "catalog":
		c.routeCatalog(ctx, a, parts)
	case "network-volumes":
		c.collection(ctx, a, parts, c.listVolumes, c.createVolume, c.getVolume, c.patchVolume, c.deleteVolume)
	case "templates":
		c.collection(ctx, a, parts, c.listTemplates, c.createTemplate, c.getTemplate, c.patchTemplate, c.deleteTemplate)
	case "registries":
		c.collection(ctx, a, parts, c.listRegistries, c.createRegistry, c.getRegistry, nil, c.deleteRegistry)
	case "serverless":
		if len(parts) == 3 && (parts[2] == "workers" || parts[2] == "releases") {
			choose(ctx, a, parts, "GET", map[string]handler{"workers": c.listWorkers, "releases": c.listReleases}[parts[2]], "", nil)
			return
		}
		c.collection(ctx, a, parts, c.listEndpoints, c.createEndpoint, c.getEndpoint, c.patchEndpoint, c.deleteEndpoint)
	case "account":
		if len(parts) == 2 && parts[1] == "ssh-keys" {
			choose(ctx, a, parts, "GET", c.getKeys, "PUT", c.putKeys)
			return
		}
		problem(ctx, 404, "resource not found")
	case "billing":
		c.routeBilling(ctx, a, parts)
	default:
		problem(ctx, 404, "resource not found")
	}
}

func (c *Cloud) routePods(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	switch {
	case len(parts) == 2 && ctx.IsGet(): // by far the most frequent
		c.getPod(ctx, a, parts)
	case len(parts) <= 2:
		c.collection(ctx, a, parts, c.listPods, c.createPod, c.getPod, c.patchPod, c.deletePod)
	case len(parts) == 3 && parts[2] == "action":
		choose(ctx, a, parts, "POST", c.podAction, "", nil)
	case len(parts) == 3 && parts[2] == "logs":
		choose(ctx, a, parts, "GET", c.podLogs, "", nil)
	default:
		problem(ctx, 404, "resource not found")
	}
}

// collection routes the five usual methods of a resource.
func (c *Cloud) collection(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string, list, create, get, patch, remove handler) {
	switch len(parts) {
	case 1:
		choose(ctx, a, parts, "GET", list, "POST", create)
	case 2:
		switch {
		case ctx.IsGet():
			get(ctx, a, parts)
		case ctx.IsPatch() && patch != nil:
			patch(ctx, a, parts)
		case ctx.IsDelete():
			remove(ctx, a, parts)
		case patch != nil:
			notAllowed(ctx, "GET, PATCH, DELETE")
		default:
			notAllowed(ctx, "GET, DELETE")
		}
	default:
		problem(ctx, 404, "resource not found")
	}
}

// choose calls the handler of the request's method.
func choose(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string, method string, first handler, other string, second handler) {
	switch string(ctx.Method()) {
	case method:
		first(ctx, a, parts)
	case other:
		second(ctx, a, parts)
	default:
		allow := method
		if other != "" {
			allow += ", " + other
		}
		notAllowed(ctx, allow)
	}
}

// split cuts a path at its slashes, or answers nil where a piece is empty or
// there are more pieces than any route has.
func split(parts []string, path string) []string {
	for {
		cut := strings.IndexByte(path, '/')
		piece := path
		if cut >= 0 {
			piece = path[:cut]
		}
		if piece == "" || len(parts) == cap(parts) {
			return nil
		}
		parts = append(parts, piece)
		if cut < 0 {
			return parts
		}
		path = path[cut+1:]
	}
}
