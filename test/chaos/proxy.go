package main

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/exatlas/atlas/internal/safego"
)

// proxy passes connections on, until they are cut.
type proxy struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	conns map[net.Conn]bool
	deaf  time.Time // new connections are refused until then
}

func newProxy(to string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, to: to, conns: map[net.Conn]bool{}}
	safego.Go(nil, nil, p.serve)
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) serve() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		safego.Go(nil, nil, func() { p.pass(c) })
	}
}

func (p *proxy) pass(c net.Conn) {
	p.mu.Lock()
	deaf := time.Now().Before(p.deaf)
	if !deaf {
		p.conns[c] = true
	}
	p.mu.Unlock()
	defer p.forget(c)
	if deaf {
		return
	}
	up, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer up.Close()
	safego.Go(nil, nil, func() {
		_, _ = io.Copy(up, c) // the other direction ends with it
		_ = up.Close()
	})
	_, _ = io.Copy(c, up) // a cut is what it is for
}

func (p *proxy) forget(c net.Conn) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	_ = c.Close()
}

// cut ends all connections and refuses new ones for a while.
func (p *proxy) cut(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = time.Now().Add(d)
	for c := range p.conns {
		_ = c.Close() // that is the cut
	}
}

func (p *proxy) close() {
	_ = p.listener.Close() // nothing depends on it any more
	p.cut(time.Hour)
}
