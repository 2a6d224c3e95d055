package egress

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

var methods = []string{"GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"}

func TestRetry_RepeatsWhatIsSafe(t *testing.T) {
	for _, status := range []int{200, 400, 404, 408, 429, 500, 501, 502, 503, 504} {
		for _, method := range methods {
			var requests atomic.Int32
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if requests.Add(1) <= 2 {
					w.WriteHeader(status)
				}
			})
			c := newClient(t)
			got := mustDo(t, c, operated(t, c, url), &Request{Method: method, URL: url})
			again := status == 429 || safe(method) && (status == 500 || status >= 502)
			if again && (requests.Load() != 3 || got.Status != 200) || !again && (requests.Load() != 1 || got.Status != status) {
				t.Errorf("%s answered %d: %d requests, in the end %d", method, status, requests.Load(), got.Status)
			}
		}
	}
}

func TestRetry_EndsAfterTheLastAttempt(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(429)
		fmt.Fprint(w, "slow down")
	})
	c := newClient(t)
	got := mustDo(t, c, operated(t, c, url), &Request{Method: "POST", URL: url})
	if got.Status != 429 || string(got.Body) != "slow down" || requests.Load() != 4 {
		t.Errorf("%d %q after %d requests", got.Status, got.Body, requests.Load())
	}
}

// faults are ways in which a server breaks a connection.
var faults = map[string]func(conn net.Conn, in *bufio.Reader){
	"reset at once":        func(conn net.Conn, _ *bufio.Reader) { reset(conn) },
	"closed at once":       func(net.Conn, *bufio.Reader) {},
	"reset after request":  func(conn net.Conn, in *bufio.Reader) { request(in); reset(conn) },
	"closed after request": func(_ net.Conn, in *bufio.Reader) { request(in) },
	"cut head":             func(conn net.Conn, in *bufio.Reader) { request(in); io.WriteString(conn, "HTTP/1.1 200 OK\r\nConte") },
	"cut body": func(conn net.Conn, in *bufio.Reader) {
		request(in)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
	},
	"cut chunk": func(conn net.Conn, in *bufio.Reader) {
		request(in)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha")
	},
	"cut between chunks": func(conn net.Conn, in *bufio.Reader) {
		request(in)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nha\r\n")
	},
	"no HTTP, with the key": func(conn net.Conn, in *bufio.Reader) { request(in); io.WriteString(conn, canary+" "+canary+"\r\n\r\n") },
	"two lengths": func(conn net.Conn, in *bufio.Reader) {
		request(in)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\nX: "+canary+"\r\n\r\nab")
	},
	"switches protocols": func(conn net.Conn, in *bufio.Reader) {
		request(in)
		io.WriteString(conn, "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
	},
	"endless head": func(conn net.Conn, in *bufio.Reader) {
		request(in)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
		conn.Write(make([]byte, 64<<10))
	},
}

func TestRetry_RepeatsReadsAfterEveryFault(t *testing.T) {
	for name, fault := range faults {
		for _, method := range methods {
			var requests atomic.Int32
			url := script(t, func(number int, conn net.Conn, in *bufio.Reader) {
				requests.Add(1)
				if number == 0 {
					fault(conn, in)
					return
				}
				if _, ok := request(in); ok {
					if method == "HEAD" {
						io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
						return
					}
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
				}
			})
			c := newClient(t)
			p := operated(t, c, url)
			req := &Request{Method: method, URL: url, Body: []byte("{}")}
			if method == "HEAD" && (name == "cut body" || name == "cut chunk" || name == "cut between chunks") {
				continue // the head is the whole answer
			}
			if safe(method) {
				if got := mustDo(t, c, p, req); got.Status != 200 {
					t.Errorf("%s, %s: %d", name, method, got.Status)
				}
				continue
			}
			got, failure := c.Do(t.Context(), p, secret(), req)
			if failure == nil && got.Status == 200 && name == "reset at once" && requests.Load() == 2 {
				continue // the reset came before the first byte left
			}
			if failure == nil || failure.Kind != spec.KindTransport || !failure.Sent || requests.Load() != 1 {
				t.Fatalf("%s, %s: %+v %+v, %d connections", name, method, got, failure, requests.Load())
			}
			noCanary(t, fmt.Sprintf("%+v %v", *failure.Error, failure.Err))
		}
	}
}

func TestRetry_RepeatsAWriteThatNeverLeft(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	var dials atomic.Int32
	c := newClient(t, func(o *Options) {
		o.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			if dials.Add(1) <= 3 {
				return nil, &net.OpError{Op: "dial", Err: io.ErrUnexpectedEOF}
			}
			return dialTCP(ctx, addr)
		}
	})
	if got := mustDo(t, c, operated(t, c, url), &Request{Method: "POST", URL: url}); got.Status != 200 || dials.Load() != 4 {
		t.Errorf("%d after %d dials", got.Status, dials.Load())
	}
}

