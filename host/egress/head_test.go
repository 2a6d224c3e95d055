package egress

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

// TestDo_RefusesOddHeadsAtOnce has servers that say what is no answer and then keep the
// connection open, so that who waits for more of it waits for good.
func TestDo_RefusesOddHeadsAtOnce(t *testing.T) {
	for answer, want := range map[string]string{
		"HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok":           "status",
		"HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok":           "status",
		"HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nok":           "status",
		"HTTP/1.1 999 OK\r\nContent-Length: 2\r\n\r\nok":           "status",
		"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok":            "status",
		"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok":          "status",
		"HTTP/1.1 +20 OK\r\nContent-Length: 2\r\n\r\nok":           "status",
		"HTTP/1.1\r\nContent-Length: 2\r\n\r\nok":                  "status",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 000 OK\r\n\r\n":     "status",
		"HTTP/1.1 200 OK\nContent-Length: 2\n\nok":                 "lines",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\n\nok":               "lines",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok":             "lines",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n":   "begin",
		"ICY 200 OK\r\n\r\n":                                       "begin",
		"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", readBuffer): "8 KiB",
		strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000):   "without end",
	} {
		url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			if _, ok := request(in); ok {
				_, _ = io.WriteString(conn, answer)
				_, _ = io.Copy(io.Discard, in)
			}
		})
		c := newClient(t)
		for _, read := range []*Read{nil, {IdleMS: 600_000}} {
			failure := mustFail(t, t.Context(), c, operated(t, c, url), &Request{Method: "POST", URL: url, Read: read}, spec.KindTransport)
			if !strings.Contains(failure.Message, want) || !failure.Sent {
				t.Errorf("%.60q, read %v: %+v", answer, read, failure.Error)
			}
		}
		if stats := c.Stats(); stats.Idle != 0 {
			t.Errorf("%.60q: the connection is kept", answer)
		}
	}
}

func TestDo_TakesTheAnswerThatCounts(t *testing.T) {
	url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		for {
			if _, ok := request(in); !ok {
				return
			}
			_, _ = io.WriteString(conn, strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", 50)+okAnswer)
		}
	})
	c := newClient(t)
	p := operated(t, c, url)
	for range 2 {
		if got := mustDo(t, c, p, get(url)); got.Status != 200 || string(got.Body) != "ok" || got.Get("link") != "" {
			t.Errorf("answered %+v", got)
		}
	}
}
