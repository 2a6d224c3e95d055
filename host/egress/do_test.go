package egress

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// cloud is a TLS server that stands for example.com on the public Internet.
func cloud(t testing.TB, n *network, handler http.HandlerFunc) func(*Options) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	n.servers[netip.MustParseAddrPort("93.184.216.34:443")] = server.Listener.Addr().String()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return func(o *Options) {
		o.Resolver, o.Dial = n, n.dial
		o.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		o.TLS.RootCAs = roots
	}
}

func TestDo_SpeaksTLSToAListedHost(t *testing.T) {
	n := newNetwork()
	n.name("example.com", "93.184.216.34")
	c := newClient(t, cloud(t, n, func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "example.com" || r.TLS == nil || r.TLS.ServerName != "example.com" || r.Header.Get("Authorization") != "Bearer "+canary {
			t.Errorf("the server sees %q %v", r.Host, r.Header)
		}
		w.Header().Set("X-Answer", "Yes")
		io.WriteString(w, r.URL.RequestURI())
	}))
	p := mustPolicy(t, c, PolicySpec{Hosts: []string{"example.com"}, Credential: &spec.Credential{Scheme: "Bearer"}})
	for range 3 {
		got := mustDo(t, c, p, get("https://example.com/v2/a%20b?x=1&y"))
		if got.Status != 200 || string(got.Body) != "/v2/a%20b?x=1&y" || got.Get("x-answer") != "Yes" {
			t.Errorf("answered %d %q %v", got.Status, got.Body, got.Header)
		}
	}
	if len(n.dials()) != 1 {
		t.Errorf("%d connections for three requests", len(n.dials()))
	}
}

func TestDo_RefusesAnUntrustedCertificateBeforeSending(t *testing.T) {
	n := newNetwork()
	n.name("example.com", "93.184.216.34")
	c := newClient(t, cloud(t, n, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }), func(o *Options) { o.TLS = nil })
	failure := mustFail(t, t.Context(), c, mustPolicy(t, c, PolicySpec{Hosts: []string{"example.com"}}), get("https://example.com/"), spec.KindTransport)
	if failure.Sent || len(n.dials()) != 1 {
		t.Errorf("sent %v, %d connections", failure.Sent, len(n.dials()))
	}
}

func TestDo_RefusesNamesOfPrivateAddresses(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "0.0.0.0"} {
		n := newNetwork()
		n.name("api.example.com", addr)
		c := newClient(t, func(o *Options) { o.Resolver, o.Dial = n, n.dial })
		failure := mustFail(t, t.Context(), c, mustPolicy(t, c, PolicySpec{Hosts: []string{"api.example.com"}}), &Request{Method: "POST", URL: "https://api.example.com/"}, spec.KindPlugin)
		if failure.Sent || len(n.dials()) != 0 || !strings.Contains(failure.Message, "api.example.com") || failure.Hint == "" {
			t.Errorf("%s: sent %v, dialled %v, %q %q", addr, failure.Sent, n.dials(), failure.Message, failure.Hint)
		}
	}
}

func TestDo_DialsTheAddressThatWasChecked(t *testing.T) {
	n := newNetwork()
	n.name("example.com", "10.0.0.1", "93.184.216.34") // the private one is passed over
	n.name("example.com", "127.0.0.1")                 // rebound for the second look-up
	c := newClient(t, cloud(t, n, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }))
	p := mustPolicy(t, c, PolicySpec{Hosts: []string{"example.com"}})
	mustDo(t, c, p, get("https://example.com/"))
	mustFail(t, t.Context(), c, p, get("https://example.com/"), spec.KindPlugin)
	if dials := n.dials(); len(dials) != 1 || dials[0] != netip.MustParseAddrPort("93.184.216.34:443") || n.lookups != 2 {
		t.Errorf("dialled %v after %d look-ups", dials, n.lookups)
	}
}

func TestDo_KeepsOperatorConnectionsFromOtherPolicies(t *testing.T) {
	n := newNetwork()
	n.name("example.com", "127.0.0.1")
	with := cloud(t, n, func(http.ResponseWriter, *http.Request) {})
	n.servers[netip.MustParseAddrPort("127.0.0.1:443")] = n.servers[netip.MustParseAddrPort("93.184.216.34:443")]
	c := newClient(t, with)
	mustDo(t, c, mustPolicy(t, c, PolicySpec{Operator: []string{"https://example.com"}}), get("https://example.com/"))
	mustFail(t, t.Context(), c, mustPolicy(t, c, PolicySpec{Hosts: []string{"example.com"}}), get("https://example.com/"), spec.KindPlugin)
}

