package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

func TestDial_SaysWhatIsWrongWithTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	good := strings.Replace(server.URL, "127.0.0.1", "example.com", 1)
	speaks := func(what string) string {
		return strings.Replace(script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			_, _ = in.Peek(1)
			_, _ = io.WriteString(conn, what)
			_, _ = in.Discard(in.Buffered())
		}), "http://127.0.0.1", "https://example.com", 1)
	}
	for name, row := range map[string]struct {
		url  string
		tls  *tls.Config
		own  bool // base_url names it
		says string
		hint string
	}{
		"unknown authority":   {good, nil, false, "not to be trusted: no authority", "reading along"},
		"the same, one's own": {good, nil, true, "not to be trusted: no authority", "base_url"},
		"another name":        {strings.Replace(good, "example.com", "example.net", 1), &tls.Config{RootCAs: trusted}, false, "not to be trusted: it is another server's", "reading along"},
		"expired":             {good, &tls.Config{RootCAs: trusted, Time: func() time.Time { return time.Now().AddDate(200, 0, 0) }}, true, "not to be trusted: it has expired", "clock"},
		"no version":          {good, &tls.Config{RootCAs: trusted, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, false, "the TLS handshake failed", "firewall"},
		"no TLS":              {speaks("HTTP/1.1 400 Bad Request\r\n\r\n"), nil, false, "it does not speak TLS", "firewall"},
		"no TLS, one's own":   {speaks("HTTP/1.1 400 Bad Request\r\n\r\n"), nil, true, "it does not speak TLS", "begin with http://"},
		"cut":                 {speaks(""), nil, false, "closed the connection instead", "firewall"},
		"cut in a record":     {speaks("\x16\x03\x03\x00\x50\x02"), nil, false, "closed the connection instead", "firewall"},
	} {
		c := newClient(t, func(o *Options) {
			o.TLS = row.tls
			o.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
				return dialTCP(ctx, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), addr.Port()))
			}
			n := newNetwork()
			n.name("example.com", "93.184.216.34")
			n.name("example.net", "93.184.216.34")
			o.Resolver = n
		})
		p := mustPolicy(t, c, PolicySpec{Hosts: []string{strings.TrimPrefix(row.url, "https://")}})
		if row.own {
			p = operated(t, c, row.url)
		}
		failure := mustFail(t, t.Context(), c, p, &Request{Method: "POST", URL: row.url}, spec.KindTransport)
		if failure.Sent || !strings.Contains(failure.Message, row.says) || !strings.Contains(failure.Hint, row.hint) {
			t.Errorf("%s: sent %v, %q, hint %q", name, failure.Sent, failure.Message, failure.Hint)
		}
		if stats := c.Stats(); stats != (Stats{}) {
			t.Errorf("%s: the client holds %+v", name, stats)
		}
	}
}

// unable is a resolver that fails.
type unable struct{ err error }

func (u unable) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) { return nil, u.err }

func TestDial_TellsANameThatIsNotKnownFromOneThatCouldNotBeLookedUp(t *testing.T) {
	for says, err := range map[string]*net.DNSError{
		"is not known":                                {Err: "no such host", IsNotFound: true},
		"could not be looked up":                      {Err: "server misbehaving", IsTemporary: true},
		"could not be looked up: no answer in time":   {Err: "i/o timeout", IsTimeout: true},
		"could not be looked up: too many open files": {Err: "dial udp 192.0.2.1:53: socket: " + syscall.EMFILE.Error(), IsTemporary: true},
	} {
		c := newClient(t, func(o *Options) { o.Resolver = unable{err} })
		failure := mustFail(t, t.Context(), c, mustPolicy(t, c, PolicySpec{Hosts: []string{"example.com"}}), get("https://example.com/"), spec.KindTransport)
		if !strings.HasSuffix(failure.Message, "the host name example.com "+says) || strings.Contains(says, "open files") != strings.Contains(failure.Hint, "ulimit -n") {
			t.Errorf("%v: %q, hint %q", err, failure.Message, failure.Hint)
		}
	}
}

func TestDial_SaysThatDescriptorsAreShort(t *testing.T) {
	c := newClient(t, func(o *Options) {
		o.Dial = func(context.Context, netip.AddrPort) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)}
		}
	})
	const url = "http://127.0.0.1:1"
	failure := mustFail(t, t.Context(), c, operated(t, c, url), get(url), spec.KindTransport)
	if !strings.Contains(failure.Message, "too many open files") || !strings.Contains(failure.Hint, "ulimit -n") {
		t.Errorf("%q, hint %q", failure.Message, failure.Hint)
	}
}
