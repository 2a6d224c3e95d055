package egress

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

// canary is the key of every test. It may appear in a request's credential
// header and nowhere else.
const canary = "rpa_CANARY0123456789abcdef"

func TestMain(m *testing.M) { leak.Main(m) }

// network is a resolver and a dialler whose addresses lead to loopback servers.
type network struct {
	mu      sync.Mutex
	names   map[string][][]netip.Addr // answers in turn; the last one stays
	servers map[netip.AddrPort]string // listening address by the address dialled
	dialled []netip.AddrPort
	lookups int
}

func newNetwork() *network {
	return &network{names: map[string][][]netip.Addr{}, servers: map[netip.AddrPort]string{}}
}

func (n *network) name(host string, addrs ...string) {
	var all []netip.Addr
	for _, a := range addrs {
		all = append(all, netip.MustParseAddr(a))
	}
	n.names[host] = append(n.names[host], all)
}

func (n *network) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lookups++
	answers := n.names[host]
	if len(answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(answers) > 1 {
		n.names[host] = answers[1:]
	}
	return answers[0], nil
}

func (n *network) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	n.dialled = append(n.dialled, addr)
	server, ok := n.servers[addr]
	n.mu.Unlock()
	if !ok {
		return nil, &net.OpError{Op: "dial", Err: errors.New("the test has no server at " + addr.String())}
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", server)
}

func (n *network) dials() []netip.AddrPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.dialled)
}

// newClient returns a client with short pauses that ends with the test.
func newClient(t testing.TB, change ...func(*Options)) *Client {
	t.Helper()
	options := Options{UserAgent: "atlas/test", BackoffBase: time.Microsecond, BackoffMax: time.Microsecond, Random: func() float64 { return 0.5 }}
	for _, f := range change {
		f(&options)
	}
	c := New(options)
	t.Cleanup(c.Close)
	return c
}

func mustPolicy(t testing.TB, c *Client, s PolicySpec) *Policy {
	t.Helper()
	if s.Provider == "" {
		s.Provider = "test"
	}
	p, err := c.Policy(s)
	if err != nil {
		t.Fatalf("policy: %v", err)
	}
	return p
}

// operated returns a policy for servers of the test, with a bearer credential.
func operated(t testing.TB, c *Client, urls ...string) *Policy {
	t.Helper()
	return mustPolicy(t, c, PolicySpec{Hosts: []string{"api.example.com"}, Operator: urls, Credential: &spec.Credential{Scheme: "Bearer"}})
}

func secret() spec.Secret { return spec.NewSecret(canary) }

func get(url string) *Request { return &Request{Method: "GET", URL: url} }

// serve starts an HTTP server that ends with the test.
func serve(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// memory is a network in memory on which every address leads to the server that
// listens on it. A bubble of synctest has its time to itself only without sockets.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
	dials  atomic.Int32
}

// memoryURL is the address of the server on a memory.
const memoryURL = "http://127.0.0.1:1"

func (m *memory) dial(context.Context, netip.AddrPort) (net.Conn, error) {
	near, far := net.Pipe()
	m.dials.Add(1)
	m.conns <- far
	return near, nil
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case conn := <-m.conns:
		return conn, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	close(m.closed)
	return nil
}

func (m *memory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// timeless runs a test in virtual time against a server in memory: what waits waits
// exactly as long as it should, however busy the machine is.
func timeless(t *testing.T, start func(net.Listener) (stop func()), test func(t *testing.T, m *memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
		t.Cleanup(start(m))
		test(t, m)
	})
}

// serving starts an HTTP server for timeless.
func serving(handler http.HandlerFunc) func(net.Listener) func() {
	return func(l net.Listener) func() {
		server := &http.Server{Handler: handler}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = server.Serve(l)
		}()
		return func() {
			_ = server.Close()
			<-done
		}
	}
}

// scripted starts a server for timeless that handles each connection by itself;
// number counts them from 0.
func scripted(handle func(number int, conn net.Conn, in *bufio.Reader)) func(net.Listener) func() {
	return func(l net.Listener) func() { return handleAll(l, handle) }
}

