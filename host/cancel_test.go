package host

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// TestHost_EndsNoOtherCallsWithOneThatIsCancelled cancels one of two calls that are
// parked in a guest which takes longer to go on than a guest has whose answer nobody
// wants.
func TestHost_EndsNoOtherCallsWithOneThatIsCancelled(t *testing.T) {
	const naps = 3 * hurryTime / (5 * time.Millisecond) // one takes 5 ms or more
	a := newAssembly()
	output, begin := a.imported(atlasModule, "output_write"), a.imported(atlasModule, "http_begin")
	poll := a.declare(wasiModule, "poll_oneoff", []byte{t32, t32, t32, t32}, []byte{t32})
	at, n := a.text(manifestOf("slow", nil))
	a.export("describe", a.function(nil, []byte{t32}, c32(at), c32(n), output, c32(0)))
	metaAt, metaLength := a.text([]byte(requestMeta("https://api.example.com/", nil)))
	a.export("get_compute", a.function(nil, []byte{t32}, c32(metaAt), c32(metaLength), c32(0), c32(0), begin, opDrop, c32(2)))
	subscription := make([]byte, 48+96)
	binary.LittleEndian.PutUint32(subscription[16:], 1)
	binary.LittleEndian.PutUint64(subscription[24:], uint64(time.Hour))
	napAt, _ := a.text(subscription)
	valueAt, valueLength := a.text([]byte(`{"value":{"id":"x"}}`))
	a.export(exportResume, a.function([]byte{t32}, []byte{t32},
		opLoop, c32(napAt), c32(napAt+48), c32(1), c32(napAt+96), poll, opDrop,
		[]byte{0x20, 1}, c32(1), []byte{0x6a, 0x22, 1}, c32(int64(naps)), []byte{0x49, 0x0d, 0, 0x0b},
		c32(valueAt), c32(valueLength), output, c32(0)))

	gate := make(chan struct{})
	network := newFakeNetwork(func(ctx context.Context, k spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
		select {
		case <-gate:
			return reply(200, pod)(ctx, k, r)
		case <-ctx.Done():
			return nil, &egress.Failure{Error: spec.NewError(spec.KindCancelled, "cancelled")}
		}
	})
	h := newHost(t, Options{Network: network, Limits: Limits{Instances: 1, EntryTime: time.Minute}})
	path := filepath.Join(t.TempDir(), "slow.wasm")
	write(t, path, a.binary())
	if _, err := h.Load(context.Background(), path, ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ends := make(chan error, 2)
	var calls sync.WaitGroup
	defer calls.Wait()
	for n, ctx := range []context.Context{context.Background(), ctx} {
		calls.Go(func() {
			_, err := h.Call(ctx, callOf("slow"))
			ends <- err
		})
		for h.Stats().Parked <= n {
			runtime.Gosched()
		}
	}
	cancel()
	if err := <-ends; err != nil {
		t.Errorf("the call that was cancelled had its answer from the guest, and ends with %v", err)
	}
	close(gate)
	if err := <-ends; err != nil {
		t.Errorf("the other call: %v", err)
	}
	if stats := h.Stats(); stats.Instances != 1 {
		t.Errorf("%d sandboxes are left of one", stats.Instances)
	}
}

// TestHost_LosesOnlyTheCallInWhichAProviderPanics has a provider of the SDK index what
// is not in an answer, while another call is parked in the same sandbox.
func TestHost_LosesOnlyTheCallInWhichAProviderPanics(t *testing.T) {
	module, err := brokenGuest()
	if err != nil {
		t.Fatalf("%v: %s", err, module)
	}
	gate := make(chan struct{})
	network := newFakeNetwork(func(ctx context.Context, k spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
		if strings.HasSuffix(r.URL, "/waits") {
			<-gate
		}
		return reply(200, `{}`)(ctx, k, r)
	})
	var mu sync.Mutex
	var logged string
	h := newHost(t, Options{Network: network, Limits: Limits{Instances: 1, EntryTime: time.Minute}, Log: func(_, _, line string) {
		mu.Lock()
		defer mu.Unlock()
		logged += line
	}})
	path := filepath.Join(t.TempDir(), "mock.wasm")
	write(t, path, module)
	if _, err := h.Load(context.Background(), path, ""); err != nil {
		t.Fatal(err)
	}
	call := func(operation, id string) error {
		_, err := h.Call(context.Background(), spec.Call{Provider: "mock", Operation: operation, Request: spec.Raw(`{"id":"` + id + `"}`)})
		return err
	}
	parked := make(chan error, 1)
	var calls sync.WaitGroup
	defer calls.Wait()
	calls.Go(func() { parked <- call(spec.OpGet, "waits") })
	for h.Stats().Parked == 0 {
		runtime.Gosched()
	}
	for range 2 { // the second is carried out where the first has panicked
		err := call(spec.OpStop, "x")
		expect(t, err, spec.KindPlugin, "panicked in stop", "index out of range [1] with length 1")
		if e := spec.AsError(err); e == nil || !e.UnknownOutcome {
			t.Errorf("%+v: what was asked for may have been done", e)
		}
	}
	if err := call(spec.OpGet, "x"); err != nil {
		t.Errorf("a call after it: %v", err)
	}
	close(gate)
	if err := <-parked; err != nil {
		t.Errorf("the call that was parked: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(logged, "brokenStop") {
		t.Errorf("the log does not tell where: %s", logged)
	}
}
