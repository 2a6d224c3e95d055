//go:build unix

package egress

import (
	"io"
	"syscall"
)

// looker looks at a socket without reading from it.
type looker struct {
	try  func(fd uintptr) bool // made once, so that a look allocates nothing
	open bool
}

// quiet reports whether a socket is open and has nothing to read.
func (l *looker) quiet(sys syscall.RawConn) bool {
	if l.try == nil {
		l.try = func(fd uintptr) bool {
			var b [1]byte
			_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			l.open = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
			return true
		}
	}
	l.open = false
	return sys.Read(l.try) == nil && l.open
}

// poller lets a plain connection wait for an answer without holding a buffer:
// it takes one for each attempt to read, and gives it back when there is nothing
// to read yet and none is expected in a moment. The system calls are those of an
// ordinary read.
type poller struct {
	try func(fd uintptr) bool // nil: the connection cannot
	fd  int                   // of the attempt under way, and 1 more; 0: none
	err error
}

func (p *poller) bind(c *conn, plain bool) {
	if !plain || c.sys == nil {
		return
	}
	p.try = func(fd uintptr) bool {
		c.takeReader()
		p.fd = int(fd) + 1
		_, p.err = c.reader.Peek(1)
		for p.err == syscall.EAGAIN && c.expects() {
			_, p.err = c.reader.Peek(1)
		}
		p.fd = 0
		if p.err == syscall.EAGAIN {
			c.giveReader()
			return false
		}
		return true
	}
}

// await blocks until the first byte of an answer is in the reader, or fails.
func (c *conn) await() error {
	if c.poll.try == nil {
		c.takeReader()
		_, err := c.reader.Peek(1)
		return err
	}
	c.waits()
	err := c.sys.Read(c.poll.try)
	c.waited()
	if err != nil {
		return err
	}
	return c.poll.err
}

// Read reads from the socket itself during an attempt, and from the byte stream
// otherwise.
func (c *conn) Read(b []byte) (int, error) {
	if c.poll.fd == 0 {
		return c.Conn.Read(b)
	}
	for {
		n, err := syscall.Read(c.poll.fd-1, b)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
