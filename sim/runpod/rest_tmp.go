package runpod

import (
	"github.com/exatlas/atlas/sim/simkit"
	"github.com/valyala/fasthttp"
)

type endpoint struct{}
type jobTable struct{}

func newJobTable() *jobTable                                     { return nil }
func newJobLimits(bool) map[string]*simkit.Limiter               { return nil }
func jobError(ctx *fasthttp.RequestCtx, status int, text string) { proxyError(ctx, status, text) }
func (c *Cloud) serveJobs(ctx *fasthttp.RequestCtx, rest string) {
	problem(ctx, 404, "resource not found")
}
func (c *Cloud) routeCatalog(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	problem(ctx, 404, "resource not found")
}
func (c *Cloud) routeBilling(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	problem(ctx, 404, "resource not found")
}
func (c *Cloud) podLogs(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	problem(ctx, 404, "resource not found")
}
func (c *Cloud) listWorkers(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	problem(ctx, 404, "resource not found")
}
func (c *Cloud) listReleases(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	problem(ctx, 404, "resource not found")
}
func (c *Cloud) listEndpoints(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	problem(ctx, 404, "resource not found")
}
func (c *Cloud) createEndpoint(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	problem(ctx, 404, "resource not found")
}
func (c *Cloud) getEndpoint(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	problem(ctx, 404, "resource not found")
}
func (c *Cloud) patchEndpoint(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	problem(ctx, 404, "resource not found")
}
func (c *Cloud) deleteEndpoint(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	problem(ctx, 404, "resource not found")
}