func TestDo_SaysWhatIsWrongWithTheNetwork(t *testing.T) {
	n := newNetwork()
	c := newClient(t, func(o *Options) { o.Resolver, o.Dial = n, n.dial })
	p := mustPolicy(t, c, PolicySpec{Hosts: []string{"api.example.com"}})
	failure := mustFail(t, t.Context(), c, p, &Request{Method: "POST", URL: "https://api.example.com/"}, spec.KindTransport)
	if failure.Sent || !failure.Retryable || n.lookups != 4 {
		t.Errorf("unknown name: sent %v, retryable %v, %d look-ups", failure.Sent, failure.Retryable, n.lookups)
	}
	n.name("closed.example.com", "93.184.216.34")
	closed := mustFail(t, t.Context(), c, mustPolicy(t, c, PolicySpec{Hosts: []string{"closed.example.com"}}), &Request{Method: "POST", URL: "https://closed.example.com/"}, spec.KindTransport)
	if !strings.Contains(failure.Hint, "HTTPS_PROXY") || !strings.Contains(closed.Hint, "HTTPS_PROXY") {
		t.Errorf("who sits behind a proxy reads %q and %q", failure.Hint, closed.Hint)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	listener.Close()
	c = newClient(t)
	failure = mustFail(t, t.Context(), c, operated(t, c, url), &Request{Method: "POST", URL: url}, spec.KindTransport)
	if failure.Sent || !strings.Contains(failure.Message, strings.TrimPrefix(url, "http://")+": connection refused") || !strings.Contains(failure.Hint, "base_url") {
		t.Errorf("closed port: sent %v, %q", failure.Sent, failure.Message)
	}
}

func TestDo_SendsAndReadsEveryMethod(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", r.Method+" "+strconv.Itoa(len(body))+" "+strconv.FormatInt(r.ContentLength, 10))
		w.Header().Add("Set-Cookie", "a=b")
		if r.Method == "DELETE" {
			w.WriteHeader(204)
			return
		}
		w.Write(bytes.ToUpper(body))
	})
	c := newClient(t)
	p := operated(t, c, url)
	large := bytes.Repeat([]byte("x"), 300<<10)
	for _, row := range []struct {
		method string
		body   []byte
		want   string
		status int
	}{{"GET", nil, "GET 0 0", 200}, {"HEAD", nil, "HEAD 0 0", 200}, {"POST", nil, "POST 0 0", 200}, {"POST", []byte("{}"), "POST 2 2", 200}, {"PUT", large, "PUT 307200 307200", 200},
		{"PATCH", []byte("a"), "PATCH 1 1", 200}, {"DELETE", nil, "DELETE 0 0", 204}, {"DELETE", []byte("why"), "DELETE 3 3", 204}, {"GET", []byte("q"), "GET 1 1", 200}} {
		got := mustDo(t, c, p, &Request{Method: row.method, URL: url, Body: row.body})
		if got.Status != row.status || got.Get("x-saw") != row.want || got.Get("set-cookie") != "" {
			t.Errorf("%s: %d %v", row.method, got.Status, got.Header)
		}
		if row.status == 200 && row.method != "HEAD" && string(got.Body) != strings.ToUpper(string(row.body)) {
			t.Errorf("%s: %d bytes came back", row.method, len(got.Body))
		}
	}
	if s := c.Stats(); s != (Stats{Open: 1, Idle: 1}) {
		t.Errorf("after all requests: %+v", s)
	}
}

