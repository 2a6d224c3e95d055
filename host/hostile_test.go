package host

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

const (
	wasiModule = "wasi_snapshot_preview1"
	tooLong    = "computed for too long"
)

var t32 = byte(0x7f)

func TestHost_SurvivesGuestsThatMisbehaveInACall(t *testing.T) {
	forever := join(opLoop, opAgain)
	far := int64(-16) // 0xfffffff0
	wrote := func(function string, args ...[]byte) func(*assembly) []byte {
		return func(a *assembly) []byte {
			return join(append(args, a.imported(atlasModule, function))...)
		}
	}
	dropped := func(function string, args ...[]byte) func(*assembly) []byte {
		return func(a *assembly) []byte { return join(wrote(function, args...)(a), opDrop) }
	}
	extism := func(function string, args ...[]byte) func(*assembly) []byte {
		return func(a *assembly) []byte {
			return join(append(args, a.imported(extismModule, function))...)
		}
	}
	extismDropped := func(function string, args ...[]byte) func(*assembly) []byte {
		return func(a *assembly) []byte { return join(extism(function, args...)(a), opDrop) }
	}
	cases := []struct {
		name  string
		build func(*assembly) []byte
		words []string
	}{
		{"trap", func(*assembly) []byte { return opTrap }, []string{"unreachable"}},
		{"divides by zero", func(*assembly) []byte { return join(c32(1), c32(0), []byte{0x6d}, opDrop) }, []string{"divide"}},
		{"loop", func(*assembly) []byte { return forever }, []string{tooLong}},
		{"grows for ever", func(a *assembly) []byte { return join(opLoop, c32(1), opGrow, opDrop, opAgain) }, []string{tooLong}},
		{"recursion", func(a *assembly) []byte { return join([]byte{0x10}, leb(uint64(len(a.imports)+1)), opDrop) }, []string{"stack"}},
		{"allocates without end", func(a *assembly) []byte {
			return join(opLoop, c64(1<<20), a.imported(extismModule, "alloc"), opDrop, opAgain)
		}, []string{"allocates more"}},
		{"allocates far too much", extismDropped("alloc", c64(1<<40)), []string{"allocates more"}},
		{"exits", func(a *assembly) []byte { return join(c32(3), a.declare(wasiModule, "proc_exit", []byte{t32}, nil)) }, []string{"exit code 3"}},
		{"exits well", func(a *assembly) []byte { return join(c32(0), a.declare(wasiModule, "proc_exit", []byte{t32}, nil)) }, []string{"exit code 0"}},
		{"huge output", func(a *assembly) []byte {
			return join(c32(400), opGrow, opDrop, c32(0), c32(20<<20), a.imported(atlasModule, "output_write"))
		}, []string{"output", "exceeds"}},
		{"no output", func(*assembly) []byte { return nil }, []string{"answered nothing"}},
		{"sleeps", func(a *assembly) []byte {
			subscription := make([]byte, 48)
			binary.LittleEndian.PutUint32(subscription[16:], 1)
			binary.LittleEndian.PutUint64(subscription[24:], uint64(time.Hour))
			at, _ := a.text(append(subscription, make([]byte, 64)...))
			poll := a.declare(wasiModule, "poll_oneoff", []byte{t32, t32, t32, t32}, []byte{t32})
			return join(opLoop, c32(at), c32(at+48), c32(1), c32(at+96), poll, opDrop, opAgain)
		}, []string{tooLong}},
		{"parks without a request", func(a *assembly) []byte {
			a.imported(atlasModule, "http_begin")
			return join(c32(2), opReturn)
		}, []string{"parked", "without an HTTP request"}},
		{"parks though it blocks", func(a *assembly) []byte { return join(c32(2), opReturn) }, []string{"parked"}},
		{"answers another number", func(a *assembly) []byte { return join(c32(7), opReturn) }, []string{"no reason given"}},
		{"sets an error", func(a *assembly) []byte {
			return join(c64(8), a.imported(extismModule, "alloc"), []byte{0x1a}, c64(kernelBase), a.imported(extismModule, "error_set"), c32(1), opReturn)
		}, []string{"failed in get_compute"}},
		{"variable flood", func(a *assembly) []byte {
			alloc, set := a.imported(extismModule, "alloc"), a.imported(extismModule, "var_set")
			return join(c64(8), alloc, c64(1<<20), alloc, set)
		}, []string{"variables take more"}},
		{"too many requests", func(a *assembly) []byte {
			at, n := a.text([]byte(requestMeta("https://api.example.com/", nil)))
			begin := a.imported(atlasModule, "http_begin")
			return join(opLoop, c32(at), c32(n), c32(0), c32(0), begin, c32(-2), []byte{0x47, 0x0d, 0, 0x0b})
		}, []string{"more than 8 HTTP requests"}},
		{"metadata without end", func(a *assembly) []byte {
			return join(c32(32), opGrow, opDrop, c32(0), c32(2<<20), c32(0), c32(0), a.imported(atlasModule, "http_begin"), opDrop)
		}, []string{"metadata is longer than"}},
		{"bodies without end", func(a *assembly) []byte {
			at, n := a.text([]byte(requestMeta("https://api.example.com/", nil)))
			begin := a.imported(atlasModule, "http_begin")
			return join(c32(32), opGrow, opDrop, opLoop, c32(at), c32(n), c32(0), c32(2<<20), begin, c32(-2), []byte{0x47, 0x0d, 0, 0x0b})
		}, []string{"take more than", "http_end"}},
		{"header injection", func(a *assembly) []byte {
			at, n := a.text([]byte(requestMeta("https://api.example.com/", map[string]string{"x-a": "b\r\nauthorization: stolen"})))
			return join(c32(at), c32(n), c32(0), c32(0), a.imported(atlasModule, "http_begin"), opDrop)
		}, []string{"line break"}},
		{"header name injection", func(a *assembly) []byte {
			at, n := a.text([]byte(requestMeta("https://api.example.com/", map[string]string{"x-a: b\r\nx-b": "c"})))
			return join(c32(at), c32(n), c32(0), c32(0), a.imported(atlasModule, "http_begin"), opDrop)
		}, []string{"line break"}},
		{"URL injection", func(a *assembly) []byte {
			at, n := a.text([]byte(requestMeta("https://api.example.com/ HTTP/1.1\r\nx: y", nil)))
			return join(c32(at), c32(n), c32(0), c32(0), a.imported(atlasModule, "http_begin"), opDrop)
		}, []string{"URL"}},
		{"strange method", func(a *assembly) []byte {
			at, n := a.text([]byte(`{"method":"CONNECT","url":"https://api.example.com/"}`))
			return join(c32(at), c32(n), c32(0), c32(0), a.imported(atlasModule, "http_begin"), opDrop)
		}, []string{"method"}},
		{"bad metadata", func(a *assembly) []byte {
			at, n := a.text([]byte(`{"method":`))
			return join(c32(at), c32(n), c32(0), c32(0), a.imported(atlasModule, "http_begin"), opDrop)
		}, []string{"metadata"}},
		{"another host", func(a *assembly) []byte {
			at, n := a.text([]byte(requestMeta("https://evil.example.net/", nil)))
			return join(c32(at), c32(n), c32(0), c32(0), a.imported(atlasModule, "http_begin"), opDrop)
		}, []string{"evil.example.net"}},
		{"an address", func(a *assembly) []byte {
			at, n := a.text([]byte(requestMeta("https://169.254.169.254/latest/meta-data", nil)))
			return join(c32(at), c32(n), c32(0), c32(0), a.imported(atlasModule, "http_begin"), opDrop)
		}, []string{"may not reach https://169.254.169.254"}},
		{"plain http", func(a *assembly) []byte {
			at, n := a.text([]byte(requestMeta("http://api.example.com/", nil)))
			return join(c32(at), c32(n), c32(0), c32(0), a.imported(atlasModule, "http_begin"), opDrop)
		}, []string{"may not reach http://api.example.com", "HTTPS"}},

		{"input_read out of range", wrote("input_read", c32(far)), []string{"outside its memory"}},
		{"output_write out of range", wrote("output_write", c32(far), c32(64)), []string{"outside its memory"}},
		{"output_write of everything", wrote("output_write", c32(0), c32(-1)), []string{"outside its memory"}},
		{"http_begin with metadata out of range", dropped("http_begin", c32(far), c32(64), c32(0), c32(0)), []string{"outside its memory"}},
		{"http_begin with a body out of range", dropped("http_begin", c32(0), c32(1), c32(far), c32(64)), []string{"outside its memory"}},
		{"http_status of nothing", dropped("http_status", c32(77)), []string{"no HTTP request 77"}},
		{"http_body_length of nothing", dropped("http_body_length", c32(-1)), []string{"no HTTP request"}},
		{"http_body_read of nothing", wrote("http_body_read", c32(1), c32(0)), []string{"no HTTP request"}},
		{"http_header of nothing", dropped("http_header", c32(1), c32(0), c32(1), c32(0), c32(1)), []string{"no HTTP request"}},
		{"http_error_length of nothing", dropped("http_error_length", c32(1)), []string{"no HTTP request"}},
		{"http_error_read of nothing", wrote("http_error_read", c32(1), c32(far)), []string{"no HTTP request"}},
		{"http_end of nothing", wrote("http_end", c32(1)), []string{"no HTTP request"}},

		{"load_u8 of nothing", extismDropped("load_u8", c64(1<<30)), []string{"not allocated"}},
		{"load_u8 of null", extismDropped("load_u8", c64(0)), []string{"not allocated"}},
		{"load_u64 at the end of all", extismDropped("load_u64", c64(-1)), []string{"outside"}},
		{"store_u8 of nothing", extism("store_u8", c64(4096), c32(1)), []string{"not allocated"}},
		{"store_u64 of nothing", extism("store_u64", c64(-8), c64(1)), []string{"outside"}},
		{"output_set of nothing", extism("output_set", c64(16), c64(-1)), []string{"not allocated"}},
		{"error_set of nothing", extism("error_set", c64(99)), []string{"no block"}},
		{"config_get of nothing", extismDropped("config_get", c64(99)), []string{"no block"}},
		{"var_get of nothing", extismDropped("var_get", c64(99)), []string{"no block"}},
		{"var_set of nothing", extism("var_set", c64(99), c64(98)), []string{"no block"}},
		{"http_request of nothing", extismDropped("http_request", c64(99), c64(98)), []string{"no block"}},
		{"http_request without metadata", extismDropped("http_request", c64(0), c64(0)), []string{"metadata"}},
		{"log_info of nothing", extism("log_info", c64(99)), []string{"no block"}},
		{"input_load_u8 past the end", extismDropped("input_load_u8", c64(1<<20)), []string{"outside the input"}},
		{"input_load_u64 past the end", extismDropped("input_load_u64", c64(-4)), []string{"outside the input"}},
		{"http_request of a parking guest", func(a *assembly) []byte {
			a.imported(atlasModule, "http_begin")
			return join(c64(0), c64(0), a.imported(extismModule, "http_request"), opDrop)
		}, []string{"must not block"}},
	}
	a, brief := newArena(t, Options{}), newArena(t, Options{Limits: briefly})
	a.healthy(func() {
		for n, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				a, name := a, caseName("h", n)
				if c.words[0] == tooLong {
					a = brief
				}
				if err := a.load(name, hostile(name, c.build)); err != nil {
					t.Fatal(err)
				}
				for range 2 { // a new sandbox serves the second
					_, err := a.host.Call(context.Background(), callOf(name))
					expect(t, err, spec.KindPlugin, c.words...)
				}
			})
		}
	})
	if memory := a.host.Stats().Memory + brief.host.Stats().Memory; memory > int64(len(cases)+2)*(64<<20) {
		t.Errorf("guests hold %d MiB", memory>>20)
	}
	if strings.Contains(a.logged()+brief.logged(), canary) {
		t.Error("the log holds the credential")
	}
}

