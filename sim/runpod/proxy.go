package runpod

import (
	"crypto/subtle"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// serveProxy answers /proxy/{podId}/{port}/…: the inference server inside a pod,
// seen through RunPod's HTTP proxy. It checks its callers the way Atlas tells a
// machine to: by ATLAS_PRESHARED_KEY as a bearer token, by ATLAS_SIGNING_SECRET
// as a signed URL. The path that is signed is the one after the port, as it is
// on the proxy's own host name.
func (c *Cloud) serveProxy(ctx *fasthttp.RequestCtx, rest string) {
	h := &ctx.Response.Header
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	id, rest, _ := strings.Cut(rest, "/")
	port, path, _ := strings.Cut(rest, "/")
	path = "/" + path
	now := c.Clock.Now()
	c.mu.RLock()
	p := c.pods[id]
	var key, secret string
	found, running, listening := p != nil, false, false
	if found {
		running = p.phase == phaseUp && p.status(now) == "RUNNING"
		for _, text := range p.ports {
			listening = listening || text == port+"/http"
		}
		key, secret = p.envValue("ATLAS_PRESHARED_KEY"), p.envValue("ATLAS_SIGNING_SECRET")
	}
	c.mu.RUnlock()
	switch {
	case !found || !listening:
		proxyError(ctx, 404, "no such pod or port")
		return
	case !running:
		proxyError(ctx, 502, "bad gateway: the pod does not answer yet")
		return
	case ctx.IsOptions():
		ctx.SetStatusCode(204)
		return
	}
	if key != "" {
		token := simkit.Bearer(ctx.Request.Header.Peek("Authorization"))
		if subtle.ConstantTimeCompare(token, []byte(key)) != 1 {
			h.Set("WWW-Authenticate", "Bearer")
			proxyError(ctx, 401, "missing or wrong bearer token")
			return
		}
	}
	if secret != "" {
		raw := string(ctx.URI().PathOriginal())
		signed := strings.TrimPrefix(raw, "/proxy/"+id+"/"+port)
		if err := simkit.VerifyURL(signed, string(ctx.URI().QueryString()), secret, now); err != nil {
			proxyError(ctx, 401, "signed url: "+err.Error())
			return
		}
	}
	n, _ := strconv.Atoi(port)
	b := simkit.AppendString([]byte(`{"ok":true,"pod":`), id)
	b = simkit.AppendInt(append(b, `,"port":`...), n)
	b = simkit.AppendString(append(b, `,"method":`...), ctx.Method())
	b = simkit.AppendString(append(b, `,"path":`...), path)
	b = simkit.AppendInt(append(b, `,"body_bytes":`...), len(ctx.PostBody()))
	answer(ctx, 200, append(b, '}'))
}

func proxyError(ctx *fasthttp.RequestCtx, status int, text string) {
	b := simkit.AppendString([]byte(`{"ok":false,"error":`), text)
	answer(ctx, status, append(b, '}'))
}