// script is a server that handles each connection by itself; number counts them
// from 0.
func script(t testing.TB, handle func(number int, conn net.Conn, in *bufio.Reader)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(handleAll(listener, handle))
	return "http://" + listener.Addr().String()
}

// handleAll handles the connections of a listener, each by itself, until it is
// stopped.
func handleAll(listener net.Listener, handle func(number int, conn net.Conn, in *bufio.Reader)) (stop func()) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Add(1)
	go func() {
		defer all.Done()
		for number := 0; ; number++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			all.Add(1)
			go func() {
				defer all.Done()
				defer conn.Close()
				handle(number, conn, bufio.NewReader(conn))
			}()
		}
	}()
	return func() {
		listener.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		all.Wait()
	}
}

// request reads one request, body included, and reports whether one came.
func request(in *bufio.Reader) (*http.Request, bool) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, false
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, false
	}
	return r, true
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// reset closes a connection so that the peer gets a reset.
func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// mustDo sends a request that has to be answered.
func mustDo(t testing.TB, c *Client, p *Policy, req *Request) *Response {
	t.Helper()
	got, failure := c.Do(t.Context(), p, secret(), req)
	if failure != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, failure.Error)
	}
	return got
}

// mustFail sends a request that has to fail with that kind, and checks that the
// key is not in what the failure says.
func mustFail(t testing.TB, ctx context.Context, c *Client, p *Policy, req *Request, kind spec.Kind) *Failure {
	t.Helper()
	got, failure := c.Do(ctx, p, secret(), req)
	if failure == nil {
		t.Fatalf("%s %s: answered %d, want a failure of kind %s", req.Method, req.URL, got.Status, kind)
	}
	if failure.Kind != kind {
		t.Fatalf("%s %s: %v of kind %s, want %s", req.Method, req.URL, failure.Error, failure.Kind, kind)
	}
	noCanary(t, fmt.Sprintf("%v %+v %#v %v", failure.Error, failure.Error, *failure.Error, failure.Err))
	return failure
}

func noCanary(t testing.TB, text string) {
	t.Helper()
	for _, needle := range needles(canary) {
		if strings.Contains(text, needle) {
			t.Errorf("the key is in %q", text)
		}
	}
}

// fakeClock is a clock that the test moves.
type fakeClock struct {
	mu     sync.Mutex
	cond   *sync.Cond
	now    time.Time
	timers []*fakeTimer
	asked  []time.Duration // every pause that was asked for
}

type fakeTimer struct {
	clock *fakeClock
	at    time.Time
	c     chan time.Time
	done  bool
}

func newFakeClock() *fakeClock {
	c := &fakeClock{now: time.Now()}
	c.cond = sync.NewCond(&c.mu)
	return c
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) NewTimer(d time.Duration) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := &fakeTimer{clock: c, at: c.now.Add(d), c: make(chan time.Time, 1)}
	c.timers = append(c.timers, timer)
	c.asked = append(c.asked, d)
	c.cond.Broadcast()
	return timer
}

func (t *fakeTimer) C() <-chan time.Time { return t.c }

func (t *fakeTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	was := !t.done
	t.done = true
	return was
}

// pending waits until n timers run.
func (c *fakeClock) pending(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.running() < n {
		c.cond.Wait()
	}
}

// running counts the timers that run; the lock is held.
func (c *fakeClock) running() int {
	n := 0
	for _, t := range c.timers {
		if !t.done {
			n++
		}
	}
	return n
}

// advance moves the time and fires what is due.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for _, t := range c.timers {
		if !t.done && !t.at.After(c.now) {
			t.done = true
			t.c <- c.now
		}
	}
}

// pauses returns the pauses that were asked for.
func (c *fakeClock) pauses() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

// skipping is a clock on which every pause passes at once.
type skipping struct{ *fakeClock }

func (s skipping) NewTimer(d time.Duration) Timer {
	timer := s.fakeClock.NewTimer(d)
	s.advance(d)
	return timer
}
