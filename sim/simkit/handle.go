package simkit

import (
	"bytes"
	"net"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// handle serves one request: control plane, then the faults before it takes
// effect, the cloud, and the faults after.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	defer safego.Recover(func(e *spec.Error) {
		s.panics.Add(1)
		ctx.Response.ResetBody()
		ctx.Response.SetStatusCode(500)
		ctx.Response.SetBodyString("simulator: " + e.Message)
	})
	path := ctx.Path()
	if bytes.HasPrefix(path, []byte("/_sim")) {
		s.control(ctx, string(path))
		return
	}
	s.requests.Add(1)
	s.counts.add(ctx.Method(), path)
	p, any := s.Faults.plan(ctx.Method(), path)
	if !any {
		s.cloud.Serve(ctx)
		return
	}
	if !s.pause(p.before) {
		return
	}
	f := p.fault
	if f != nil && f.Effect == Reset {
		drop(ctx, true)
		return
	}
	if f == nil || f.Effect != Status || f.AfterEffect {
		s.cloud.Serve(ctx)
	}
	if !s.pause(p.after) || f == nil {
		return
	}
	switch f.Effect {
	case LostAnswer:
		drop(ctx, f.ResetConn)
	case Status:
		s.refuse(ctx, f)
	case Cut:
		s.write(ctx, f.Bytes, 0, true)
		drop(ctx, f.ResetConn)
	case Drip:
		s.write(ctx, f.Bytes, f.DelayMS, false)
		drop(ctx, false)
	}
}

// drop ends the connection, so that the client gets no more of an answer.
func drop(ctx *fasthttp.RequestCtx, reset bool) {
	c := ctx.Conn()
	if tcp, ok := c.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
	ctx.SetConnectionClose()
}

// refuse replaces the answer by the one of a fault.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, f *Fault) {
	// Not Response.Reset: that would bring back fasthttp's own Date header, whose
	// goroutine never ends.
	ctx.Response.ResetBody()
	if f.Body == "" {
		s.cloud.Refuse(ctx, f.Status)
	} else {
		ctx.Response.SetBodyString(f.Body)
		ctx.Response.Header.SetContentType("application/json")
	}
	ctx.Response.SetStatusCode(f.Status)
	if f.ContentType != "" {
		ctx.Response.Header.SetContentType(f.ContentType)
	}
	if f.RetryAfter != nil {
		ctx.Response.Header.Set("Retry-After", strconv.Itoa(*f.RetryAfter))
	}
	for name, value := range f.Headers {
		ctx.Response.Header.Set(name, value)
	}
}

// write sends the answer past fasthttp: the header with the length of the whole
// body, then the body in pieces of n bytes, or only the first of them.
func (s *Server) write(ctx *fasthttp.RequestCtx, n int, delayMS int64, once bool) {
	body := ctx.Response.Body()
	ctx.Response.Header.SetContentLength(len(body))
	c := ctx.Conn()
	if _, err := c.Write(ctx.Response.Header.Header()); err != nil {
		return
	}
	for len(body) > 0 {
		piece := min(n, len(body))
		if _, err := c.Write(body[:piece]); err != nil || once {
			return
		}
		if body = body[piece:]; len(body) > 0 && !s.pause(delayMS) {
			return
		}
	}
}
