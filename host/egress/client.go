package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
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
	AnswerTimeout    time.Duration // default 30 s: what an attempt of a GET, HEAD or DELETE may take until its answer is there
	ChangeTimeout    time.Duration // default 2 min: the same of the others, which are not sent again once it has passed
	MaxWait          time.Duration // default 2 min: the longest pause before a retry and for a pace

	Attempts    int           // default 4: how often a request is sent at most
	BackoffBase time.Duration // default 100 ms: the first pause, doubled each time
	BackoffMax  time.Duration // default 5 s

	TLS      *tls.Config                                                      // default: the system's roots
	Resolver Resolver                                                         // default: the system's
	Dial     func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) // default: TCP
	Clock    Clock                                                            // default: the system's
	Random   func() float64                                                   // default: math/rand/v2; in [0, 1)

	Observer func() func(Event) // asked after every attempt who is to be told of it, on the caller's goroutine; either may be nil
}

// Client sends the requests of all providers of one host. Its methods may be
// called from any goroutine.
type Client struct {
	options Options
	tls     *tls.Config
	readers sync.Pool // of *bufio.Reader
	buffers sync.Pool // of *[]byte, for requests

	parallel bool         // there is more than one processor
	waiting  atomic.Int32 // connections that wait for an answer

	mu       sync.Mutex
	pools    map[origin]*pool
	closed   bool
	sweeping bool
	sweeper  *time.Timer
}

// readBuffer is the size of a read buffer, and so of the largest header block
// of an answer.
const readBuffer = 8 << 10

// New returns a client. Close releases what it holds.
func New(options Options) *Client {
	o := &options
	if o.UserAgent == "" {
		o.UserAgent = "atlas/dev"
	}
	atLeast(&o.MaxConnsPerHost, 512)
	atLeast(&o.MaxResponseBytes, 16<<20)
	atLeast(&o.DialTimeout, 10*time.Second)
	atLeast(&o.IdleTimeout, 60*time.Second)
	atLeast(&o.Timeout, 5*time.Minute)
	atLeast(&o.AnswerTimeout, 30*time.Second)
	atLeast(&o.ChangeTimeout, 2*time.Minute)
	atLeast(&o.MaxWait, 2*time.Minute)
	atLeast(&o.Attempts, 4)
	atLeast(&o.BackoffBase, 100*time.Millisecond)
	atLeast(&o.BackoffMax, 5*time.Second)
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Dial == nil {
		o.Dial = dialTCP
	}
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	c := &Client{options: options, tls: o.TLS.Clone(), pools: map[origin]*pool{}, parallel: runtime.GOMAXPROCS(0) > 1}
	if c.tls == nil {
		c.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if c.tls.ClientSessionCache == nil {
		c.tls.ClientSessionCache = tls.NewLRUClientSessionCache(256)
	}
	c.readers.New = func() any { return bufio.NewReaderSize(nil, readBuffer) }
	c.buffers.New = func() any { b := make([]byte, 0, 1024); return &b }
	c.sweeper = time.AfterFunc(time.Hour, c.sweep)
	c.sweeper.Stop()
	return c
}

// atLeast sets a number that is not above zero to its default.
func atLeast[T ~int | ~int64](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}
