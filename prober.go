package atlas

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// prober asks services inside machines whether they answer. Its requests go
// through the egress of plugins, because the address comes from a plugin's
// answer: private addresses are refused unless the operator set the provider's
// base_url.
type prober struct {
	settings Settings
	client   *egress.Client
}

var errPrivate = errors.New("a private address")

func newProber(s Settings) *prober {
	return &prober{settings: s, client: egress.New(egress.Options{UserAgent: userAgent, Attempts: 1, MaxResponseBytes: 1 << 20})}
}

// Probe sends a GET to an http URL, or connects to a tcp one.
func (p *prober) Probe(ctx context.Context, name, url string, token spec.Secret) (int, error) {
	if address, tcp := strings.CutPrefix(url, "tcp://"); tcp {
		return 0, p.connect(ctx, name, address)
	}
	s := egress.PolicySpec{Provider: name, Operator: p.operator(name)}
	if host := hostOf(url); host != "" {
		s.Hosts = []string{host}
	}
	if !token.Empty() {
		s.Credential = &spec.Credential{Header: "Authorization", Scheme: "Bearer"}
	}
	policy, err := p.client.Policy(s)
	if err != nil {
		return 0, err
	}
	answer, failure := p.client.Do(ctx, policy, token, &egress.Request{Method: "GET", URL: url, Read: &egress.Read{IdleMS: 100, MaxBytes: 1 << 16}})
	if failure != nil {
		return 0, failure.Error
	}
	return answer.Status, nil
}

// operator are the addresses the operator has set for a provider, whose accounts
// share them.
func (p *prober) operator(name string) []string {
	cloud := provider.Cloud(name)
	s := p.settings.Providers[cloud]
	var out []string
	if s.BaseURL != "" {
		out = append(out, s.BaseURL)
	}
	for _, url := range s.URLs {
		out = append(out, url)
	}
	return out
}

// connect opens a TCP connection and closes it.
func (p *prober) connect(ctx context.Context, name, address string) error {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if len(p.operator(name)) == 0 {
		dialer.Control = refusePrivate
	}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return &spec.Error{Kind: spec.KindTransport, Provider: name, Message: "the port does not accept connections", Retryable: true}
	}
	return conn.Close()
}

// hostOf is host and port of a URL, as a manifest would name them.
func hostOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		rest = rest[:at]
	}
	return rest
}

// refusePrivate keeps a plugin from having addresses of the local network
// dialled.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !egress.Public(at.Addr()) {
		return errPrivate
	}
	return nil
}

func (p *prober) close() { p.client.Close() }
