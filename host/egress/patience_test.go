package egress

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// hanging is a server that reads requests, sends what it is told to and nothing
// more; it counts them.
func hanging(head string, requests *atomic.Int32) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, conn net.Conn, in *bufio.Reader) {
		if _, ok := request(in); ok {
			requests.Add(1)
			io.WriteString(conn, head)
			io.Copy(io.Discard, in)
		}
	}
}

func TestPatience_AHangingServerIsGivenUp(t *testing.T) {
	const short = 20 * time.Millisecond
	rows := []struct {
		name     string
		head     string
		request  Request
		requests int32
		sent     bool
		took     time.Duration
	}{
		{"a GET is sent thrice", "", Request{Method: "GET"}, 3, true, 3 * short},
		{"a DELETE is sent thrice", "", Request{Method: "DELETE"}, 3, true, 3 * short},
		{"a body that does not come is no answer", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndata", Request{Method: "GET"}, 3, true, 3 * short},
		{"half a header is no answer", "HTTP/1.1 200 OK\r\nContent-", Request{Method: "GET"}, 3, true, 3 * short},
		{"a POST is sent once", "", Request{Method: "POST", Body: []byte("{}")}, 1, true, 2 * short},
		{"a GET that takes away what it reads is sent once", "", Request{Method: "GET", Once: true}, 1, true, short},
		{"as often as the caller says", "", Request{Method: "GET", Attempts: 5, Timeout: short / 2}, 5, true, 5 * short / 2},
		{"once if the caller says so", "", Request{Method: "GET", Attempts: 1}, 1, true, short},
		{"a stream that does not begin", "", Request{Method: "GET", Read: &Read{IdleMS: 5}}, 3, true, 3 * (short + 5*time.Millisecond)},
		{"a stream that begins with half a header", "HTTP/1.1 200 OK\r\nContent-", Request{Method: "GET", Read: &Read{IdleMS: 5}}, 3, true, 3 * (short + 5*time.Millisecond)},
	}
	for _, row := range rows {
		var requests atomic.Int32
		timeless(t, scripted(hanging(row.head, &requests)), func(t *testing.T, m *memory) {
			c := newClient(t, func(o *Options) { o.AnswerTimeout, o.ChangeTimeout, o.Dial = short, 2*short, m.dial })
			row.request.URL = memoryURL
			start := time.Now()
			failure := mustFail(t, context.Background(), c, operated(t, c, memoryURL), &row.request, spec.KindTimeout)
			if requests.Load() != row.requests || failure.Sent != row.sent || !failure.Retryable || !strings.Contains(failure.Message, "within ") {
				t.Errorf("%s: %d requests, %+v", row.name, requests.Load(), failure)
			}
			if took := time.Since(start); took < row.took || took > row.took+5*time.Millisecond {
				t.Errorf("%s: given up after %v, not %v", row.name, took, row.took)
			}
			if s := c.Stats(); s != (Stats{}) {
				t.Errorf("%s: a connection is kept: %+v", row.name, s)
			}
		})
	}
}

// A call without a deadline lasts as long as the attempts that it may take.
func TestPatience_OfTheCallerIsThatOfEachAttempt(t *testing.T) {
	for attempts, want := range map[int]int32{0: mostLate, 1: 1, 10: 10} {
		var requests atomic.Int32
		timeless(t, scripted(hanging("", &requests)), func(t *testing.T, m *memory) {
			c := newClient(t, func(o *Options) { o.Dial = m.dial })
			start := time.Now()
			mustFail(t, context.Background(), c, operated(t, c, memoryURL), &Request{Method: "GET", URL: memoryURL, Timeout: 10 * time.Minute, Attempts: attempts}, spec.KindTimeout)
			if took, whole := time.Since(start), time.Duration(want)*10*time.Minute; requests.Load() != want || took < whole || took > whole+time.Second {
				t.Errorf("attempts %d: %d requests in %v", attempts, requests.Load(), took)
			}
		})
	}
}

// The wait for an answer on a socket is another one than that on a connection in
// memory or under TLS. Opening one may take its time here: only the wait is cut.
func TestPatience_EndsTheWaitOnASocket(t *testing.T) {
	var requests atomic.Int32
	for _, read := range []*Read{nil, {IdleMS: 5}} {
		url := script(t, hanging("", &requests))
		c := newClient(t, func(o *Options) {
			o.AnswerTimeout = 20 * time.Millisecond
			o.Dial = func(_ context.Context, addr netip.AddrPort) (net.Conn, error) {
				return dialTCP(context.Background(), addr)
			}
		})
		failure := mustFail(t, context.Background(), c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: read}, spec.KindTimeout)
		if !failure.Retryable || !strings.Contains(failure.Message, "within ") || c.Stats() != (Stats{}) {
			t.Errorf("%+v, %+v", failure, c.Stats())
		}
	}
}

