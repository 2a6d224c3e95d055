package host

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// TestHost_KeepsAPluginForWhichThereIsNoMemory takes the memory away under which a
// sandbox is made, more often than there are places for one.
func TestHost_KeepsAPluginForWhichThereIsNoMemory(t *testing.T) {
	for name, module := range map[string][]byte{"blocking": answering("blocking", `{"value":{"id":"x"}}`), "parking": asking("parking", requestMeta("https://api.example.com/", nil), nil)} {
		a := newArena(t, Options{Limits: Limits{BlockingInstances: 2}})
		if err := a.load(name, module); err != nil {
			t.Fatal(err)
		}
		m, failure := a.host.acquire(context.Background(), name)
		if failure != nil {
			t.Fatal(failure)
		}
		for _, i := range append(*m.list.Load(), m.idle...) {
			i.drop()
		}
		m.idle = nil
		before, memory := a.host.Stats().Instances, m.engine.memory
		m.engine.memory = pageSize // of which the module wants two to begin with
		for range 3 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			_, err := a.host.Call(ctx, callOf(name))
			cancel()
			expect(t, err, spec.KindInternal, "memory", "ulimit")
			if e := spec.AsError(err); e == nil || !e.Retryable {
				t.Errorf("%s: %+v is not retryable", name, e)
			}
		}
		if after := a.host.Stats().Instances; after != before {
			t.Errorf("%s: %d sandboxes are counted, there are %d", name, after, before)
		}
		m.engine.memory = memory
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if _, err := a.host.Call(ctx, callOf(name)); err != nil {
			t.Errorf("%s: with memory again: %v", name, err)
		}
		cancel()
		m.release()
	}
}

// TestHost_LoadsAPluginAgainThatCouldNotBeRead has a plugin whose file cannot be
// opened for a moment.
func TestHost_LoadsAPluginAgainThatCouldNotBeRead(t *testing.T) {
	plugin := builtins(t)[0]
	open, tries := plugin.Open, 0
	plugin.Open = func() ([]byte, error) {
		if tries++; tries == 1 {
			return nil, errors.New("too many open files")
		}
		return open()
	}
	h := newHost(t, Options{Builtin: []Plugin{plugin}})
	_, err := h.Manifest(context.Background(), plugin.Name)
	expect(t, err, spec.KindPlugin, "cannot be read: too many open files")
	for range 2 {
		if _, err := h.Manifest(context.Background(), plugin.Name); err != nil {
			t.Errorf("once it can be read: %v", err)
		}
	}
	if tries != 2 {
		t.Errorf("it is read %d times", tries)
	}
}