func TestHost_RefusesBadAnswers(t *testing.T) {
	cases := []struct{ output, words string }{
		{`{`, "not a JSON object"},
		{`nope`, "not a JSON object"},
		{``, "not a JSON object"},
		{`[]`, "not a JSON object"},
		{`{"value":{}} ` + "\x00", "not a JSON object"},
		{`{"value":{"id":"` + "\xff" + `"}}`, "not a JSON object"},
		{`{"value":{"a":01}}`, "not a JSON object"},
		{`{"value":` + strings.Repeat(`{"a":`, 300) + `1` + strings.Repeat(`}`, 301), "not a JSON object"},
		{`{"value":{},"error":{"kind":"not_found","message":"x"}}`, "both a value and an error"},
		{`{"value":{},"value":{}}`, "two members"},
		{`{}`, "neither"},
		{`{"valve":{}}`, "neither"},
		{`{"value":1}`, "not a JSON object"},
		{`{"value":null}`, "not a JSON object"},
		{`{"error":"x"}`, "not a JSON object"},
		{`{"error":{"kind":"weird","message":"x"}}`, "unknown kind"},
		{`{"error":{"kind":"not_found"}}`, "no message"},
		{`{"error":{"kind":7,"message":"x"}}`, "wrong type"},
	}
	a := newArena(t, Options{})
	a.healthy(func() {
		for n, c := range cases {
			name := caseName("a", n)
			if err := a.load(name, answering(name, c.output)); err != nil {
				t.Fatal(err)
			}
			_, err := a.host.Call(context.Background(), callOf(name))
			t.Run(name, func(t *testing.T) { expect(t, err, spec.KindPlugin, c.words) })
		}
	})
}