func TestDo_DropsHeadersThatAreTheHosts(t *testing.T) {
	var head bytes.Buffer
	var mu sync.Mutex
	url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			mu.Lock()
			head.WriteString(line)
			mu.Unlock()
			if line == "\r\n" {
				io.WriteString(conn, okAnswer)
			}
		}
	})
	c := newClient(t)
	p := mustPolicy(t, c, PolicySpec{Operator: []string{url}, Credential: &spec.Credential{Header: "X-Api-Key"}})
	req := get(url)
	for _, name := range []string{"Authorization", "aUTHORIZATION", "x-api-KEY", "Host", "Content-Length", "Transfer-Encoding", "Cookie", "Proxy-Authorization", "Proxy-Anything", "Connection", "Keep-Alive", "TE", "Upgrade",
		"Expect", "User-Agent", "Accept-Encoding", "Trailer"} {
		req.Header = append(req.Header, Header{name, "mine"})
	}
	req.Header = append(req.Header, Header{"Accept", "a/b"}, Header{"X-Tab", "a\tb"})
	mustDo(t, c, p, req)
	want := "GET / HTTP/1.1\r\nHost: " + strings.TrimPrefix(url, "http://") + "\r\nUser-Agent: atlas/test\r\nAccept: a/b\r\nX-Tab: a\tb\r\nx-api-key: " + canary + "\r\nAccept-Encoding: gzip\r\n\r\n"
	if got := head.String(); got != want {
		t.Errorf("sent\n%q, want\n%q", got, want)
	}
}

func TestDo_RefusesInjectedHeadersMethodsAndKeys(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	c := newClient(t)
	p := operated(t, c, url)
	rows := []Request{
		{Method: "GET", URL: url, Header: []Header{{"X", "a\r\nY: b"}}}, {Method: "GET", URL: url, Header: []Header{{"X", "a\nb"}}}, {Method: "GET", URL: url, Header: []Header{{"X", "a\x00b"}}},
		{Method: "GET", URL: url, Header: []Header{{"X Y", "a"}}}, {Method: "GET", URL: url, Header: []Header{{"X:", "a"}}}, {Method: "GET", URL: url, Header: []Header{{"", "a"}}}, {Method: "GET", URL: url, Header: []Header{{"X\r\nY", "a"}}},
		{Method: "GET", URL: url, Header: []Header{{"X", strings.Repeat("a", maxHeaderBytes)}}}, {Method: "GET", URL: url, Header: make([]Header, maxHeaders+1)},
		{Method: "CONNECT", URL: url}, {Method: "get", URL: url}, {Method: "", URL: url}, {Method: "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", URL: url},
		{Method: "GET", URL: url + "/ HTTP/1.1\r\nX: y"}, {Method: "GET", URL: url + "/a\nb"},
	}
	for i := range rows {
		if failure := mustFail(t, t.Context(), c, p, &rows[i], spec.KindPlugin); failure.Sent {
			t.Errorf("row %d is sent", i)
		}
	}
	for _, key := range []string{"rpa_x\r\nX: y", "rpa_x\n", " rpa_x", "rpa\x00x"} {
		_, failure := c.Do(t.Context(), p, spec.NewSecret(key), get(url))
		if failure == nil || failure.Kind != spec.KindUnauthorized || failure.Sent || strings.Contains(failure.Message+failure.Hint, "rpa") {
			t.Errorf("key %q: %+v", key, failure)
		}
	}
	if s := c.Stats(); s != (Stats{}) {
		t.Errorf("a connection was opened: %+v", s)
	}
}

func TestDo_AttachesSchemes(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Length", strconv.Itoa(len(r.Header.Get("Authorization"))))
		scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		io.WriteString(w, scheme)
	})
	c := newClient(t)
	for _, row := range []struct{ scheme, key, want string }{
		{"fly", "fm2_lJPECAAA,fm2_lJPETAAA,fo1_x", "FlyV1"}, {"fly", "fm1r_abcdef", "FlyV1"}, {"fly", "fo1_abcdefgh", "Bearer"}, {"Bearer", "k", "Bearer"}, {"Basic", "k", "Basic"}, {"Bearer", "", ""},
	} {
		p := mustPolicy(t, c, PolicySpec{Operator: []string{url}, Credential: &spec.Credential{Scheme: row.scheme}})
		got, failure := c.Do(t.Context(), p, spec.NewSecret(row.key), get(url))
		if failure != nil || string(got.Body) != row.want {
			t.Errorf("%+v: %v %v", row, got, failure)
		}
	}
}

