package egress

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// gate is a server whose requests wait until the gate opens.
type gate struct {
	url     string
	arrived chan struct{}
	open    chan struct{}
}

func newGate(t testing.TB) *gate {
	g := &gate{arrived: make(chan struct{}, 100_000), open: make(chan struct{})}
	g.url = script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		for {
			if _, ok := request(in); !ok {
				return
			}
			g.arrived <- struct{}{}
			<-g.open
			if _, err := io.WriteString(conn, okAnswer); err != nil {
				return
			}
		}
	})
	t.Cleanup(g.release)
	return g
}

func (g *gate) release() {
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}

// result is what Do returned.
type result struct {
	response *Response
	failure  *Failure
}

func start(ctx context.Context, c *Client, p *Policy, req *Request) chan result {
	done := make(chan result, 1)
	go func() {
		got, failure := c.Do(ctx, p, secret(), req)
		done <- result{got, failure}
	}()
	return done
}

// eventually polls a condition that another goroutine is about to make true.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

func TestCancel_EndsARequestInFlight(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		g := newGate(t)
		c := newClient(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := start(ctx, c, operated(t, c, g.url), &Request{Method: method, URL: g.url})
		<-g.arrived
		cancel()
		got := <-done
		if got.failure == nil || got.failure.Kind != spec.KindCancelled || !got.failure.Sent {
			t.Errorf("%s: %+v", method, got)
		}
		if s := c.Stats(); s != (Stats{}) {
			t.Errorf("%s: the connection is kept: %+v", method, s)
		}
	}
}