func TestPatience_OfTheDefaultsEndsAGetWithinAHundredSeconds(t *testing.T) {
	o := New(Options{}).options
	whole := mostLate * o.AnswerTimeout
	for attempt := 1; attempt < mostLate; attempt++ {
		whole += min(o.BackoffBase<<(attempt-1), o.BackoffMax)
	}
	if o.AnswerTimeout != 30*time.Second || whole > 100*time.Second {
		t.Errorf("an attempt takes %v, all of them %v", o.AnswerTimeout, whole)
	}
}

// dated is a connection that remembers its deadline.
type dated struct {
	net.Conn
	until time.Time
}

func (l *dated) SetDeadline(at time.Time) error {
	l.until = at
	return l.Conn.SetDeadline(at)
}

func TestPatience_LetsAStreamGoOnAndKeepsConnections(t *testing.T) {
	const short = 100 * time.Millisecond
	timeless(t, serving(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/plain" {
			return
		}
		for range 6 {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			time.Sleep(short / 2)
		}
	}), func(t *testing.T, m *memory) {
		last := &dated{}
		c := newClient(t, func(o *Options) {
			o.AnswerTimeout = short
			o.Dial = func(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
				conn, err := m.dial(ctx, at)
				last = &dated{Conn: conn}
				return last, err
			}
		})
		p := operated(t, c, memoryURL)
		for _, idle := range []int64{0, 10_000} {
			if got := mustDo(t, c, p, &Request{Method: "GET", URL: memoryURL, Read: &Read{IdleMS: idle}}); string(got.Body) != "xxxxxx" {
				t.Errorf("idle %d: read %q", idle, got.Body)
			}
		}
		mustDo(t, c, p, get(memoryURL+"/plain"))
		before := m.dials.Load()
		if !last.until.IsZero() { // a look at the kept connection would fail from then on
			t.Errorf("the deadline of that answer is left on its connection: %v", last.until)
		}
		time.Sleep(2 * short)
		mustDo(t, c, p, &Request{Method: "POST", URL: memoryURL + "/plain"})
		if s := c.Stats(); s.Open != 1 || m.dials.Load() != before {
			t.Errorf("the kept connection was not used again: %+v", s)
		}
	})
}

func TestOnce_IsSentAgainOnlyWhereNothingArrived(t *testing.T) {
	var requests atomic.Int32
	url := script(t, func(number int, conn net.Conn, in *bufio.Reader) {
		for n := 0; ; n++ {
			if _, ok := request(in); !ok {
				return
			}
			requests.Add(1)
			switch {
			case number == 0 && n == 0:
				io.WriteString(conn, "HTTP/1.1 429 no\r\nContent-Length: 0\r\n\r\n")
			case number == 0 && n == 1:
				io.WriteString(conn, okAnswer)
			default:
				return // the answer is lost, on a kept connection first
			}
		}
	})
	c := newClient(t)
	p := operated(t, c, url)
	once := &Request{Method: "GET", URL: url, Once: true}
	mustDo(t, c, p, once)
	for range 2 {
		before := requests.Load()
		if failure := mustFail(t, t.Context(), c, p, once, spec.KindTransport); !failure.Sent || requests.Load() != before+1 {
			t.Errorf("%d requests, %+v", requests.Load()-before, failure)
		}
	}
}
