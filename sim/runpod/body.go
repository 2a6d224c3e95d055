package runpod

import (
	"fmt"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// bodyLimit is what the management API takes as a body, bytes.
const bodyLimit = 102400

// body parses and checks a request body, or answers the error. The caller
// returns the parser when it is done with the value.
func (c *Cloud) body(ctx *fasthttp.RequestCtx, s *simkit.Shape) (*fastjson.Value, *fastjson.Parser) {
	text := ctx.PostBody()
	if len(text) > bodyLimit {
		problem(ctx, 413, fmt.Sprintf("request body exceeds %d bytes", bodyLimit))
		return nil, nil
	}
	p := c.parsers.Get()
	v, err := p.ParseBytes(text)
	if err != nil {
		c.parsers.Put(p)
		problem(ctx, 400, "request body could not be parsed as JSON")
		return nil, nil
	}
	var errs []string
	s.Check(v, "$", &errs)
	if len(errs) > 0 {
		c.parsers.Put(p)
		invalid(ctx, errs...)
		return nil, nil
	}
	return v, p
}

func stringsOf(v *fastjson.Value, keys ...string) []string { return simkit.Texts(v, keys...) }
func textOf(v *fastjson.Value, keys ...string) string      { return simkit.Text(v, keys...) }
