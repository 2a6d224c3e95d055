package simkit

import (
	"net"
	"strconv"

	"github.com/valyala/fasthttp"
)

// Stream is an answer whose body stays open, such as server-sent events. It is
// written past fasthttp, so that a broken connection is seen at once and no
// goroutine is needed.
type Stream struct {
	ctx  *fasthttp.RequestCtx
	conn net.Conn
	buf  []byte
}

// BeginStream sends the header of a chunked answer. The caller has set status
// and content type, and calls End when it is done.
func BeginStream(ctx *fasthttp.RequestCtx) (*Stream, error) {
	ctx.Response.Header.SetContentLength(-1)
	s := &Stream{ctx: ctx, conn: ctx.Conn()}
	_, err := s.conn.Write(ctx.Response.Header.Header())
	return s, err
}

// Write sends one chunk. An empty one sends nothing.
func (s *Stream) Write(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	s.buf = strconv.AppendInt(s.buf[:0], int64(len(data)), 16)
	s.buf = append(append(append(s.buf, "\r\n"...), data...), "\r\n"...)
	_, err := s.conn.Write(s.buf)
	return err
}

// End finishes the body and closes the connection.
func (s *Stream) End() {
	_, _ = s.conn.Write([]byte("0\r\n\r\n"))
	drop(s.ctx, false)
}
