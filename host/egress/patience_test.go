package egress

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// hanging is a server that reads requests and never answers; it counts them.
func hanging(t *testing.T, head string) (url string, requests *atomic.Int32) {
	requests = &atomic.Int32{}
	return script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		if _, ok := request(in); ok {
			requests.Add(1)
			io.WriteString(conn, head)
			io.Copy(io.Discard, in)
		}
	}), requests
}

func TestPatience_AHangingServerIsGivenUp(t *testing.T) {
	const short = 20 * time.Millisecond
	rows := []struct {
		name     string
		head     string
		request  Request
		requests int32
		sent     bool
	}{
		{"a GET is sent thrice", "", Request{Method: "GET"}, 3, true},
		{"a DELETE is sent thrice", "", Request{Method: "DELETE"}, 3, true},
		{"a body that does not come is no answer", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndata", Request{Method: "GET"}, 3, true},
		{"a POST is sent once", "", Request{Method: "POST", Body: []byte("{}")}, 1, true},
		{"a GET that takes away what it reads is sent once", "", Request{Method: "GET", Once: true}, 1, true},
		{"as often as the caller says", "", Request{Method: "GET", Attempts: 5, Timeout: short}, 5, true},
		{"once if the caller says so", "", Request{Method: "GET", Attempts: 1}, 1, true},
		{"a stream that does not begin", "", Request{Method: "GET", Read: &Read{IdleMS: 5}}, 3, true},
	}
	for _, row := range rows {
		url, requests := hanging(t, row.head)
		c := newClient(t, func(o *Options) { o.AnswerTimeout, o.ChangeTimeout = short, 2*short })
		row.request.URL = url
		failure := mustFail(t, context.Background(), c, operated(t, c, url), &row.request, spec.KindTimeout)
		if requests.Load() != row.requests || failure.Sent != row.sent || !failure.Retryable || !strings.Contains(failure.Message, "within ") {
			t.Errorf("%s: %d requests, %+v", row.name, requests.Load(), failure)
		}
		if s := c.Stats(); s != (Stats{}) {
			t.Errorf("%s: a connection is kept: %+v", row.name, s)
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

func TestPatience_LetsAStreamGoOnAndKeepsConnections(t *testing.T) {
	const short = 100 * time.Millisecond
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/plain" {
			return
		}
		for range 6 {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			time.Sleep(short / 2)
		}
	})
	c := newClient(t, func(o *Options) { o.AnswerTimeout = short })
	p := operated(t, c, url)
	for _, idle := range []int64{0, 10_000} {
		if got := mustDo(t, c, p, &Request{Method: "GET", URL: url, Read: &Read{IdleMS: idle}}); string(got.Body) != "xxxxxx" {
			t.Errorf("idle %d: read %q", idle, got.Body)
		}
	}
	mustDo(t, c, p, get(url+"/plain"))
	time.Sleep(2 * short) // the deadline of that answer passes; the connection is good all the same
	careful := &Request{Method: "POST", URL: url + "/plain"}
	mustDo(t, c, p, careful)
	if s := c.Stats(); s.Open != 1 {
		t.Errorf("the kept connection was not used again: %+v", s)
	}
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
