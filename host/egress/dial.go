package egress

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// dial opens a connection for a pool: it resolves the host, drops the addresses
// that the policy refuses and connects to one of the others by its number, so
// that no second look-up can lead elsewhere. patience bounds it where that is
// less than the client's own limit.
func (c *Client) dial(ctx context.Context, p *pool, patience time.Duration) (*conn, *Failure) {
	limit, cancel := context.WithTimeout(ctx, min(c.options.DialTimeout, patience))
	defer cancel()
	addrs, failure := c.resolve(limit, ctx, p)
	if failure != nil {
		return nil, failure
	}
	var err error
	for i, addr := range addrs {
		var socket net.Conn
		if socket, err = c.connect(limit, netip.AddrPortFrom(addr, p.origin.port), len(addrs)-i); err != nil {
			continue
		}
		if !p.origin.secure {
			return c.newConn(socket, socket, p), nil
		}
		stream := tls.Client(socket, c.tlsConfig(p.origin.host))
		if err = stream.HandshakeContext(limit); err == nil {
			return c.newConn(stream, socket, p), nil
		}
		_ = socket.Close()
		if certificate(err) {
			return nil, p.origin.untrusted(err)
		}
		err = &handshakeError{err}
	}
	if ends(ctx) != nil {
		return nil, ended(ctx, "connecting to "+p.origin.host, false)
	}
	return nil, p.origin.unreached(err)
}

// resolve returns the addresses of a pool's host that may be dialled.
func (c *Client) resolve(limit, ctx context.Context, p *pool) ([]netip.Addr, *Failure) {
	host := p.origin.host
	var found []netip.Addr
	if addr, err := netip.ParseAddr(host); err == nil {
		found = []netip.Addr{addr}
	} else if found, err = c.options.Resolver.LookupNetIP(limit, "ip", host); err != nil || len(found) == 0 {
		if ends(ctx) != nil {
			return nil, ended(ctx, "looking up "+host, false)
		}
		return nil, p.origin.nameless(err)
	}
	if p.origin.private {
		return found, nil
	}
	allowed := make([]netip.Addr, 0, len(found))
	for _, addr := range found {
		if addr = addr.Unmap(); public(addr) {
			allowed = append(allowed, addr)
		}
	}
	if len(allowed) == 0 {
		return nil, unsent(&spec.Error{Kind: spec.KindPlugin, Message: "the plugin may not reach " + host + ": it resolves to " + found[0].Unmap().String() + ", which is no public address",
			Hint: "set the provider's base_url or urls to reach an address of your own"})
	}
	return allowed, nil
}

// connect dials one address; it leaves time for those that are left to try.
func (c *Client) connect(limit context.Context, addr netip.AddrPort, left int) (net.Conn, error) {
	if deadline, ok := limit.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		limit, cancel = context.WithDeadline(limit, time.Now().Add(time.Until(deadline)/time.Duration(left)))
		defer cancel()
	}
	return c.options.Dial(limit, addr)
}

// tlsConfig returns the configuration for a host.
func (c *Client) tlsConfig(host string) *tls.Config {
	config := c.tls.Clone()
	config.ServerName = host
	return config
}

// dialTCP is the default of Options.Dial.
func dialTCP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr.String())
}
