package host

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/plugins/builtin"
)

// compiled keeps the code of this run's plugins, so that not every test compiles
// them.
var compiled string

func TestMain(m *testing.M) {
	var err error
	if compiled, err = os.MkdirTemp("", "atlas-host"); err != nil {
		panic(err)
	}
	leak.Main(m, func() error { return os.RemoveAll(compiled) })
}

// canary is the credential of every test call. It must not turn up anywhere but
// in the hands of the network.
const canary = "canary-7f3e9a1c-never-in-a-guest"

// fakeNetwork answers requests in memory.
type fakeNetwork struct {
	client  *egress.Client // checks policies as the real one does
	answer  func(ctx context.Context, key spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure)
	seen    atomic.Int64
	closing sync.Once
}

func newFakeNetwork(answer func(context.Context, spec.Secret, *egress.Request) (*egress.Response, *egress.Failure)) *fakeNetwork {
	return &fakeNetwork{client: egress.New(egress.Options{}), answer: answer}
}

func (n *fakeNetwork) Policy(s egress.PolicySpec) (*egress.Policy, error) { return n.client.Policy(s) }
func (n *fakeNetwork) Check(p *egress.Policy, url string) error           { return n.client.Check(p, url) }
func (n *fakeNetwork) Close()                                             { n.closing.Do(n.client.Close) }
func (n *fakeNetwork) Do(ctx context.Context, _ *egress.Policy, key spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
	n.seen.Add(1)
	return n.answer(ctx, key, r)
}

func reply(status int, body string) func(context.Context, spec.Secret, *egress.Request) (*egress.Response, *egress.Failure) {
	return func(context.Context, spec.Secret, *egress.Request) (*egress.Response, *egress.Failure) {
		return &egress.Response{Status: status, Header: []egress.Header{{Name: "content-type", Value: "application/json"}, {Name: "x-request-id", Value: "r1"}}, Body: []byte(body)}, nil
	}
}

// builtins returns the plugins that make plugins has built.
func builtins(t testing.TB) []Plugin {
	t.Helper()
	var list []Plugin
	for _, m := range builtin.List() {
		list = append(list, Plugin{Name: m.Name, SHA256: m.SHA256, Open: m.Open})
	}
	if len(list) == 0 {
		t.Fatal("no plugins are built; run make plugins first")
	}
	return list
}

func newHost(t testing.TB, options Options) *Host {
	t.Helper()
	if options.CacheDir == "" {
		options.CacheDir = compiled
	}
	if options.Limits.CompileTime == 0 { // the race detector makes it thirty times longer, and a busy machine longer still
		options.Limits.CompileTime = time.Hour
	}
	h, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		if s := h.Stats(); s.Instances != 0 || s.Calls != 0 || s.Parked != 0 || s.Memory != 0 {
			t.Errorf("after close something is left: %+v", s)
		}
	})
	return h
}

// pod is an answer of RunPod's, of the size that is usual.
var pod = `{"id":"pod123","name":"atlas-a-1","desiredStatus":"RUNNING","image":"runpod/pytorch:2.4","costPerHr":0.69,"adjustedCostPerHr":0.69,"gpu":{"id":"NVIDIA H100 80GB HBM3","count":1,"displayName":"H100"},` +
	`"ports":["8000/http","22/tcp"],"publicIp":"203.0.113.7","portMappings":{"22":30022},"env":{"ATLAS_REQUEST_ID":"req-1","PAD":"` + strings.Repeat("x", 800) + `"},"machine":{"dataCenterId":"EU-RO-1","location":"RO"},"createdAt":"2026-11-01T10:00:00Z"}`

func getCall() spec.Call {
	return spec.Call{Provider: "runpod", Operation: spec.OpGet, Request: spec.Raw(`{"id":"pod123"}`), Key: spec.NewSecret(canary)}
}

func TestHost_RefusesAnAddressThatThePluginDoesNotHave(t *testing.T) {
	network := newFakeNetwork(reply(200, pod))
	h := newHost(t, Options{Builtin: builtins(t), Network: network, Providers: map[string]ProviderOptions{
		"runpod": {BaseURL: "http://127.0.0.1:1", URLs: map[string]string{"jbos": "http://127.0.0.1:2"}},
		"vast":   {URLs: map[string]string{"api": "http://127.0.0.1:3"}},
	}})
	_, err := h.Call(context.Background(), getCall())
	e := spec.AsError(err)
	if err == nil || e.Kind != spec.KindValidation || !strings.Contains(e.Message, "config.providers.runpod.urls.jbos") || !strings.Contains(e.Hint, "api, jobs") {
		t.Errorf("%+v", e)
	}
	if _, err := h.Manifest(context.Background(), "vast"); err != nil {
		t.Error(err)
	}
}

func TestHost_CarriesACallThroughTheBuiltinGuest(t *testing.T) {
	network := newFakeNetwork(reply(200, pod))
	h := newHost(t, Options{Builtin: builtins(t), Network: network})
	value, err := h.Call(context.Background(), getCall())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(value), `"id":"pod123"`) {
		t.Errorf("value is %s", value)
	}
	if network.seen.Load() == 0 {
		t.Error("nothing was asked")
	}
}

func BenchmarkGetCompute(b *testing.B) {
	h := newHost(b, Options{Builtin: builtins(b), Network: newFakeNetwork(reply(200, pod))})
	if _, err := h.Call(context.Background(), getCall()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Call(context.Background(), getCall()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFirstCallWarm(b *testing.B) {
	dir := b.TempDir()
	plugins := builtins(b)
	for n := 0; b.Loop(); n++ {
		h, err := New(Options{Builtin: plugins, CacheDir: dir, Network: newFakeNetwork(reply(200, pod))})
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if _, err := h.Call(context.Background(), getCall()); err != nil {
			b.Fatal(err)
		}
		if n == 0 {
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "cold-ms")
		} else {
			b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "warm-ms")
		}
		if err := h.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
