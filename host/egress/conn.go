package egress

import (
	"bufio"
	"net"
	"syscall"
	"time"
)

// conn is one connection. Between acquire and release it belongs to one call.
type conn struct {
	net.Conn                 // the byte stream: TLS or plain
	sys      syscall.RawConn // of the socket below; nil where there is none
	pool     *pool
	idle     time.Time // when it was last released
	reused   bool      // it has carried a request before
	abort    func()    // ends reads and writes in progress; made once, used by every call
	reader   *bufio.Reader
}

func newConn(stream, socket net.Conn, p *pool) *conn {
	c := &conn{Conn: stream, pool: p}
	if s, ok := socket.(syscall.Conn); ok {
		c.sys, _ = s.SyscallConn()
	}
	c.abort = func() { _ = c.SetDeadline(time.Unix(1, 0)) }
	return c
}

// fresh is how long an unused connection is taken for alive without a look, for
// requests that may be sent again.
const fresh = time.Second

// alive reports whether a kept connection can carry another request: the server
// has neither closed it nor sent anything unasked. A look costs a system call.
func (c *conn) alive(now time.Time, careful bool) bool {
	if !careful && now.Sub(c.idle) < fresh {
		return true
	}
	return c.sys == nil || quiet(c.sys)
}

// await blocks until there is something to read.
func (c *conn) await(*Client) error { return nil }

func (c *conn) takeReader(from *Client) *bufio.Reader {
	c.reader = from.readers.Get().(*bufio.Reader)
	c.reader.Reset(c.Conn)
	return c.reader
}

func (c *conn) giveReader(to *Client) {
	c.reader.Reset(nil)
	to.readers.Put(c.reader)
	c.reader = nil
}