func TestHost_CutsAFloodOfLogLines(t *testing.T) {
	a := newArena(t, Options{})
	module := hostile("flood", func(a *assembly) []byte {
		alloc, log := a.imported(extismModule, "alloc"), a.imported(extismModule, "log_info")
		at, length := a.text([]byte(`{"value":{"id":"x"}}`))
		return join(c64(512), alloc, opDrop, c32(0), []byte{0x21, 0}, // 1000 lines of 512 bytes
			opLoop, c64(kernelBase), log, []byte{0x20, 0}, c32(1), []byte{0x6a, 0x22, 0}, c32(1000), []byte{0x49, 0x0d, 0, 0x0b},
			c32(at), c32(length), a.imported(atlasModule, "output_write"))
	})
	if err := a.load("flood", module); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		a.mu.Lock()
		a.log = nil
		a.mu.Unlock()
		if _, err := a.host.Call(context.Background(), callOf("flood")); err != nil {
			t.Fatal(err)
		}
		text := a.logged()
		if !strings.Contains(text, "is dropped") || len(a.log) > 20 {
			t.Errorf("%d lines are logged", len(a.log))
		}
	}
}

func TestHost_AnswersUnsupportedBeforeAnyRequest(t *testing.T) {
	network := newFakeNetwork(reply(200, pod))
	a := newArena(t, Options{Network: network})
	if err := a.load("few", answering("few", `{"value":{}}`)); err != nil {
		t.Fatal(err)
	}
	before := network.seen.Load()
	for _, operation := range []string{spec.OpSpawn, spec.OpDescribe, exportResume, "memory", "_initialize", ""} {
		c := callOf("few")
		c.Operation = operation
		_, err := a.host.Call(context.Background(), c)
		expect(t, err, spec.KindUnsupported)
	}
	if network.seen.Load() != before {
		t.Error("a request was sent")
	}
}

