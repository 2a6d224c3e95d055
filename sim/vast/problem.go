package vast

import (
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// problem answers an error in Vast's shape.
func problem(ctx *fasthttp.RequestCtx, status int, code, text string) {
	b := simkit.AppendString([]byte(`{"success":false,"error":`), code)
	b = simkit.AppendString(append(b, `,"msg":`...), text)
	answer(ctx, status, append(b, '}'))
}

// refuseRent answers an error of a rent, which names the offer.
func refuseRent(r *request, status int, code, text string) {
	b := simkit.AppendString([]byte(`{"success":false,"error":`), code)
	b = simkit.AppendString(append(b, `,"msg":`...), text)
	b = simkit.AppendInt(append(b, `,"ask_id":`...), r.id)
	answer(r.RequestCtx, status, append(b, '}'))
}

// refuseFrequent answers 429, which is plain text on the live service.
func (c *Cloud) refuseFrequent(r *request, threshold string) {
	text := "API requests too frequent"
	if threshold != "" {
		text += ": endpoint threshold=" + threshold
	}
	if !c.o.JSONLimits {
		r.SetStatusCode(429)
		r.Response.Header.SetContentType("text/plain; charset=utf-8")
		r.Response.SetBodyString(text)
		return
	}
	if r.IsDelete() {
		problem(r.RequestCtx, 429, "rate_limit_exceeded", text)
		return
	}
	answer(r.RequestCtx, 429, append(simkit.AppendString([]byte(`{"detail":`), strings.Replace(text, ":", "", 1)), '}'))
}

// page answers what is no part of the API, as the web server before it does.
func page(ctx *fasthttp.RequestCtx, status int) {
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("text/html; charset=utf-8")
	ctx.Response.SetBodyString("<html><title>" + fasthttp.StatusMessage(status) + "</title></html>")
}

// Refuse answers an error of a fault in Vast's own shape.
func (c *Cloud) Refuse(ctx *fasthttp.RequestCtx, status int) {
	switch {
	case status == 429:
		ctx.Response.Header.SetContentType("text/plain; charset=utf-8")
		ctx.Response.SetBodyString("API requests too frequent: endpoint threshold=4.5")
	case status == 401:
		problem(ctx, status, "auth_error", "Invalid user key")
	case status >= 500:
		page(ctx, status)
	default:
		problem(ctx, status, "simulated_failure", "simulated failure")
	}
}

// answer sends a JSON document.
func answer(ctx *fasthttp.RequestCtx, status int, body []byte) {
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBody(body)
}

func done(r *request, text string) {
	b := []byte(`{"success":true`)
	if text != "" {
		b = simkit.AppendString(append(b, `,"msg":`...), text)
	}
	answer(r.RequestCtx, 200, append(b, '}'))
}
