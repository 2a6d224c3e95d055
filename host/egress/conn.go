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
	client   *Client
	pool     *pool
	idle     time.Time // when it was last released
	reused   bool      // it has carried a request before
	abort    func()    // ends reads and writes in progress; made once, used by every call

	reader *bufio.Reader // while an answer is read
	poll   poller
}

func (c *Client) newConn(stream, socket net.Conn, p *pool) *conn {
	one := &conn{Conn: stream, client: c, pool: p}
	if s, ok := socket.(syscall.Conn); ok {
		one.sys, _ = s.SyscallConn()
	}
	one.abort = func() { _ = one.SetDeadline(time.Unix(1, 0)) }
	one.poll.bind(one, stream == socket)
	return one
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

// takeReader gives the connection a read buffer.
func (c *conn) takeReader() {
	c.reader = c.client.readers.Get().(*bufio.Reader)
	c.reader.Reset(c)
}

// giveReader takes the read buffer back.
func (c *conn) giveReader() {
	if c.reader == nil {
		return
	}
	c.reader.Reset(nil)
	c.client.readers.Put(c.reader)
	c.reader = nil
}
