//go:build !unix

package egress

import "syscall"

// looker cannot look without reading here; a broken connection is found by its
// next request.
type looker struct{}

func (*looker) quiet(syscall.RawConn) bool { return true }

// poller has nothing to do here: a connection holds its buffer while it waits.
type poller struct{}

func (*poller) bind(*conn, bool) {}

// await blocks until the first byte of an answer is in the reader, or fails.
func (c *conn) await() error {
	c.takeReader()
	_, err := c.reader.Peek(1)
	return err
}
