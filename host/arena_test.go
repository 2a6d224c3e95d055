package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// arena is a host with a healthy built-in plugin, into which hostile guests are
// loaded.
type arena struct {
	t    *testing.T
	host *Host
	dir  string

	mu  sync.Mutex
	log []string
}

func newArena(t *testing.T, options Options) *arena {
	a := &arena{t: t, dir: t.TempDir()}
	options.Builtin = builtins(t)
	if options.Network == nil {
		options.Network = newFakeNetwork(reply(200, pod))
	}
	if options.Limits.EntryTime == 0 { // so that only what a guest does ends its call, on the busiest machine too
		options.Limits.EntryTime = time.Minute
	}
	options.Limits.MemoryBytes = 64 << 20
	options.Limits.VariableBytes = 64 << 10
	options.Limits.Requests = 8
	options.Limits.HeldBytes = 4 << 20
	options.Limits.LogBytes = 4 << 10
	options.Limits.OutputBytes = 1 << 20
	options.Limits.ScratchBytes = 8 << 20
	options.Log = func(provider, level, line string) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.log = append(a.log, provider+" "+level+" "+line)
	}
	a.host = newHost(t, options)
	if options.Network != nil {
		if _, err := a.host.Manifest(context.Background(), "runpod"); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func (a *arena) logged() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.log, "\n")
}

// load writes a module into a file and loads it.
func (a *arena) load(name string, module []byte) error {
	path := filepath.Join(a.dir, name+".wasm")
	if err := os.WriteFile(path, module, 0o600); err != nil {
		a.t.Fatal(err)
	}
	_, err := a.host.Load(context.Background(), path, "")
	return err
}

// healthy calls the built-in plugin again and again while f runs, and fails the
// test when one of those calls does, or when there was none.
func (a *arena) healthy(f func()) {
	a.t.Helper()
	stop := make(chan struct{})
	var calls atomic.Int64
	var done sync.WaitGroup
	first := make(chan struct{})
	done.Go(func() {
		for {
			_, err := a.host.Call(context.Background(), getCall())
			if err != nil {
				a.t.Errorf("a call of a healthy plugin fails at the same time: %v", err)
			}
			if calls.Add(1) == 1 {
				close(first)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	<-first
	f()
	close(stop)
	done.Wait()
	if _, err := a.host.Call(context.Background(), getCall()); err != nil {
		a.t.Errorf("a call of a healthy plugin fails afterwards: %v", err)
	}
}

// briefly are the limits of an arena whose guests compute for ever.
var briefly = Limits{EntryTime: 500 * time.Millisecond}

func callOf(name string) spec.Call {
	return spec.Call{Provider: name, Operation: spec.OpGet, Request: spec.Raw(`{"id":"x"}`), Key: spec.NewSecret(canary)}
}

// expect checks the kind of an error and that it says what happened.
func expect(t *testing.T, err error, kind spec.Kind, words ...string) {
	t.Helper()
	if err == nil {
		t.Error("it succeeds")
		return
	}
	e := spec.AsError(err)
	if e.Kind != kind {
		t.Errorf("kind is %s, want %s: %v", e.Kind, kind, err)
	}
	for _, word := range words {
		if !strings.Contains(e.Error()+" "+e.Hint, word) {
			t.Errorf("%q does not say %q", e.Error(), word)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v %s", e, e.Details), canary) {
		t.Error("the error holds the credential")
	}
}