func TestRetry_UsesAnotherConnectionForAStaleOne(t *testing.T) {
	// The server keeps each connection for one answer and closes it without
	// saying so, after the client has taken it for alive.
	for _, method := range methods {
		var requests atomic.Int32
		url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			if _, ok := request(in); !ok {
				return
			}
			requests.Add(1)
			if method == "HEAD" {
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
			} else {
				io.WriteString(conn, okAnswer)
			}
			_ = conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, conn) // takes further requests and answers none
		})
		c := newClient(t, func(o *Options) { o.Attempts = 1 })
		p := operated(t, c, url)
		for i := range 5 {
			got, failure := c.Do(t.Context(), p, secret(), &Request{Method: method, URL: url})
			if failure != nil {
				// Between the look at the connection and the request the end may
				// arrive; a write is not repeated then.
				if safe(method) || !failure.Sent {
					t.Fatalf("%s %d: %v", method, i, failure.Error)
				}
				continue
			}
			if got.Status != 200 {
				t.Errorf("%s %d: %d", method, i, got.Status)
			}
		}
		if safe(method) && requests.Load() != 5 {
			t.Errorf("%s: the server has answered %d requests", method, requests.Load())
		}
	}
}

func TestRetry_WaitsAsTheServerAsks(t *testing.T) {
	date := func(c *fakeClock, d time.Duration) string { return c.Now().Add(d).UTC().Format(http.TimeFormat) }
	rows := []struct {
		name      string
		header    func(c *fakeClock) http.Header
		min, max  time.Duration
		requests  int32
		seenAfter time.Duration // RetryAfter of an answer handed on
	}{
		{"nothing", func(*fakeClock) http.Header { return nil }, 375 * time.Millisecond, 375 * time.Millisecond, 2, 0},
		{"seconds", func(*fakeClock) http.Header { return http.Header{"Retry-After": {"7"}} }, 7 * time.Second, 7 * time.Second, 2, 0},
		{"a date", func(c *fakeClock) http.Header { return http.Header{"Retry-After": {date(c, 9*time.Second)}} }, 8 * time.Second, 9 * time.Second, 2, 0},
		{"a past date", func(c *fakeClock) http.Header { return http.Header{"Retry-After": {date(c, -time.Hour)}} }, 375 * time.Millisecond, 375 * time.Millisecond, 2, 0},
		{"rubbish", func(*fakeClock) http.Header {
			return http.Header{"Retry-After": {"soon"}, "Ratelimit": {`x;;=,"y";r=;t=a`}}
		}, 375 * time.Millisecond, 375 * time.Millisecond, 2, 0},
		{"negative", func(*fakeClock) http.Header { return http.Header{"Retry-After": {"-5"}} }, 375 * time.Millisecond, 375 * time.Millisecond, 2, 0},
		{"an exhausted window that is longer", func(*fakeClock) http.Header {
			return http.Header{"Retry-After": {"3"}, "Ratelimit": {`"minute";r=0;t=12, "hour";r=0;t=30, "day";r=49500;t=45012`}}
		}, 30 * time.Second, 30 * time.Second, 2, 0},
		{"more than the limit of a pause", func(*fakeClock) http.Header { return http.Header{"Retry-After": {"61"}} }, 0, 0, 1, 61 * time.Second},
		{"an exhausted day", func(*fakeClock) http.Header {
			return http.Header{"Retry-After": {"3"}, "Ratelimit": {`"day";r=0;t=45012`}}
		}, 0, 0, 1, 45012 * time.Second},
	}
	for _, row := range rows {
		clock := newFakeClock()
		var requests atomic.Int32
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if requests.Add(1) > 1 {
				return
			}
			for name, values := range row.header(clock) {
				w.Header()[name] = values
			}
			w.WriteHeader(429)
		})
		c := newClient(t, func(o *Options) {
			o.Clock, o.BackoffBase, o.BackoffMax, o.MaxWait = skipping{clock}, 100*time.Millisecond, 5*time.Second, time.Minute
		})
		got := mustDo(t, c, operated(t, c, url), &Request{Method: "POST", URL: url})
		total := time.Duration(0)
		for _, d := range clock.pauses() {
			total += d
		}
		if requests.Load() != row.requests || total < row.min || total > row.max || got.RetryAfter != row.seenAfter {
			t.Errorf("%s: %d requests, paused %v, RetryAfter %v", row.name, requests.Load(), total, got.RetryAfter)
		}
		if row.seenAfter > 0 && got.Get("retry-after") != fmt.Sprint(int(row.seenAfter.Seconds())) {
			t.Errorf("%s: the guest reads retry-after %q", row.name, got.Get("retry-after"))
		}
	}
}