func TestHost_DropsTheInstanceThatIsResumedForNothing(t *testing.T) {
	a := newArena(t, Options{})
	m, failure := a.host.acquire(context.Background(), "runpod")
	if failure != nil {
		t.Fatal(failure)
	}
	defer m.release()
	c := a.host.newCall(context.Background(), m, spec.Secret{})
	i, failure := m.take(context.Background(), c)
	if failure != nil {
		t.Fatal(failure)
	}
	_, failure = i.enter(context.Background(), c, i.resume, exportResume, 999)
	m.give(i)
	c.free()
	if failure == nil || failure.Kind != spec.KindPlugin || !i.dead.Load() {
		t.Errorf("the guest goes on: %v", failure)
	}
	if _, err := a.host.Call(context.Background(), getCall()); err != nil {
		t.Errorf("a new instance does not serve: %v", err)
	}
}

func TestHost_StopsALoopSoonAfterTheDeadline(t *testing.T) {
	const whole = time.Minute // that the guest has where nothing cuts it short
	a := newArena(t, Options{Limits: Limits{EntryTime: whole}})
	if err := a.load("loop", hostile("loop", func(*assembly) []byte { return join(opLoop, opAgain) })); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := a.host.Call(ctx, callOf("loop"))
	expect(t, err, spec.KindPlugin, tooLong)
	if took := time.Since(start); took >= whole {
		t.Errorf("it takes %v", took)
	}
}

func TestHost_EndsCallsParkedInADroppedInstance(t *testing.T) {
	arrived, gate := make(chan struct{}), make(chan struct{})
	network := newFakeNetwork(func(ctx context.Context, _ spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
		arrived <- struct{}{}
		<-gate
		return reply(200, pod)(ctx, spec.Secret{}, r)
	})
	h := newHost(t, Options{Builtin: builtins(t), Network: network, Limits: Limits{Instances: 1}})
	results := make(chan error, 2)
	for _, c := range []spec.Call{getCall(), {Provider: "runpod", Operation: spec.OpTerminate, Request: spec.Raw(`{"id":"pod123"}`)}} {
		go func() {
			_, err := h.Call(context.Background(), c)
			results <- err
		}()
		<-arrived
	}
	m, failure := h.acquire(context.Background(), "runpod")
	if failure != nil {
		t.Fatal(failure)
	}
	i := (*m.list.Load())[0]
	<-i.lock
	i.drop()
	i.unlock()
	m.release()
	close(gate)
	unknown := 0
	for range 2 {
		err := <-results
		expect(t, err, spec.KindPlugin, "stopped while")
		if spec.AsError(err).UnknownOutcome {
			unknown++
		}
	}
	if unknown != 1 {
		t.Errorf("%d outcomes are unknown, want that of the DELETE alone", unknown)
	}
	if s := h.Stats(); s.Calls != 0 || s.Parked != 0 {
		t.Errorf("%+v", s)
	}
}

