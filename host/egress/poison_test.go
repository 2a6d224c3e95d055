package egress

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// saying is an answer whose body is text.
func saying(text string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

// TestPool_LeavesAConnectionOnWhichSomethingCameUnasked has a server that answers
// once too often: each request after it would be given the answer of the one before.
func TestPool_LeavesAConnectionOnWhichSomethingCameUnasked(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		more, done := make(chan struct{}), make(chan struct{})
		url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			for {
				r, ok := request(in)
				if !ok {
					return
				}
				io.WriteString(conn, saying(r.URL.Path))
				if r.URL.Path == "/first" {
					<-more
					io.WriteString(conn, saying("unasked"))
					close(done)
				}
			}
		})
		c := newClient(t)
		p := operated(t, c, url)
		for n, path := range []string{"/first", "/second", "/third"} {
			if got := mustDo(t, c, p, &Request{Method: method, URL: url + path}); string(got.Body) != path {
				t.Errorf("%s %s is answered %q", method, path, got.Body)
			}
			if n == 0 {
				close(more)
				<-done
			}
		}
	}
}

// TestPool_LeavesAConnectionWithMoreInARecordOfTLSThanTheAnswer has a server that
// sends too much in the last record of an answer, which TLS then keeps.
func TestPool_LeavesAConnectionWithMoreInARecordOfTLSThanTheAnswer(t *testing.T) {
	for size := readBuffer; size < 12<<10; size += 500 { // how much is read at once differs
		long := strings.Repeat("x", size)
		n := newNetwork()
		n.name("example.com", "93.184.216.34")
		c := newClient(t, cloud(t, n, func(w http.ResponseWriter, r *http.Request) {
			conn, in, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for path := r.URL.Path; ; path = r.URL.Path {
				switch path {
				case "/much":
					io.WriteString(conn, saying(strings.Repeat("x", 1<<20))) // after which records are long
				case "/long":
					io.WriteString(conn, saying(long)[:1000])
					io.WriteString(conn, saying(long)[1000:]+saying("unasked"))
				default:
					io.WriteString(conn, saying(path))
				}
				var ok bool
				if r, ok = request(in.Reader); !ok {
					return
				}
			}
		}))
		p := mustPolicy(t, c, PolicySpec{Hosts: []string{"example.com"}})
		mustDo(t, c, p, get("https://example.com/much"))
		mustDo(t, c, p, get("https://example.com/long"))
		for _, path := range []string{"/second", "/third"} {
			if got := mustDo(t, c, p, &Request{Method: "POST", URL: "https://example.com" + path}); string(got.Body) != path {
				t.Fatalf("%s after %d bytes is answered %q", path, size, got.Body)
			}
		}
		if len(n.dials()) != 2 {
			t.Errorf("%d connections", len(n.dials()))
		}
		c.Close()
	}
}

// TestPool_KeepsOnlyConnectionsWhoseAnswersEndInOnePlace holds what two readers could
// take apart in two ways.
func TestPool_KeepsOnlyConnectionsWhoseAnswersEndInOnePlace(t *testing.T) {
	const chunks = "2\r\nok\r\n0\r\n\r\n"
	for name, row := range map[string]struct {
		answer string
		kept   int
	}{
		"length":             {saying("ok"), 1},
		"chunks":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 1},
		"length and chunks":  {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 0},
		"chunks and length":  {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length : 12\r\n\r\n" + chunks, 0},
		"chunks of HTTP/1.0": {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nok", 0},
		"an upgrade offered": {"HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2,h2c\r\nContent-Length: 2\r\n\r\nok", 1},
		"an earlier head":    {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + saying("ok"), 0},
	} {
		for _, parts := range []int{1, len(row.answer)} { // at once, and byte by byte
			url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
				if _, ok := request(in); !ok {
					return
				}
				for n := range parts {
					io.WriteString(conn, row.answer[n*len(row.answer)/parts:(n+1)*len(row.answer)/parts])
				}
				io.Copy(io.Discard, conn)
			})
			c := newClient(t)
			if got := mustDo(t, c, operated(t, c, url), get(url)); string(got.Body) != "ok" || c.Stats().Idle != row.kept {
				t.Errorf("%s in %d parts: %q, %+v", name, parts, got.Body, c.Stats())
			}
		}
	}
}