func TestRetry_NeverWaitsBeyondTheDeadline(t *testing.T) {
	clock := newFakeClock()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "31")
		w.WriteHeader(429)
	})
	c := newClient(t, func(o *Options) { o.Clock = skipping{clock} })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, failure := c.Do(ctx, operated(t, c, url), secret(), get(url))
	if failure != nil || got.Status != 429 || got.RetryAfter != 31*time.Second || len(clock.pauses()) != 0 {
		t.Errorf("%+v %+v, paused %v", got, failure, clock.pauses())
	}
}

func TestRetry_EndsWithItsContextDuringAPause(t *testing.T) {
	clock := newFakeClock()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) })
	c := newClient(t, func(o *Options) { o.Clock = clock })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		clock.pending(1)
		cancel()
	}()
	if failure := mustFail(t, ctx, c, operated(t, c, url), &Request{Method: "POST", URL: url}, spec.KindCancelled); failure.Sent {
		t.Error("a request that was refused counts as sent")
	}
}

func TestRetry_BacksOffExponentiallyWithJitter(t *testing.T) {
	clock := newFakeClock()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) })
	c := newClient(t, func(o *Options) {
		o.Clock, o.Attempts, o.BackoffBase, o.BackoffMax = skipping{clock}, 6, 100*time.Millisecond, time.Second
		o.Random = func() float64 { return 0 }
	})
	mustDo(t, c, operated(t, c, url), get(url))
	want := []time.Duration{50, 100, 200, 400, 500}
	got := clock.pauses()
	if len(got) != len(want) {
		t.Fatalf("paused %v", got)
	}
	for i := range want {
		if got[i] != want[i]*time.Millisecond {
			t.Errorf("pause %d is %v, want %v", i, got[i], want[i]*time.Millisecond)
		}
	}
}

// TestRetry_RemembersWhatAnEarlierAttemptMayHaveDone: what became of a DELETE is
// not known because a later attempt certainly did nothing.
func TestRetry_RemembersWhatAnEarlierAttemptMayHaveDone(t *testing.T) {
	broken := func(conn net.Conn) { reset(conn) }
	failing := func(conn net.Conn) {
		io.WriteString(conn, "HTTP/1.1 503 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}
	refusing := func(conn net.Conn) {
		io.WriteString(conn, "HTTP/1.1 429 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}
	for name, row := range map[string]struct {
		first func(net.Conn)
		sent  bool
	}{"broke": {broken, true}, "failed": {failing, true}, "refused": {refusing, false}} {
		url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			if _, ok := request(in); ok {
				row.first(conn)
			}
		})
		var dials atomic.Int32
		c := newClient(t, func(o *Options) {
			o.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
				if dials.Add(1) > 1 {
					return nil, syscall.ECONNREFUSED
				}
				return dialTCP(ctx, addr)
			}
		})
		failure := mustFail(t, t.Context(), c, operated(t, c, url), &Request{Method: "DELETE", URL: url}, spec.KindTransport)
		if failure.Sent != row.sent || dials.Load() < 2 {
			t.Errorf("%s: sent %v after %d dials, want %v", name, failure.Sent, dials.Load(), row.sent)
		}
		// And where the call ends in the pause before the second attempt.
		clock := newFakeClock()
		ctx, cancel := context.WithCancel(t.Context())
		c = newClient(t, func(o *Options) { o.Clock = clock })
		done := start(ctx, c, operated(t, c, url), &Request{Method: "DELETE", URL: url})
		clock.pending(1)
		cancel()
		if got := <-done; got.failure == nil || got.failure.Kind != spec.KindCancelled || got.failure.Sent != row.sent {
			t.Errorf("%s, cancelled: %+v, want sent %v", name, got.failure, row.sent)
		}
	}
}

func TestRetry_RemembersWhatWasSentOnAStaleConnection(t *testing.T) {
	url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		if _, ok := request(in); ok {
			io.WriteString(conn, okAnswer)
		}
		request(in)
		reset(conn)
	})
	var dials atomic.Int32
	c := newClient(t, func(o *Options) {
		o.Attempts = 1
		o.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			if dials.Add(1) > 1 {
				return nil, syscall.ECONNREFUSED
			}
			return dialTCP(ctx, addr)
		}
	})
	p := operated(t, c, url)
	mustDo(t, c, p, get(url))
	failure := mustFail(t, t.Context(), c, p, &Request{Method: "DELETE", URL: url}, spec.KindTransport)
	if !failure.Sent || dials.Load() != 2 {
		t.Errorf("sent %v after %d dials", failure.Sent, dials.Load())
	}
}
