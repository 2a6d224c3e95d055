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
	look   looker

	near  bool      // its last answer came at once
	asked time.Time // when the wait for the present one began
}

// Sleeping until an answer is there costs two switches of threads, and a
// processor that comes back to a cold cache: more than a server on this machine
// takes to answer. Such a server is looked to for a moment before the call goes
// to sleep. A cloud is too far away for that, and is never waited for like this.
const (
	nearBy   = 250 * time.Microsecond // an answer after less, waking up included, comes from nearby
	patience = 100 * time.Microsecond // how long the next one is then looked for
)

// waits notes that the wait for an answer begins, and waited that it has ended.
func (c *conn) waits() {
	c.client.waiting.Add(1)
	c.asked = time.Now()
}

func (c *conn) waited() {
	c.client.waiting.Add(-1)
	c.near = time.Since(c.asked) < nearBy
}

// expects reports whether it is worth looking for the answer once more, rather
// than sleeping until it is there. Where other calls wait, or there is one
// processor only, somebody else has use for the time.
func (c *conn) expects() bool {
	return c.near && c.client.parallel && c.client.waiting.Load() == 1 && time.Since(c.asked) < patience
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

// alive reports whether a kept connection can carry another request: the server has
// neither closed it nor sent anything unasked, which would be taken for the answer to
// that request, and each answer after it for that of the next. A look costs a system
// call.
func (c *conn) alive() bool { return c.sys == nil || c.look.quiet(c.sys) }

// spent reports whether nothing is left of what TLS has decrypted: a record may hold
// more than the answer. The socket is not asked, since a deadline that has passed lets
// nothing be read from it.
func (c *conn) spent() bool {
	if !c.pool.origin.secure {
		return true
	}
	_ = c.SetReadDeadline(time.Unix(1, 0))
	n, err := c.Conn.Read(make([]byte, 1))
	return n == 0 && timedOut(err)
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
