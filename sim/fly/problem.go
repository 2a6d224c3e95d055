package fly

import (
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// problem answers an error in Fly's shape.
func problem(ctx *fasthttp.RequestCtx, status int, text string) { problemCode(ctx, status, text, "") }

// problemCode is problem with the word that some errors carry.
func problemCode(ctx *fasthttp.RequestCtx, status int, text, code string) {
	b := simkit.AppendString([]byte(`{"error":`), text)
	if code != "" {
		b = simkit.AppendString(append(b, `,"status":`...), code)
	}
	answer(ctx, status, append(b, '}'))
}

// answer sends a JSON document.
func answer(ctx *fasthttp.RequestCtx, status int, body []byte) {
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json; charset=utf-8")
	ctx.Response.SetBodyRaw(body)
}

func ok(ctx *fasthttp.RequestCtx) { answer(ctx, 200, []byte(`{"ok":true}`)) }

// Refuse answers an error of a fault in Fly's own shape.
func (c *Cloud) Refuse(ctx *fasthttp.RequestCtx, status int) {
	if len(ctx.Response.Header.Peek("Fly-Request-Id")) == 0 { // it never came to the API
		ctx.Response.Header.Set("Fly-Request-Id", "01SIM000000000000000FAULT-sim")
	}
	if status == 429 {
		problem(ctx, status, "rate limit exceeded")
		return
	}
	problem(ctx, status, "simulated failure")
}

// shortage is one of the ways in which Fly says that there is no room.
type shortage struct {
	status     int
	text, code string
}

// shortages are the forms that users report.
func shortages() []shortage {
	return []shortage{
		{422, "insufficient resources available to fulfill request", "insufficient_capacity"},
		{409, "insufficient memory available to fulfill request", ""},
		{412, "insufficient resources to create new machine with existing volume", ""},
		{400, "no capacity", ""},
		{422, "could not reserve resource for machine: insufficient CPUs available to fulfill request", ""},
	}
}

// refuseRoom answers that there is no room.
func (c *Cloud) refuseRoom(ctx *fasthttp.RequestCtx) {
	if status := c.o.ShortageStatus; status != 0 {
		problemCode(ctx, status, "insufficient resources available to fulfill request", "insufficient_capacity")
		return
	}
	all := shortages()
	s := all[c.short%len(all)]
	c.short++
	problemCode(ctx, s.status, s.text, s.code)
}

// body parses and checks a request body, or answers the error. An empty one reads
// as an empty object. The caller returns the parser when it is done with the
// value.
func (c *Cloud) body(ctx *fasthttp.RequestCtx, s *simkit.Shape) (*fastjson.Value, *fastjson.Parser) {
	text := ctx.PostBody()
	if len(text) == 0 {
		text = []byte(`{}`)
	}
	p := c.parsers.Get()
	v, err := p.ParseBytes(text)
	if err != nil {
		c.parsers.Put(p)
		problem(ctx, 400, "invalid JSON")
		return nil, nil
	}
	var errs []string
	s.Check(v, "body", &errs)
	if len(errs) > 0 {
		c.parsers.Put(p)
		problem(ctx, 400, "invalid request: "+strings.Join(errs, "; "))
		return nil, nil
	}
	return v, p
}

func padded(n int64, width int) string {
	text := strconv.FormatInt(n, 10)
	return strings.Repeat("0", max(width-len(text), 0)) + text
}

func textOf(v *fastjson.Value, keys ...string) string { return simkit.Text(v, keys...) }
