package egress

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// origin is what connections are shared by. Those to addresses that only an
// operator's setting allows are kept apart, since another provider's policy may
// name the same host without that right.
type origin struct {
	secure  bool
	private bool
	port    uint16
	host    string
}

// place names the origin to a person: with its port where that is not the usual one.
func (o *origin) place() string {
	if o.secure && o.port == 443 || !o.secure && o.port == 80 {
		return o.host
	}
	return net.JoinHostPort(o.host, strconv.Itoa(int(o.port)))
}

// pool holds the connections to one origin. The client's lock guards it.
type pool struct {
	origin  origin
	idle    []*conn // the last released is the first taken
	open    int     // connections, and the right to open one that is under way
	waiting queue
}

// queue is a list of waiters, first come first served.
type queue struct {
	head, tail *waiter
	length     int
}

// waiter is one call that waits for a connection. It gets a connection, or nil
// for the right to open one; a closed channel means the client is closed.
type waiter struct {
	ready      chan *conn
	queued     bool
	prev, next *waiter
}

func (q *queue) push(w *waiter) {
	w.queued, w.prev = true, q.tail
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
	q.length++
}

func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
	q.length--
}

func (q *queue) pop() *waiter {
	w := q.head
	if w != nil {
		q.remove(w)
	}
	return w
}

// acquire returns a connection: a kept one, a new one, or one that another call
// gives back. fresh asks for a new one; patience bounds the opening of one. Nothing has been sent when it fails.
func (c *Client) acquire(ctx context.Context, at origin, patience time.Duration, fresh bool) (*conn, *Failure) {
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return nil, unsent(spec.NewError(spec.KindCancelled, "the client is closed"))
		}
		p := c.pools[at]
		if p == nil {
			p = &pool{origin: at}
			c.pools[at] = p
		}
		var kept *conn
		if n := len(p.idle); n > 0 && (!fresh || p.open >= c.options.MaxConnsPerHost) {
			kept = p.idle[n-1]
			p.idle[n-1] = nil
			p.idle = p.idle[:n-1]
		} else if p.open < c.options.MaxConnsPerHost {
			p.open++
			c.mu.Unlock()
			return c.open(ctx, p, patience)
		}
		if kept == nil {
			w := &waiter{ready: make(chan *conn, 1)}
			p.waiting.push(w)
			c.mu.Unlock()
			var failure *Failure
			if kept, failure = c.wait(ctx, p, w); failure != nil {
				return nil, failure
			}
			if kept == nil {
				return c.open(ctx, p, patience)
			}
		} else {
			c.mu.Unlock()
		}
		if !fresh && kept.alive() {
			return kept, nil
		}
		c.release(kept, false)
	}
}

// wait blocks until w is served.
func (c *Client) wait(ctx context.Context, p *pool, w *waiter) (*conn, *Failure) {
	select {
	case kept, ok := <-w.ready:
		if !ok {
			return nil, unsent(spec.NewError(spec.KindCancelled, "the client is closed"))
		}
		return kept, nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	queued := w.queued
	if queued {
		p.waiting.remove(w)
	}
	c.mu.Unlock()
	if !queued { // it was served at the same moment: pass on what it got
		if kept, ok := <-w.ready; ok && kept != nil {
			c.release(kept, true)
		} else if ok {
			c.abandon(p)
		}
	}
	return nil, ended(ctx, "waiting for a connection to "+p.origin.host, false)
}

// open dials with the right that the caller holds.
func (c *Client) open(ctx context.Context, p *pool, patience time.Duration) (*conn, *Failure) {
	opened, failure := c.dial(ctx, p, patience)
	if failure != nil {
		c.abandon(p)
	}
	return opened, failure
}

// abandon gives back the right to open a connection.
func (c *Client) abandon(p *pool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.vacate(p)
}

// vacate passes the right to a connection on to the next waiter. The lock is
// held.
func (c *Client) vacate(p *pool) {
	if w := p.waiting.pop(); w != nil {
		w.ready <- nil
		return
	}
	p.open--
	if p.open == 0 && c.pools[p.origin] == p {
		delete(c.pools, p.origin)
	}
}

// release gives a connection back; keep tells whether it can be used again.
func (c *Client) release(one *conn, keep bool) {
	p := one.pool
	one.reused = true
	c.mu.Lock()
	if !keep || c.closed {
		c.vacate(p)
		c.mu.Unlock()
		_ = one.Close()
		return
	}
	one.idle = time.Now()
	if w := p.waiting.pop(); w != nil {
		w.ready <- one
	} else {
		p.idle = append(p.idle, one)
		if !c.sweeping {
			c.sweeping = true
			c.sweeper.Reset(c.options.IdleTimeout)
		}
	}
	c.mu.Unlock()
}

// sweep closes connections that were not used for the idle timeout. A timer
// calls it as long as there are kept ones.
func (c *Client) sweep() {
	var old []*conn
	left := false
	c.mu.Lock()
	before := time.Now().Add(-c.options.IdleTimeout)
	for _, p := range c.pools {
		n := 0
		for n < len(p.idle) && !p.idle[n].idle.After(before) {
			n++
		}
		old = append(old, p.idle[:n]...)
		rest := copy(p.idle, p.idle[n:])
		clear(p.idle[rest:])
		p.idle = p.idle[:rest]
		for range n {
			c.vacate(p)
		}
		left = left || rest > 0
	}
	c.sweeping = left && !c.closed
	if c.sweeping {
		c.sweeper.Reset(max(c.options.IdleTimeout/2, time.Millisecond))
	}
	c.mu.Unlock()
	for _, one := range old {
		_ = one.Close()
	}
}

// Stats counts what a client holds.
type Stats struct {
	Open    int // connections, those being opened included
	Idle    int // connections kept for the next request
	Waiting int // requests that wait for a connection
}

// Stats returns the present counts.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	var s Stats
	for _, p := range c.pools {
		s.Open += p.open
		s.Idle += len(p.idle)
		s.Waiting += p.waiting.length
	}
	return s
}

// Close closes the connections. Requests that wait for one end with an error,
// requests in flight end with their contexts, and their connections with them.
func (c *Client) Close() {
	var all []*conn
	c.mu.Lock()
	c.closed = true
	for at, p := range c.pools {
		all = append(all, p.idle...)
		p.open -= len(p.idle)
		p.idle = nil
		for w := p.waiting.pop(); w != nil; w = p.waiting.pop() {
			close(w.ready)
		}
		if p.open == 0 {
			delete(c.pools, at)
		}
	}
	c.mu.Unlock()
	c.sweeper.Stop()
	for _, one := range all {
		_ = one.Close()
	}
}
