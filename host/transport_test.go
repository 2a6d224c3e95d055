package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// transports are the runpod provider on the SDK's own transport and on the plain
// Extism PDK, both trusted to end by themselves.
func transports(t testing.TB) map[string]Plugin {
	t.Helper()
	module, err := providerGuest()
	if err != nil {
		t.Fatalf("%v: %s", err, module)
	}
	sum := sha256.Sum256(module)
	all := map[string]Plugin{"pdk": {Name: "runpod", SHA256: hex.EncodeToString(sum[:]), Open: func() ([]byte, error) { return module, nil }}}
	for _, p := range builtins(t) {
		if p.Name == "runpod" {
			all["sdk"] = p
		}
	}
	return all
}

// TestHost_RunsTheSameProviderOverThePlainExtismPDK shows that a provider does
// not notice how its requests are carried.
func TestHost_RunsTheSameProviderOverThePlainExtismPDK(t *testing.T) {
	answers := map[string][]string{}
	for name, plugin := range transports(t) {
		status := 200
		network := newFakeNetwork(func(ctx context.Context, k spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
			return reply(status, pod)(ctx, k, r)
		})
		h := newHost(t, Options{Builtin: []Plugin{plugin}, Network: network})
		for _, c := range []struct {
			operation, request string
			status             int
		}{
			{spec.OpGet, `{"id":"pod123"}`, 200}, {spec.OpGet, `{"id":"pod123"}`, 404}, {spec.OpGet, `{"id":"pod123"}`, 500}, {spec.OpTerminate, `{"id":"pod123"}`, 200},
			{spec.OpSpawn, `{"request_id":"r","name":"n","gpu":"NVIDIA A40","gpu_count":1,"image":"i","cloud_type":"secure"}`, 201},
		} {
			status = c.status
			value, err := h.Call(context.Background(), spec.Call{Provider: "runpod", Operation: c.operation, Request: spec.Raw(c.request), IncludeRaw: true})
			text := string(value)
			if err != nil {
				text = string(spec.AsError(err).Kind) + " " + err.Error()
			}
			answers[name] = append(answers[name], text)
		}
	}
	for i, got := range answers["pdk"] {
		if want := answers["sdk"][i]; got != want || got == "" {
			t.Errorf("call %d answers %s, want %s", i, got, want)
		}
	}
}

// TestHost_GoesOnWhereItsHTTPClientPanics lets the client fail under a request of
// each kind of guest.
func TestHost_GoesOnWhereItsHTTPClientPanics(t *testing.T) {
	for name, plugin := range transports(t) {
		broken := true
		network := newFakeNetwork(func(ctx context.Context, k spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
			if broken {
				panic("a defect")
			}
			return reply(200, pod)(ctx, k, r)
		})
		h := newHost(t, Options{Builtin: []Plugin{plugin}, Network: network})
		for operation, unknown := range map[string]bool{spec.OpGet: false, spec.OpTerminate: true} {
			_, err := h.Call(context.Background(), spec.Call{Provider: "runpod", Operation: operation, Request: spec.Raw(`{"id":"pod123"}`)})
			if e := spec.AsError(err); e == nil || e.Kind != spec.KindInternal || len(e.Details) == 0 || e.UnknownOutcome != unknown {
				t.Errorf("%s: %s: %+v", name, operation, e)
			}
		}
		if stats := h.Stats(); stats.Parked != 0 || stats.Calls != 0 || stats.Instances != 1 {
			t.Errorf("%s: it leaves %+v", name, stats)
		}
		broken = false
		if _, err := h.Call(context.Background(), getCall()); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}

// BenchmarkTransport compares them: a call, the size of the module, the first
// call without a cache, and the memory of 16 calls in flight.
func BenchmarkTransport(b *testing.B) {
	for name, plugin := range transports(b) {
		b.Run(name, func(b *testing.B) {
			gate := make(chan struct{})
			network := newFakeNetwork(func(ctx context.Context, k spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
				<-gate
				return reply(200, pod)(ctx, k, r)
			})
			h := newHost(b, Options{Builtin: []Plugin{plugin}, CacheDir: b.TempDir(), Network: network})
			call := func() {
				if _, err := h.Call(context.Background(), getCall()); err != nil {
					b.Error(err)
				}
			}
			start := time.Now()
			if _, err := h.Manifest(context.Background(), "runpod"); err != nil {
				b.Fatal(err)
			}
			cold := time.Since(start)
			var calls sync.WaitGroup
			for range 16 {
				calls.Go(call)
			}
			for network.seen.Load() < 16 {
				time.Sleep(time.Millisecond)
			}
			held := h.Stats().Memory
			close(gate)
			calls.Wait()
			module, err := plugin.Open()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
			b.ReportMetric(float64(len(module))/1e6, "module-MB")
			b.ReportMetric(float64(cold.Milliseconds()), "compile-ms")
			b.ReportMetric(float64(held)/mib, "MiB-of-16-calls")
		})
	}
}
