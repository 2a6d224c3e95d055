package lambda

import (
	"encoding/json"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// refuse answers an error in Lambda's envelope.
func refuse(ctx *fasthttp.RequestCtx, status int, code, message, suggestion string) {
	b := simkit.AppendString([]byte(`{"error":{"code":`), code)
	b = simkit.AppendString(append(b, `,"message":`...), message)
	if suggestion != "" {
		b = simkit.AppendString(append(b, `,"suggestion":`...), suggestion)
	}
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBody(append(b, "}}"...))
}

func invalid(ctx *fasthttp.RequestCtx, message string) {
	refuse(ctx, 400, "global/invalid-parameters", message, "Check the request and try again.")
}

func notFound(ctx *fasthttp.RequestCtx, message string) {
	refuse(ctx, 404, "global/object-does-not-exist", message, "Check that the object exists and try again.")
}

// Refuse answers the error of a fault.
func (c *Cloud) Refuse(ctx *fasthttp.RequestCtx, status int) {
	switch {
	case status == 401:
		refuse(ctx, status, "global/invalid-api-key", "API key was invalid, expired, or deleted.", "Check your API key or create a new one, then try again.")
	case status == 403:
		refuse(ctx, status, "global/invalid-address", "Your billing address is invalid.", "Make sure your billing address is valid. Contact Support if problems continue.")
	case status == 404:
		notFound(ctx, "Simulated absence.")
	case status == 429:
		refuse(ctx, status, "global/too-many-requests", "Too many requests.", "Slow down.")
	case status < 500:
		refuse(ctx, status, "global/invalid-parameters", "Simulated refusal.", "Check the request and try again.")
	default:
		refuse(ctx, status, "global/internal-error", "An internal server error occurred.", "Try again later. Contact Support if the problem persists.")
	}
}

// answer sends what an envelope holds.
func answer(ctx *fasthttp.RequestCtx, data []byte) {
	b := append([]byte(`{"data":`), data...)
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBodyRaw(append(b, '}'))
}

// answerJSON is answer for documents that are rare.
func answerJSON(ctx *fasthttp.RequestCtx, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		refuse(ctx, 500, "global/internal-error", "An internal server error occurred.", "")
		return
	}
	answer(ctx, text)
}

// body parses and checks a request body, or answers the error. The caller
// returns the parser.
func (c *Cloud) body(ctx *fasthttp.RequestCtx, s *simkit.Shape) (*fastjson.Value, *fastjson.Parser) {
	p := c.parsers.Get()
	v, err := p.ParseBytes(ctx.PostBody())
	if err != nil {
		c.parsers.Put(p)
		invalid(ctx, "The request body is not valid JSON.")
		return nil, nil
	}
	var errs []string
	s.Check(v, "body", &errs)
	if len(errs) > 0 {
		c.parsers.Put(p)
		message := errs[0]
		if c.o.EchoRefused {
			message += ": " + string(ctx.PostBody())
		}
		invalid(ctx, message)
		return nil, nil
	}
	return v, p
}
