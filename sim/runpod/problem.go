package runpod

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

func itoa(n int) string { return strconv.Itoa(n) }

// problem answers an RFC 9457 problem document, the shape of every error of the
// management API.
func problem(ctx *fasthttp.RequestCtx, status int, detail string, errors ...string) {
	b := append([]byte(`{"title":`), '"')
	b = append(b, fasthttp.StatusMessage(status)...)
	b = append(b, `","status":`...)
	b = simkit.AppendInt(b, status)
	b = append(b, `,"detail":`...)
	b = simkit.AppendString(b, detail)
	if len(errors) > 0 {
		b = append(b, `,"errors":`...)
		b = simkit.AppendStrings(b, errors)
	}
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/problem+json")
	ctx.Response.SetBody(append(b, '}'))
}

func invalid(ctx *fasthttp.RequestCtx, errors ...string) {
	problem(ctx, 422, "Request validation failed.", errors...)
}

func notAllowed(ctx *fasthttp.RequestCtx, allow string) {
	ctx.Response.Header.Set("Allow", allow)
	problem(ctx, 405, "The requested method is not allowed for this path.")
}

// Refuse answers an error of a fault in RunPod's own shape.
func (c *Cloud) Refuse(ctx *fasthttp.RequestCtx, status int) {
	if strings.HasPrefix(string(ctx.Path()), "/jobs/") {
		jobError(ctx, status, "simulated failure")
		return
	}
	switch status {
	case 429:
		problem(ctx, status, "rate limit exceeded for the minute window")
	default:
		problem(ctx, status, "simulated failure")
	}
}

// answer sends a JSON document.
func answer(ctx *fasthttp.RequestCtx, status int, body []byte) {
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBodyRaw(body)
}

func noContent(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(204) }

// page reads limit and cursor. Kind and account are part of the cursor, so that
// one of another list or account is refused.
func (c *Cloud) page(ctx *fasthttp.RequestCtx, kind string, a *simkit.Account) (limit int, after int64, ok bool) {
	limit = 1000
	if c.o.Unpaged {
		return 1 << 30, 0, true
	}
	if text := ctx.QueryArgs().Peek("limit"); text != nil {
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 1 || n > 1000 {
			invalid(ctx, "query.limit: must be an integer from 1 to 1000")
			return 0, 0, false
		}
		limit = n
	}
	if text := ctx.QueryArgs().Peek("cursor"); len(text) > 0 {
		plain, err := base64.RawURLEncoding.DecodeString(string(text))
		rest, found := strings.CutPrefix(string(plain), kind+":"+a.Name+":")
		after, perr := strconv.ParseInt(rest, 10, 64)
		if err != nil || !found || perr != nil {
			invalid(ctx, "query.cursor: invalid cursor")
			return 0, 0, false
		}
		return limit, after, true
	}
	return limit, 0, true
}

// appendPagination appends the block that ends a page, with its comma.
func (c *Cloud) appendPagination(b []byte, kind string, a *simkit.Account, more bool, last int64) []byte {
	if c.o.Unpaged {
		return b
	}
	if !more {
		return append(b, `,"pagination":{"hasNextPage":false,"nextCursor":null}`...)
	}
	cursor := base64.RawURLEncoding.EncodeToString([]byte(kind + ":" + a.Name + ":" + strconv.FormatInt(last, 10)))
	b = append(b, `,"pagination":{"hasNextPage":true,"nextCursor":"`...)
	return append(append(b, cursor...), `"}`...)
}
