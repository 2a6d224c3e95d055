package host

import (
	"context"
	"errors"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

// engineOf returns the engine with which a host runs the built-in plugin.
func engineOf(t *testing.T, h *Host) *engine {
	t.Helper()
	m, failure := h.acquire(context.Background(), "runpod")
	if failure != nil {
		t.Fatal(failure)
	}
	defer m.release()
	return m.engine
}

func (s *shelf) has(e *engine) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.held {
		if one.engine == e {
			return true
		}
	}
	return false
}

func TestHost_SharesTheCodeOfBuiltInPluginsInAProcess(t *testing.T) {
	hosts := make([]*Host, 3)
	for n := range hosts {
		options := Options{Builtin: builtins(t), Network: newFakeNetwork(reply(200, pod)), CacheDir: compiled}
		if n == 2 {
			options.Limits.MemoryBytes = 64 << 20
		}
		h, err := New(options)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close(context.Background())
		hosts[n] = h
	}
	one := engineOf(t, hosts[0])
	if engineOf(t, hosts[1]) != one {
		t.Error("the second has code of its own")
	}
	if engineOf(t, hosts[2]) == one {
		t.Error("the third has code with the limits of another")
	}
	for n, h := range hosts[:2] {
		if _, err := h.Call(context.Background(), getCall()); err != nil {
			t.Errorf("%d: %v", n, err)
		}
		if err := h.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if kept := engines.has(one); kept != (n == 0) {
			t.Errorf("after %d have closed it is held: %v", n+1, kept)
		}
	}
}

// TestShelf_MakesAnEngineWhoseMakerGaveUp has one that others wait for.
func TestShelf_MakesAnEngineWhoseMakerGaveUp(t *testing.T) {
	s := shelf{held: map[engineKey]*shelved{}}
	key, began, fail := engineKey{sha: "x"}, make(chan struct{}), make(chan struct{})
	first, second := make(chan error), make(chan error)
	go func() {
		_, _, err := s.take(context.Background(), key, func() (*engine, error) {
			close(began)
			<-fail
			return nil, spec.NewError(spec.KindCancelled, "closed")
		})
		first <- err
	}()
	<-began
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := s.take(ctx, key, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone was given %v", err)
	}
	made := &engine{}
	go func() {
		e, _, err := s.take(context.Background(), key, func() (*engine, error) { return made, nil })
		if e != made {
			t.Errorf("the second has %v", e)
		}
		second <- err
	}()
	close(fail)
	if err := <-first; err == nil {
		t.Error("the first one's attempt has succeeded")
	}
	if err := <-second; err != nil {
		t.Errorf("the second one's has not: %v", err)
	}
}
