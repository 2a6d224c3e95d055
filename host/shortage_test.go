package host

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
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

// setClock is a clock that a test sets forward.
type setClock struct {
	egress.SystemClock
	by atomic.Int64
}

func (c *setClock) Now() time.Time { return time.Now().Add(time.Duration(c.by.Load())) }

// endless is a plugin that never says what it is.
func endless() []byte {
	a := newAssembly()
	a.export("describe", a.function(nil, []byte{0x7f}, opLoop, opAgain, c32(0)))
	return a.binary()
}

// TestHost_LoadsAPluginAgainThatTookTooLong has a machine without the time to compile
// a plugin, and one on which a plugin does not come to say what it is.
func TestHost_LoadsAPluginAgainThatTookTooLong(t *testing.T) {
	for says, limits := range map[string]Limits{"computed for too long": {EntryTime: time.Millisecond}, "longer than 1ns": {CompileTime: time.Nanosecond}} {
		dir, clock := t.TempDir(), &setClock{}
		good := answering("acme", `{"value":{"id":"`+says+`"}}`) // its code is in nobody's cache
		path, module := filepath.Join(dir, "acme.wasm"), good
		if limits.CompileTime == 0 {
			module = endless()
		}
		write(t, path, module)
		h := newHost(t, Options{Dir: dir, Clock: clock, WatchEvery: -1, Limits: limits, Network: newFakeNetwork(reply(200, pod))})
		_, err := h.Manifest(context.Background(), "acme")
		expect(t, err, spec.KindPlugin, says)
		write(t, path, good)
		h.limits.EntryTime, h.limits.CompileTime = time.Minute, time.Minute
		_, err = h.Manifest(context.Background(), "acme")
		expect(t, err, spec.KindPlugin, says) // not yet
		clock.by.Store(int64(slowPause * time.Minute))
		if _, err := h.Manifest(context.Background(), "acme"); err != nil {
			t.Errorf("%s, and once there is time: %v", says, err)
		}
	}
}

// TestWatch_LooksAgainAtAFileThatTookTooLong has the same befall a file that is put
// into the folder, where an older one goes on until then.
func TestWatch_LooksAgainAtAFileThatTookTooLong(t *testing.T) {
	dir, clock := t.TempDir(), &setClock{}
	path := filepath.Join(dir, "acme.wasm")
	write(t, path, answering("acme", `{"value":{"id":"1"}}`))
	var told []string
	h := newHost(t, Options{Dir: dir, Clock: clock, WatchEvery: -1, Network: newFakeNetwork(reply(200, pod)), Limits: Limits{EntryTime: time.Minute},
		Changed: func(c Change) { told = append(told, c.What) }})
	w := newWatcher(h)
	if value, err := ask(h, "acme"); value != `{"id":"1"}` || err != nil {
		t.Fatalf("%s %v", value, err)
	}
	drop(t, path, answering("acme", `{"value":{"id":"the second"}}`))
	h.limits.CompileTime = time.Nanosecond
	for range 2 { // the first looks whether it is still being written
		w.round()
	}
	h.limits.CompileTime = time.Minute
	w.round()
	if value, err := ask(h, "acme"); value != `{"id":"1"}` || err != nil {
		t.Errorf("%s %v", value, err)
	}
	clock.by.Store(int64(slowPause * time.Minute))
	for range 2 {
		w.round()
	}
	if value, err := ask(h, "acme"); value != `{"id":"the second"}` || err != nil {
		t.Errorf("%s %v", value, err)
	}
	if got := strings.Join(told, " "); got != ChangeRefused+" "+ChangeReplaced {
		t.Errorf("told of %s", got)
	}
}
