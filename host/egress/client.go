package egress

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// Resolver looks up the addresses of a host name. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options configures a Client. The zero value is ready for use.
type Options struct {
	UserAgent string // default atlas/dev

	MaxConnsPerHost  int           // default 512; further requests wait for one
	MaxResponseBytes int           // default 16 MiB
	DialTimeout      time.Duration // default 10 s, TLS handshake included
	IdleTimeout      time.Duration // default 60 s: how long an unused connection is kept
	Timeout          time.Duration // default 5 min: the deadline of a call whose context has none
	MaxWait          time.Duration // default 2 min: the longest pause before a retry and for a pace

	Attempts    int           // default 4: how often a request is sent at most
	BackoffBase time.Duration // default 100 ms: the first pause, doubled each time
	BackoffMax  time.Duration // default 5 s

	TLS      *tls.Config                                                      // default: the system's roots
	Resolver Resolver                                                         // default: the system's
	Dial     func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) // default: TCP
	Clock    Clock                                                            // default: the system's
	Random   func() float64                                                   // default: math/rand/v2; in [0, 1)

	Observe func(Event) // called after every attempt, on the caller's goroutine; may be nil
}

// Client sends the requests of all providers of one host. Its methods may be
// called from any goroutine.
type Client struct {
	options Options
}

// New returns a client. Close releases what it holds.
func New(options Options) *Client {
	return &Client{options: options}
}

// Stats counts what a client holds.
type Stats struct {
	Open    int // connections
	Idle    int // connections kept for the next request
	Waiting int // requests that wait for a connection
}

// Stats returns the present counts.
func (c *Client) Stats() Stats { return Stats{} }

// Close closes the connections. Requests that wait for one end with an error;
// requests in flight end as their contexts say.
func (c *Client) Close() {}

// Do sends one request and returns the answer, whatever its status. Redirects of
// GET and HEAD are followed, what is safe to send again is sent again.
func (c *Client) Do(ctx context.Context, p *Policy, key spec.Secret, req *Request) (*Response, *Failure) {
	return nil, &Failure{Error: spec.NewError(spec.KindInternal, "not built")}
}