func TestDo_RedactsTheKeyFromAnswers(t *testing.T) {
	const odd = "fm2_ab/cd+ef==,fm2_gh/ij"
	for _, key := range []string{canary, odd} {
		for _, zipped := range []bool{false, true} {
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				text := r.Header.Get("Authorization")
				for _, needle := range needles(key) {
					text += " " + needle
				}
				w.Header().Set("X-Echo", text)
				w.Header().Set("X-"+canary, "name")
				if zipped {
					w.Header().Set("Content-Encoding", "GZip") // in any case (RFC 9110, 8.4.1)
					z := gzip.NewWriter(w)
					io.WriteString(z, text)
					z.Close()
					return
				}
				io.WriteString(w, text)
			})
			c := newClient(t)
			got, failure := c.Do(t.Context(), operated(t, c, url), spec.NewSecret(key), get(url))
			if failure != nil {
				t.Fatal(failure.Error)
			}
			all := string(got.Body)
			for _, h := range got.Header {
				all += h.Name + h.Value
			}
			for _, needle := range needles(key) {
				if strings.Contains(all, needle) {
					t.Errorf("zipped %v: %q is in %q", zipped, needle, all)
				}
			}
			if !strings.Contains(string(got.Body), spec.Redacted) || got.Get("content-encoding") != "" {
				t.Errorf("zipped %v: answered %q %v", zipped, got.Body, got.Header)
			}
			if key == canary && strings.Contains(all, strings.ToLower(canary)) {
				t.Errorf("the key is in a header's name: %v", got.Header)
			}
		}
	}
}

func TestDo_LimitsTheAnswer(t *testing.T) {
	handlers := map[string]http.HandlerFunc{
		"length":  func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2001)) },
		"chunked": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); w.Write(make([]byte, 2001)) },
		"zipped": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(make([]byte, 1<<20))
			z.Close()
		},
		"encoded": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			io.WriteString(w, canary)
		},
	}
	for name, handler := range handlers {
		url := serve(t, handler)
		c := newClient(t, func(o *Options) { o.MaxResponseBytes = 2000 })
		if failure := mustFail(t, t.Context(), c, operated(t, c, url), get(url), spec.KindProvider); !failure.Sent {
			t.Errorf("%s: not sent", name)
		}
		if s := c.Stats(); name != "zipped" && name != "encoded" && s.Open != 0 {
			t.Errorf("%s: the connection is kept: %+v", name, s)
		}
	}
}

func TestDo_TellsTheObserverWithoutSecrets(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/busy" {
			w.WriteHeader(503)
		}
	})
	var events []Event
	c := newClient(t, func(o *Options) {
		o.Observer = func() func(Event) { return func(e Event) { events = append(events, e) } }
	})
	p := operated(t, c, url)
	mustDo(t, c, p, get(url+"/v2/"+canary+"?q="+canary))
	busy := get(url + "/busy")
	busy.Operation = "list_compute"
	mustDo(t, c, p, busy)
	if len(events) != 5 {
		t.Fatalf("%d events: %+v", len(events), events)
	}
	host := strings.TrimPrefix(url, "http://")
	for i, e := range events {
		if e.Duration <= 0 || e.Provider != "test" || e.Host != host || e.Method != "GET" {
			t.Errorf("event %d: %+v", i, e)
		}
	}
	if e := events[0]; e.Path != "/v2/"+spec.Redacted || e.Status != 200 || e.Attempt != 1 {
		t.Errorf("first event: %+v", e)
	}
	if e := events[4]; e.Path != "/busy" || e.Status != 503 || e.Operation != "list_compute" || e.Attempt != 4 || e.Err != "" {
		t.Errorf("last event: %+v", e)
	}
}

func TestDo_ReportsAContextThatHasEnded(t *testing.T) {
	c := newClient(t)
	p := operated(t, c, "http://127.0.0.1:1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if failure := mustFail(t, ctx, c, p, get("http://127.0.0.1:1/"), spec.KindCancelled); failure.Sent {
		t.Error("sent")
	}
}

// lateContext is a context whose deadline has passed while its timer is late.
type lateContext struct{ context.Context }

func (lateContext) Deadline() (time.Time, bool) { return time.Unix(1, 0), true }

func TestEnds_CountsADeadlineWhoseTimerIsLate(t *testing.T) {
	ctx := lateContext{t.Context()}
	if ctx.Err() != nil || ends(ctx) != context.DeadlineExceeded || ended(ctx, "connecting", false).Kind != spec.KindTimeout {
		t.Error("a deadline that has passed does not count before the context says so")
	}
	n := newNetwork()
	c := newClient(t, func(o *Options) { o.Resolver, o.Dial = n, n.dial })
	p := &pool{}
	p.origin.host = "api.example.com"
	if _, failure := c.dial(ctx, p, time.Minute); failure == nil || failure.Kind != spec.KindTimeout {
		t.Errorf("a dial cut by the call's own deadline is %v", failure)
	}
}
