package egress

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// events answers with chunks of server-sent events and then leaves the body
// open until the client closes the connection.
func events(w http.ResponseWriter, r *http.Request, lines ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(200)
	for _, line := range lines {
		io.WriteString(w, line)
		w.(http.Flusher).Flush()
	}
	<-r.Context().Done()
}

func TestRead_EndsWhenTheBodyFallsIdle(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("a stream is asked for compressed")
		}
		events(w, r, "data: 1\n\n", "data: 2\n\n", "data: "+canary+"\n\n")
	})
	c := newClient(t)
	got := mustDo(t, c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: &Read{IdleMS: 50}})
	if want := "data: 1\n\ndata: 2\n\ndata: " + spec.Redacted + "\n\n"; got.Status != 200 || string(got.Body) != want {
		t.Errorf("%d %q, want %q", got.Status, got.Body, want)
	}
	if s := c.Stats(); s != (Stats{}) {
		t.Errorf("the connection is kept: %+v", s)
	}
}

func TestRead_EndsAtMaxBytes(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for range 100 {
			if _, err := io.WriteString(w, strings.Repeat("x", 1000)); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	c := newClient(t)
	for _, most := range []int{1, 4096, 5000, 70_000} {
		got := mustDo(t, c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: &Read{MaxBytes: most}})
		if len(got.Body) != most {
			t.Errorf("%d bytes, want %d", len(got.Body), most)
		}
	}
	// A key that is cut by the limit does not come through in part.
	url = serve(t, func(w http.ResponseWriter, r *http.Request) { events(w, r, "data: "+canary) })
	got := mustDo(t, c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: &Read{MaxBytes: 6 + len(canary) - 1}})
	if string(got.Body) != "data: " {
		t.Errorf("read %q", got.Body)
	}
}

func TestRead_EndsWithTheBody(t *testing.T) {
	for name, answer := range map[string]string{
		"length":       "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndata: 1\n\n",
		"chunks":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n5\r\n: 1\n\n\r\n0\r\n\r\n",
		"connection":   "HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n",
		"cut chunks":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n",
		"interim head": "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndata: 1\n\n",
	} {
		url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			if _, ok := request(in); ok {
				io.WriteString(conn, answer)
			}
		})
		c := newClient(t)
		got := mustDo(t, c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: &Read{IdleMS: 60_000}})
		if string(got.Body) != "data: 1\n\n" {
			t.Errorf("%s: read %q", name, got.Body)
		}
	}
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	c := newClient(t)
	if got := mustDo(t, c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: &Read{IdleMS: 60_000}}); got.Status != 204 || len(got.Body) != 0 {
		t.Errorf("no content: %d %q", got.Status, got.Body)
	}
}

func TestRead_EndsAtTheDeadlineWithWhatArrived(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { events(w, r, "data: 1\n\n") })
	c := newClient(t)
	for _, idle := range []int64{0, 60_000} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		got, failure := c.Do(ctx, operated(t, c, url), secret(), &Request{Method: "GET", URL: url, Read: &Read{IdleMS: idle}})
		cancel()
		if failure != nil || string(got.Body) != "data: 1\n\n" {
			t.Errorf("idle %d: %+v %+v", idle, got, failure)
		}
	}
	// Without even a head there is nothing to hand on.
	url = script(t, func(_ int, conn net.Conn, in *bufio.Reader) { request(in); io.Copy(io.Discard, in) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	mustFail(t, ctx, c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: &Read{IdleMS: 60_000}}, spec.KindTimeout)
}

func TestRead_IsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	})
	c := newClient(t)
	mustFail(t, ctx, c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: &Read{IdleMS: 60_000}}, spec.KindCancelled)
}

func TestRead_FailsWhenTheConnectionIsReset(t *testing.T) {
	url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		request(in)
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
		reset(conn)
	})
	c := newClient(t)
	if failure := mustFail(t, t.Context(), c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: &Read{IdleMS: 60_000}}, spec.KindTransport); !failure.Sent {
		t.Error("not sent")
	}
}

func TestRead_RefusesAnEncodingThatWasNotAskedFor(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		fmt.Fprintf(packed, "data: %s\n\n", canary)
		packed.Close()
	})
	c := newClient(t)
	mustFail(t, t.Context(), c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: &Read{IdleMS: 60_000}}, spec.KindProvider)
	if s := c.Stats(); s != (Stats{}) {
		t.Errorf("the connection is kept: %+v", s)
	}
}