func TestDeadline_EndsARequestInFlight(t *testing.T) {
	g := newGate(t)
	c := newClient(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	failure := mustFail(t, ctx, c, operated(t, c, g.url), &Request{Method: "POST", URL: g.url}, spec.KindTimeout)
	if !failure.Sent || !failure.Retryable {
		t.Errorf("%+v", failure)
	}
}

func TestDeadline_HasADefault(t *testing.T) {
	g := newGate(t)
	c := newClient(t, func(o *Options) { o.Timeout = 30 * time.Millisecond })
	mustFail(t, context.Background(), c, operated(t, c, g.url), get(g.url), spec.KindTimeout)
}

func TestCancel_EndsAConnect(t *testing.T) {
	dialling := make(chan struct{}, 1)
	c := newClient(t, func(o *Options) {
		o.Dial = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			dialling <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := start(ctx, c, operated(t, c, "http://127.0.0.1:1"), &Request{Method: "POST", URL: "http://127.0.0.1:1"})
	<-dialling
	cancel()
	if got := <-done; got.failure == nil || got.failure.Kind != spec.KindCancelled || got.failure.Sent {
		t.Errorf("%+v", got)
	}
	if s := c.Stats(); s != (Stats{}) {
		t.Errorf("%+v", s)
	}
}

func TestDial_GivesUpInTime(t *testing.T) {
	var dials atomic.Int32
	c := newClient(t, func(o *Options) {
		o.DialTimeout = 10 * time.Millisecond
		o.Dial = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			dials.Add(1)
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	failure := mustFail(t, t.Context(), c, operated(t, c, "http://127.0.0.1:1"), get("http://127.0.0.1:1"), spec.KindTransport)
	if failure.Sent || dials.Load() != 4 {
		t.Errorf("sent %v after %d dials", failure.Sent, dials.Load())
	}
}

func TestPool_BoundsConnectionsAndServesInOrder(t *testing.T) {
	g := newGate(t)
	c := newClient(t, func(o *Options) { o.MaxConnsPerHost = 1 })
	p := operated(t, c, g.url)
	first := start(t.Context(), c, p, get(g.url))
	<-g.arrived
	ctx, cancel := context.WithCancel(t.Context())
	var rest []chan result
	for i := range 3 {
		at := t.Context()
		if i == 1 {
			at = ctx
		}
		rest = append(rest, start(at, c, p, &Request{Method: "POST", URL: g.url}))
		eventually(t, "the request waits", func() bool { return c.Stats().Waiting == i+1 })
	}
	cancel()
	if got := <-rest[1]; got.failure == nil || got.failure.Kind != spec.KindCancelled || got.failure.Sent {
		t.Errorf("a cancelled waiter: %+v", got)
	}
	if s := c.Stats(); s != (Stats{Open: 1, Waiting: 2}) {
		t.Errorf("%+v", s)
	}
	g.release()
	for i, done := range []chan result{first, rest[0], rest[2]} {
		if got := <-done; got.failure != nil {
			t.Errorf("request %d: %v", i, got.failure.Error)
		}
	}
	if s := c.Stats(); s != (Stats{Open: 1, Idle: 1}) {
		t.Errorf("%+v", s)
	}
}

func TestPool_PassesABrokenConnectionsPlaceOn(t *testing.T) {
	url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		if _, ok := request(in); ok {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
		}
	})
	c := newClient(t, func(o *Options) { o.MaxConnsPerHost = 2 })
	p := operated(t, c, url)
	var all sync.WaitGroup
	for range 50 {
		all.Add(1)
		go func() {
			defer all.Done()
			if _, failure := c.Do(t.Context(), p, secret(), &Request{Method: "POST", URL: url}); failure != nil {
				t.Error(failure.Error)
			}
		}()
	}
	all.Wait()
	if s := c.Stats(); s != (Stats{}) || len(c.pools) != 0 {
		t.Errorf("%+v, %d pools", s, len(c.pools))
	}
}

func TestPool_DropsAConnectionWithUnaskedBytes(t *testing.T) {
	var connections atomic.Int32
	url := script(t, func(number int, conn net.Conn, in *bufio.Reader) {
		connections.Add(1)
		for {
			if _, ok := request(in); !ok {
				return
			}
			io.WriteString(conn, okAnswer+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
		}
	})
	c := newClient(t)
	p := operated(t, c, url)
	for range 3 {
		if got := mustDo(t, c, p, &Request{Method: "POST", URL: url}); string(got.Body) != "ok" {
			t.Errorf("answered %q", got.Body)
		}
	}
	if connections.Load() != 3 {
		t.Errorf("%d connections", connections.Load())
	}
}

func TestPool_ClosesIdleConnections(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := newClient(t, func(o *Options) { o.IdleTimeout = 20 * time.Millisecond })
	mustDo(t, c, operated(t, c, url), get(url))
	eventually(t, "the idle connection is closed", func() bool { return c.Stats() == Stats{} })
	mustDo(t, c, operated(t, c, url), get(url))
}

func TestClose_EndsWaitersAndRefusesFurtherRequests(t *testing.T) {
	g := newGate(t)
	c := newClient(t, func(o *Options) { o.MaxConnsPerHost = 1 })
	p := operated(t, c, g.url)
	first := start(t.Context(), c, p, get(g.url))
	<-g.arrived
	second := start(t.Context(), c, p, get(g.url))
	eventually(t, "the request waits", func() bool { return c.Stats().Waiting == 1 })
	c.Close()
	c.Close()
	if got := <-second; got.failure == nil || got.failure.Kind != spec.KindCancelled || got.failure.Sent {
		t.Errorf("%+v", got)
	}
	mustFail(t, t.Context(), c, p, get(g.url), spec.KindCancelled)
	g.release()
	if got := <-first; got.failure != nil {
		t.Errorf("the request in flight: %v", got.failure.Error)
	}
	if s := c.Stats(); s != (Stats{}) {
		t.Errorf("%+v", s)
	}
}

func TestDo_ServesAThousandAtOnce(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n := requests.Add(1); n%7 == 0 {
			w.WriteHeader(503)
			return
		} else if n%11 == 0 {
			w.Header().Set("Connection", "close")
		}
		io.WriteString(w, r.URL.Path)
	})
	c := newClient(t, func(o *Options) { o.MaxConnsPerHost, o.Attempts = 32, 20 })
	p := operated(t, c, url)
	var all sync.WaitGroup
	for i := range 1000 {
		all.Add(1)
		go func() {
			defer all.Done()
			path := fmt.Sprintf("/%d", i)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			got, failure := c.Do(ctx, p, secret(), get(url+path))
			if failure != nil {
				t.Error(failure.Error)
			} else if got.Status != 200 || string(got.Body) != path {
				t.Errorf("%s: %d %q", path, got.Status, got.Body)
			}
		}()
	}
	all.Wait()
	if s := c.Stats(); s.Waiting != 0 || s.Open != s.Idle || s.Open > 32 {
		t.Errorf("%+v", s)
	}
}

func TestDo_HoldsTenThousandInLittleMemory(t *testing.T) {
	const calls = 10_000
	most := int64(6 << 10)
	if raced {
		most *= 2
	}
	for name, connections := range map[string]int{"waiting for a connection": 64, "waiting for an answer": 2000} {
		g := newGate(t)
		c := newClient(t, func(o *Options) { o.MaxConnsPerHost = connections })
		p := operated(t, c, g.url)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		before := inUse()
		var all sync.WaitGroup
		n := min(calls, connections)
		if connections < 1000 {
			n = calls
		}
		for range n {
			all.Add(1)
			go func() {
				defer all.Done()
				if _, failure := c.Do(ctx, p, secret(), get(g.url)); failure != nil {
					t.Error(failure.Error)
				}
			}()
		}
		for range connections {
			<-g.arrived
		}
		eventually(t, "the others wait", func() bool { return c.Stats().Waiting == n-connections })
		// The server of the test lives in the same process; its share is measured
		// by the requests that only wait for a connection, which it does not see.
		each := (inUse() - before) / int64(n)
		t.Logf("%s: %d bytes a call, the test's server included", name, each)
		if connections < 1000 && each > most {
			t.Errorf("%s: %d bytes a call, at most %d are allowed", name, each, most)
		}
		g.release()
		all.Wait()
		cancel()
	}
}

// inUse returns the bytes of heap and stacks in use.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// patient is a connection that notes whether an answer is waited for after its
// call was cancelled.
type patient struct {
	net.Conn
	ctx  context.Context
	late *atomic.Bool
}

func (p *patient) Read(b []byte) (int, error) {
	if p.ctx.Err() != nil {
		p.late.Store(true)
	}
	return p.Conn.Read(b)
}

// TestCancel_EndsARequestWhoseBodyIsBeingSent cancels a call whose server reads
// nothing but the first byte.
func TestCancel_EndsARequestWhoseBodyIsBeingSent(t *testing.T) {
	begun, hold := make(chan struct{}), make(chan struct{})
	url := script(t, func(_ int, conn net.Conn, _ *bufio.Reader) {
		_, _ = conn.Read(make([]byte, 1))
		close(begun)
		<-hold
	})
	defer close(hold)
	ctx, cancel := context.WithCancel(t.Context())
	var late atomic.Bool
	c := newClient(t, func(o *Options) {
		o.Dial = func(dialling context.Context, addr netip.AddrPort) (net.Conn, error) {
			socket, err := dialTCP(dialling, addr)
			return &patient{socket, ctx, &late}, err
		}
	})
	done := start(ctx, c, operated(t, c, url), &Request{Method: "POST", URL: url, Body: make([]byte, 64<<20)})
	<-begun
	cancel()
	if got := <-done; got.failure == nil || got.failure.Kind != spec.KindCancelled || !got.failure.Sent {
		t.Errorf("%+v", got)
	}
	if late.Load() {
		t.Error("an answer is waited for that nobody wants")
	}
}
