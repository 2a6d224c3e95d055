package simkit

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// Server is a simulated cloud on a loopback socket.
type Server struct {
	*Kit
	cloud    Cloud
	http     *fasthttp.Server
	listener net.Listener
	requests atomic.Int64
	panics   atomic.Int64
	counts   counts

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	wg     sync.WaitGroup
}

// quiet drops what fasthttp would print to standard error.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// Start serves a cloud until Close. The address must be a loopback address: a
// simulator believes every key.
func Start(k *Kit, cloud Cloud) (*Server, error) {
	host, _, err := net.SplitHostPort(k.Options.Listen)
	if err != nil {
		return nil, errors.New("sim: listen: " + err.Error())
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, errors.New("sim: listen: " + host + " is not a loopback address")
	}
	listener, err := net.Listen("tcp", k.Options.Listen)
	if err != nil {
		return nil, errors.New("sim: " + err.Error())
	}
	s := &Server{Kit: k, cloud: cloud, listener: listener, conns: map[net.Conn]struct{}{}}
	s.http = &fasthttp.Server{Handler: s.handle, Logger: quiet{}, NoDefaultServerHeader: true, NoDefaultDate: true,
		NoDefaultContentType: true, MaxRequestBodySize: 32 << 20, Concurrency: 1 << 20, ReadBufferSize: 16 << 10}
	safego.Go(&s.wg, s.onPanic, s.accept)
	return s, nil
}

// URL is the base URL, without a slash at the end.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Cloud returns the cloud that is served.
func (s *Server) Cloud() Cloud { return s.cloud }

// Requests returns how many requests of the wire API have come in.
func (s *Server) Requests() int64 { return s.requests.Load() }

// Panics returns how many requests ended in a defect of the simulator.
func (s *Server) Panics() int64 { return s.panics.Load() }

// Machines lists what exists, oldest first.
func (s *Server) Machines() []Machine { return s.cloud.Machines() }

// Bill adds up what everything has cost up to now.
func (s *Server) Bill() Bill { return s.Meter.Bill("", s.Clock.Now()) }

// AddFault adds a rule and returns its number.
func (s *Server) AddFault(f Fault) (int, error) { return s.Faults.Add(f) }

// Advance moves the virtual clock.
func (s *Server) Advance(d time.Duration) { s.Clock.Advance(d) }

// Do changes a machine from outside: vanish, fail, preempt.
func (s *Server) Do(id, action string) error { return s.cloud.Do(id, action) }

// Reset forgets machines, bills, counts and added faults.
func (s *Server) Reset() error {
	s.cloud.Reset()
	s.requests.Store(0)
	s.counts.reset()
	return s.Kit.reset()
}

// Close ends every connection and returns when no goroutine of the server is
// left. Calling it again does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.Kit.closed)
		_ = s.listener.Close()
		for c := range s.conns {
			_ = c.Close()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

func (s *Server) onPanic(*spec.Error) { s.panics.Add(1) }

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			s.mu.Lock()
			closed := s.closed
			s.mu.Unlock()
			if closed {
				return
			}
			// Out of descriptors: wait for some to come free.
			timer := time.NewTimer(5 * time.Millisecond)
			select {
			case <-timer.C:
			case <-s.Closed:
			}
			timer.Stop()
			continue
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = c.Close()
			return
		}
		s.conns[c] = struct{}{}
		safego.Go(&s.wg, s.onPanic, func() { s.serve(c) })
		s.mu.Unlock()
	}
}

// serve owns one connection. A connection is served by a goroutine of ours, not
// by fasthttp's pool, whose cleaner outlives its server by ten seconds.
func (s *Server) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	// The error is the client's going away.
	_ = s.http.ServeConn(c)
}

// pause waits in real time, unless the server closes.
func (s *Server) pause(ms int64) bool {
	if ms <= 0 {
		return true
	}
	timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.Closed:
		return false
	}
}
