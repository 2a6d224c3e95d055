package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/internal/safego"
)

// silent stands before the server and passes on what both say, until it is hushed:
// then its connections stay open and say nothing any more, as those to a machine that
// hangs do. It refuses further ones.
type silent struct {
	listener net.Listener
	hushed   atomic.Bool
	work     sync.WaitGroup

	mu   sync.Mutex
	open []net.Conn
	over bool
}

func newSilent(t *testing.T) *silent {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &silent{listener: l}
	safego.Go(&s.work, nil, s.accept)
	t.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		s.over = true
		for _, c := range s.open {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.work.Wait()
	})
	return s
}

func (s *silent) url() string {
	return strings.Replace(server.URL(), server.Address(), s.listener.Addr().String(), 1)
}

func (s *silent) accept() {
	for {
		in, err := s.listener.Accept()
		if err != nil {
			return
		}
		if s.hushed.Load() {
			_ = in.Close()
			continue
		}
		out, err := net.Dial("tcp", server.Address())
		if err != nil {
			_ = in.Close()
			continue
		}
		s.mu.Lock()
		if s.over {
			_, _ = in.Close(), out.Close()
		}
		s.open = append(s.open, in, out)
		s.mu.Unlock()
		safego.Go(&s.work, nil, func() { _, _ = io.Copy(hush{out, s}, in) }) // until one of them is closed
		safego.Go(&s.work, nil, func() { _, _ = io.Copy(hush{in, s}, out) })
	}
}

// hush is a connection that swallows what is written to it once the relay is hushed.
type hush struct {
	net.Conn
	s *silent
}

func (h hush) Write(p []byte) (int, error) {
	if h.s.hushed.Load() {
		return len(p), nil
	}
	return h.Conn.Write(p)
}

// limited waits for what must end by itself.
func limited(t *testing.T, do func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	safego.Go(&work, nil, func() {
		defer cancel()
		do()
	})
	if (clock.System{}).Wait(ctx, time.Minute) == nil {
		t.Fatal("the caller waits for ever")
	}
	work.Wait()
}

func TestPostgres_RollbackOfAServerThatHangsIsGivenUp(t *testing.T) {
	fresh(t)
	relay := newSilent(t)
	s, err := Open(context.Background(), relay.url())
	if err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("what the caller found")
	limited(t, func() {
		var used *conn
		err := s.begin(context.Background(), func(c *conn) error {
			used = c
			relay.hushed.Store(true)
			return refusal
		})
		if !errors.Is(err, refusal) {
			t.Errorf("the error of the transaction is another: %v", err)
		}
		if !used.IsClosed() {
			t.Error("a connection in a transaction that nobody ended is lent again")
		}
		relay.hushed.Store(false)
		if _, err := s.Now(context.Background()); err != nil { // on a connection of its own
			t.Errorf("the store does not go on once the server answers: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestPostgres_IdleConnectionThatHangsIsReplaced(t *testing.T) {
	fresh(t)
	relay := newSilent(t)
	s, err := Open(context.Background(), relay.url())
	if err != nil {
		t.Fatal(err)
	}
	limited(t, func() {
		relay.hushed.Store(true)
		if err := (clock.System{}).Wait(context.Background(), checkAfter+100*time.Millisecond); err != nil { // the pool's clock is real
			t.Error(err)
		}
		if _, err := s.Now(context.Background()); err == nil {
			t.Error("a server that hangs answered")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestPostgres_CallersWithoutADeadlineDoNotWaitForAServerThatHangs(t *testing.T) {
	fresh(t)
	relay := newSilent(t)
	s, err := Open(context.Background(), relay.url())
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for name, ask := range map[string]func() error{
		"a read":        func() error { _, _, err := s.Get(ctx, "s1"); return err },
		"a write":       func() error { return s.PutValue(ctx, "a", "b", nil) },
		"a transaction": func() error { _, err := s.Touch(ctx, []store.Touch{{ID: "s1", At: 1}}); return err },
	} {
		limited(t, func() {
			relay.hushed.Store(false)
			s.limit = answerLimit
			if _, err := s.Now(ctx); err != nil { // a connection that is not idle
				t.Error(name, err)
			}
			relay.hushed.Store(true)
			s.limit = 100 * time.Millisecond
			var unknown *store.CannotTell
			if err := ask(); !errors.As(err, &unknown) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