func TestHost_BoundsTheAnswersThatACallHolds(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	network := newFakeNetwork(reply(200, big))
	a := newArena(t, Options{Network: network})
	as := newAssembly()
	write, begin := as.imported(atlasModule, "output_write"), as.imported(atlasModule, "http_begin")
	at, n := as.text(manifestOf("hoard", nil))
	metaAt, metaLength := as.text([]byte(strings.Replace(requestMeta("https://api.example.com/", nil), "GET", "POST", 1)))
	ask := join(c32(metaAt), c32(metaLength), c32(0), c32(0), begin, c32(0), []byte{0x48, 0x04, 0x40}, c32(0), opReturn, []byte{0x0b}, c32(2))
	as.export("describe", as.function(nil, []byte{t32}, c32(at), c32(n), write, c32(0)))
	as.export("get_compute", as.function(nil, []byte{t32}, ask))
	as.export(exportResume, as.function([]byte{t32}, []byte{t32}, ask))
	if err := a.load("hoard", as.binary()); err != nil {
		t.Fatal(err)
	}
	before := network.seen.Load()
	_, err := a.host.Call(context.Background(), callOf("hoard"))
	expect(t, err, spec.KindPlugin, "take more than", "http_end")
	if asked := network.seen.Load() - before; asked != 5 {
		t.Errorf("%d requests are sent, want those for 4 MiB and the one that goes beyond", asked)
	}
	if !spec.AsError(err).UnknownOutcome {
		t.Error("what the answered requests did is taken for known, though the call failed after them")
	}
}

// TestHost_StopsALoopBehindARequestSoonAfterTheDeadline lets a blocking guest loop
// once the request has ended that the deadline interrupted.
func TestHost_StopsALoopBehindARequestSoonAfterTheDeadline(t *testing.T) {
	network := newFakeNetwork(func(ctx context.Context, _ spec.Secret, _ *egress.Request) (*egress.Response, *egress.Failure) {
		<-ctx.Done()
		return nil, &egress.Failure{Error: spec.NewError(spec.KindTimeout, "too late")}
	})
	const whole = time.Minute // that the guest has where nothing cuts it short
	h := newHost(t, Options{Network: network, Limits: Limits{EntryTime: whole}})
	path := filepath.Join(t.TempDir(), "late.wasm")
	write(t, path, hostile("late", func(a *assembly) []byte {
		meta := requestMeta("https://api.example.com/", nil)
		alloc, store, ask := a.imported(extismModule, "alloc"), a.imported(extismModule, "store_u8"), a.imported(extismModule, "http_request")
		code := join(c64(int64(len(meta))), alloc, opDrop)
		for n := range len(meta) {
			code = join(code, c64(kernelBase+int64(n)), c32(int64(meta[n])), store)
		}
		return join(code, c64(kernelBase), c64(0), ask, opDrop, opLoop, opAgain)
	}))
	if _, err := h.Load(context.Background(), path, ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := h.Call(ctx, callOf("late"))
	expect(t, err, spec.KindTimeout, "too late")
	if took := time.Since(start); took >= whole {
		t.Errorf("it takes %v", took)
	}
}

// What may pass a cloud's provider knows, beside what passes by its kind alone.
func TestHost_KeepsAProvidersWordThatAnErrorMayPass(t *testing.T) {
	cases := []struct {
		output string
		want   bool
	}{
		{`{"error":{"kind":"provider","message":"x","status":400,"retryable":true}}`, true},
		{`{"error":{"kind":"validation","message":"x","status":400,"retryable":true}}`, true},
		{`{"error":{"kind":"validation","message":"x","status":400}}`, false},
		{`{"error":{"kind":"provider","message":"x","status":400,"retryable":false}}`, false},
		{`{"error":{"kind":"capacity","message":"x"}}`, true},
		{`{"error":{"kind":"rate_limited","message":"x","retryable":false}}`, true},
	}
	a := newArena(t, Options{})
	a.healthy(func() {
		for n, c := range cases {
			name := caseName("r", n)
			if err := a.load(name, answering(name, c.output)); err != nil {
				t.Fatal(err)
			}
			_, err := a.host.Call(context.Background(), callOf(name))
			if e := spec.AsError(err); e == nil || e.Retryable != c.want {
				t.Errorf("%s: %+v", c.output, e)
			}
		}
	})
}
