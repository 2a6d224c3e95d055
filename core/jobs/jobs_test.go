package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// fake answers each operation from a script: the n-th call of an operation gets
// its n-th answer, further ones the last.
type fake struct {
	mu       sync.Mutex
	manifest spec.Manifest
	script   map[string][]string // JSON values; "!kind" fails with it, "?kind" too, and its outcome is unknown, "~" waits for the context
	count    map[string]int
	requests map[string]spec.Raw
	sent     []spec.HTTP // how each was to be sent
}

func newFake(script map[string][]string) *fake {
	return &fake{manifest: spec.Manifest{Name: "runpod", Capabilities: []spec.Capability{spec.CapServerless}}, script: script, count: map[string]int{}, requests: map[string]spec.Raw{}}
}

func (f *fake) Names() []string { return []string{"runpod"} }

func (f *fake) Manifest(context.Context, string) (*spec.Manifest, error) { return &f.manifest, nil }

func (f *fake) Call(ctx context.Context, call spec.Call) (spec.Raw, error) {
	f.mu.Lock()
	n := f.count[call.Operation]
	f.count[call.Operation]++
	f.requests[call.Operation] = append(spec.Raw(nil), call.Request...)
	f.sent = append(f.sent, call.HTTP)
	steps := f.script[call.Operation]
	f.mu.Unlock()
	if len(steps) == 0 {
		return nil, spec.NewError(spec.KindUnsupported, "not scripted: "+call.Operation)
	}
	step := steps[min(n, len(steps)-1)]
	switch {
	case step == "~":
		<-ctx.Done()
		return nil, &spec.Error{Kind: spec.KindTimeout, Message: "out of time", UnknownOutcome: true}
	case strings.HasPrefix(step, "?"):
		return nil, &spec.Error{Kind: spec.Kind(step[1:]), Message: "as scripted", UnknownOutcome: true}
	case strings.HasPrefix(step, "!"):
		return nil, &spec.Error{Kind: spec.Kind(step[1:]), Message: "as scripted"}
	}
	return spec.Raw(step), nil
}

// calls tells how often an operation was called.
func (f *fake) calls(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[operation]
}

func newService(f *fake) *Service {
	bus := events.NewBus(clock.System{}, events.Settings{Pending: 4})
	return New(Wiring{Backend: f, Directory: provider.NewDirectory(f, provider.Settings{Default: "runpod"}), Bus: bus, Clock: clock.System{}, Jitter: func() float64 { return 0 }})
}

func finish(t *testing.T, s *Service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if !s.Close(ctx) {
		t.Error("work was left")
	}
}

func job(status string) string {
	return `{"id":"j1","status":"` + status + `","output":{"x":1}}`
}

func run(mode Mode) *RunParams {
	return &RunParams{Endpoint: "e", Input: spec.Raw(`{}`), Mode: mode}
}

func TestRun_AsyncAnswersAtOnce(t *testing.T) {
	f := newFake(map[string][]string{spec.OpRunJob: {job("in_queue")}})
	s := newService(f)
	p := run("")
	p.Policy = &Policy{TTLMS: 10000}
	got, err := s.Run(context.Background(), p)
	if err != nil || got.ID != "j1" || got.Status != spec.JobInQueue || got.Provider != "runpod" || got.Endpoint != "e" {
		t.Errorf("%+v %v", got, err)
	}
	if r := string(f.requests[spec.OpRunJob]); strings.Contains(r, "wait_ms") || !strings.Contains(r, `"policy":{"ttl_ms":10000}`) {
		t.Errorf("sent %s", r)
	}
	p.Webhook = "https://me.example/hook"
	if _, err := s.Run(context.Background(), p); err == nil || spec.AsError(err).Kind != spec.KindUnsupported {
		t.Errorf("webhook without the capability: %v", err)
	}
	f.manifest.Capabilities = nil
	if _, err := s.Get(context.Background(), &JobParams{Endpoint: "e", ID: "j1"}); err == nil || spec.AsError(err).Kind != spec.KindUnsupported {
		t.Errorf("a provider without jobs: %v", err)
	}
	finish(t, s)
}

func TestRun_SyncFallsBackToPollingAndOutlivesPassingFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(map[string][]string{spec.OpRunJob: {job("in_progress")}, spec.OpGetJob: {job("in_progress"), "!transport", "!rate_limited", job("completed")}})
		s := newService(f)
		got, err := s.Run(context.Background(), run(ModeSync))
		if err != nil || got.Status != spec.JobCompleted || string(got.Output) != `{"x":1}` || f.calls(spec.OpGetJob) != 4 {
			t.Errorf("%+v %v after %d polls", got, err, f.calls(spec.OpGetJob))
		}
		if r := string(f.requests[spec.OpRunJob]); !strings.Contains(r, `"wait_ms":27000`) {
			t.Errorf("sent %s", r)
		}
		finish(t, s)
	})
}

func TestRun_SyncLeavesTimeForTheAnswerOfAWait(t *testing.T) {
	for timeout, want := range map[int64]string{1000: "", 1999: "", 2500: `"wait_ms":1500`, 20000: `"wait_ms":18000`} {
		f := newFake(map[string][]string{spec.OpRunJob: {job("completed")}})
		s := newService(f)
		p := run(ModeSync)
		p.TimeoutMS = timeout
		if _, err := s.Run(context.Background(), p); err != nil {
			t.Error(err)
		}
		if r := string(f.requests[spec.OpRunJob]); want == "" && strings.Contains(r, "wait_ms") || !strings.Contains(r, want) {
			t.Errorf("%d ms: sent %s", timeout, r)
		}
		finish(t, s)
	}
}

func TestRun_SyncIsHeldNoLongerThanARequestMayTake(t *testing.T) {
	for http, want := range map[int64]string{1500: "", 10_000: `"wait_ms":9000`, 600_000: `"wait_ms":90000`} {
		f := newFake(map[string][]string{spec.OpRunJob: {job("completed")}})
		s := newService(f)
		p := run(ModeSync)
		p.TimeoutMS, p.HTTP = 300_000, &spec.HTTP{TimeoutMS: http}
		if _, err := s.Run(context.Background(), p); err != nil {
			t.Error(err)
		}
		if r := string(f.requests[spec.OpRunJob]); !strings.Contains(r, want) || want == "" && strings.Contains(r, "wait_ms") {
			t.Errorf("requests of %d ms: sent %s", http, r)
		}
		finish(t, s)
	}
}

func TestRun_SyncCancelsOrKeepsTheJobWhenItsTimeIsUp(t *testing.T) {
	for _, row := range []struct {
		on      OnTimeout
		cancel  string
		remote  string
		cancels int
	}{{"", `{}`, "cancelled", 1}, {TimeoutCancel, "!provider", "cancel_failed", 1}, {TimeoutKeep, `{}`, "kept", 0}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(map[string][]string{spec.OpRunJob: {job("in_queue")}, spec.OpGetJob: {job("in_progress")}, spec.OpCancelJob: {row.cancel}})
			s := newService(f)
			p := run(ModeSync)
			p.TimeoutMS, p.OnTimeout = 5000, row.on
			start := time.Now()
			_, err := s.Run(context.Background(), p)
			e := spec.AsError(err)
			if e.Kind != spec.KindTimeout || time.Since(start) != 5*time.Second || f.calls(spec.OpCancelJob) != row.cancels ||
				string(e.Details) != `{"job_id":"j1","endpoint":"e","status":"in_progress","remote":"`+row.remote+`"}` || e.Hint == "" {
				t.Errorf("%s: %+v details %s after %s", row.on, e, e.Details, time.Since(start))
			}
			finish(t, s)
		})
	}
}

func TestRun_SyncAnswersAJobThatEndedBeforeItCouldBeCancelled(t *testing.T) {
	for _, row := range []struct {
		get, kind, details string
	}{
		{job("completed"), "", ""},
		{"!provider", string(spec.KindTimeout), `{"job_id":"j1","endpoint":"e","status":"completed","remote":"ended"}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(map[string][]string{spec.OpRunJob: {job("in_queue")}, spec.OpGetJob: {row.get}, spec.OpCancelJob: {`{"id":"j1","status":"completed"}`}})
			s := newService(f)
			p := run(ModeSync)
			p.TimeoutMS = 100 // over before the first look
			got, err := s.Run(context.Background(), p)
			if row.kind == "" {
				if err != nil || got.Status != spec.JobCompleted || string(got.Output) != `{"x":1}` {
					t.Errorf("%+v %v", got, err)
				}
			} else if e := spec.AsError(err); e == nil || string(e.Kind) != row.kind || string(e.Details) != row.details {
				t.Errorf("%+v", err)
			}
			finish(t, s)
		})
	}
}

func TestRun_SyncCancelledByTheCallerEndsAtOnceAndCancelsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(map[string][]string{spec.OpRunJob: {job("in_queue")}, spec.OpGetJob: {job("in_queue")}, spec.OpCancelJob: {job("cancelled")}})
		s := newService(f)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		_, err := s.Run(ctx, run(ModeSync))
		if e := spec.AsError(err); e.Kind != spec.KindCancelled || !strings.Contains(string(e.Details), `"job_id":"j1"`) {
			t.Errorf("%+v %s", e, e.Details)
		}
		finish(t, s)
		if f.calls(spec.OpCancelJob) != 1 {
			t.Error("the job was not cancelled")
		}
	})
}

func TestRun_ALostSubmissionIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(map[string][]string{spec.OpRunJob: {"~"}})
		s := newService(f)
		_, err := s.Run(context.Background(), run(ModeSync))
		if e := spec.AsError(err); e.Kind != spec.KindTimeout || !e.UnknownOutcome || e.Hint == "" || f.calls(spec.OpRunJob) != 1 {
			t.Errorf("%+v after %d submissions", e, f.calls(spec.OpRunJob))
		}
		finish(t, s)
	})
}

// read takes a subscription's events until it is over.
func read(s *events.Subscription, signal chan bool) (names []string, last *events.Event) {
	for {
		if e, _ := s.TakeEvent(); e != nil {
			name := e.Name
			if e.Name == EventChunk {
				name = string(e.Data)
			}
			names, last = append(names, name), e
			continue
		}
		select {
		case <-s.Done():
			if e, _ := s.TakeEvent(); e == nil {
				return names, last
			} else {
				names, last = append(names, e.Name), e
			}
		case <-signal:
		}
	}
}

func stream(t *testing.T, s *Service) (*events.Subscription, chan bool) {
	t.Helper()
	signal := make(chan bool, 1)
	sub, err := s.Stream(context.Background(), &StreamParams{Endpoint: "e", ID: "j1"}, func(*events.Subscription) {
		select {
		case signal <- true:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	sub.Start()
	return sub, signal
}

func TestStream_EndsWithAResultOrAnError(t *testing.T) {
	for _, row := range []struct {
		name   string
		stream []string
		get    []string
		want   string
		last   string
	}{
		{"completed", []string{`{"status":"in_progress","chunks":[1,{"a":2}]}`, `{"status":"in_progress"}`, `{"status":"completed","chunks":["z"]}`, `{"status":"completed","chunks":[]}`}, []string{job("completed")},
			`{"output":1} {"output":{"a":2}} {"output":"z"} result`, `{"final":true,"job":{"id":"j1","provider":"runpod","endpoint":"e","status":"completed","output":{"x":1}}}`},
		{"failed", []string{`{"status":"failed"}`}, []string{`{"id":"j1","status":"failed","error":"boom"}`}, "error", `"kind":"provider","message":"the job failed: boom"`},
		{"cancelled", []string{`{"status":"cancelled"}`}, []string{job("cancelled")}, "error", `"kind":"cancelled"`},
		{"timed out", []string{`{"status":"timed_out"}`}, []string{job("timed_out")}, "error", `"kind":"timeout"`},
		{"the result has expired", []string{`{"status":"completed"}`}, []string{"!not_found"}, "result", `"status":"completed"`},
		{"the result fails in passing", []string{`{"status":"completed"}`}, []string{"!transport", "!rate_limited", job("completed")}, "result", `"output":{"x":1}`},
		{"the job has expired since its end was read", []string{`{"status":"completed","chunks":[1]}`, "!not_found"}, []string{"!not_found"}, `{"output":1} result`, `"status":"completed"`},
		{"a failed job has expired since", []string{`{"status":"failed","chunks":[1]}`, "!not_found"}, []string{"!not_found"}, `{"output":1} error`, `"message":"the job failed"`},
		{"the job has expired", []string{`{"status":"in_progress","chunks":[1]}`, "!not_found"}, nil, `{"output":1} error`, `"kind":"not_found"`},
		{"passing failures", []string{"!transport", "!rate_limited", "!provider", `{"status":"completed"}`}, []string{job("completed")}, "result", `"final":true`},
		{"failures without end", []string{"!transport"}, nil, "error", `"kind":"transport"`},
		{"lost answers", []string{`{"status":"in_progress","chunks":[1]}`, "?transport", "?timeout", `{"status":"in_progress"}`, "?provider", `{"status":"in_progress","chunks":[4]}`, "?transport", `{"status":"completed"}`},
			[]string{job("completed")}, `{"output":1} gap {"output":4} gap result`, `"output":{"x":1}`},
		{"the cloud gives the same again and again", []string{`{"status":"in_progress","chunks":[1]}`, `{"status":"completed","chunks":[2,3]}`}, []string{job("completed")},
			`{"output":1} {"output":2} {"output":3} result`, `"output":{"x":1}`},
		{"it does, and fails now and then", []string{`{"status":"completed","chunks":[1]}`, `{"status":"completed","chunks":[1]}`, "!transport", `{"status":"completed","chunks":[1]}`}, []string{job("completed")},
			`{"output":1} result`, `"output":{"x":1}`},
		{"it does, and never tells the end", []string{`{"status":"in_progress","chunks":[1]}`}, []string{job("in_progress"), job("completed")},
			`{"output":1} {"output":1} result`, `"output":{"x":1}`},
		{"the worker yields the same twice", []string{`{"status":"in_progress","chunks":["."]}`, `{"status":"completed","chunks":["."]}`, `{"status":"completed","chunks":["."]}`, `{"status":"completed"}`}, []string{job("completed")},
			`{"output":"."} {"output":"."} {"output":"."} result`, `"output":{"x":1}`},
		{"the worker yields the same twice and more", []string{`{"status":"completed","chunks":[1]}`, `{"status":"completed","chunks":[1]}`, `{"status":"completed","chunks":[2]}`, `{"status":"completed"}`}, []string{job("completed")},
			`{"output":1} {"output":1} {"output":2} result`, `"output":{"x":1}`},
		{"the worker yields the same twice, and the job has expired since", []string{`{"status":"completed","chunks":[1]}`, `{"status":"completed","chunks":[1]}`, "!not_found"}, []string{"!not_found"},
			`{"output":1} {"output":1} result`, `"status":"completed"`},
		{"refused", []string{"!unauthorized"}, nil, "error", `"kind":"unauthorized"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(newFake(map[string][]string{spec.OpStreamJob: row.stream, spec.OpGetJob: row.get}))
				names, last := read(stream(t, s))
				if strings.Join(names, " ") != row.want || !strings.Contains(string(last.Data), row.last) || !strings.Contains(string(last.Data), `"final":true`) {
					t.Errorf("%v, last %s", names, last.Data)
				}
				if !json.Valid(last.Data) || len(s.readers) != 0 || s.Bus.Live() != 0 {
					t.Errorf("left: %d readers, %d subscriptions", len(s.readers), s.Bus.Live())
				}
				finish(t, s)
			})
		})
	}
}

func TestStream_PollsQuicklyWhileChunksComeAndSlowlyWhenNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(map[string][]string{spec.OpStreamJob: {`{"status":"in_progress","chunks":[1]}`, `{"status":"in_progress","chunks":[2]}`, `{"status":"in_progress"}`}})
		s := newService(f)
		sub, signal := stream(t, s)
		var wg sync.WaitGroup
		var names []string
		wg.Go(func() { names, _ = read(sub, signal) })
		synctest.Wait()
		if n := f.calls(spec.OpStreamJob); n != 3 {
			t.Errorf("%d reads at once", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := f.calls(spec.OpStreamJob); n < 14 || n > 20 { // 0.5 1 2 4 5 5 5 …
			t.Errorf("%d reads in a minute", n)
		}
		finish(t, s)
		wg.Wait()
		if fmt.Sprint(names[len(names)-1]) != EventError {
			t.Errorf("a stream cut by Close ends with %v", names)
		}
	})
}

func TestStream_SubscribersShareOneReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(map[string][]string{spec.OpStreamJob: {`{"status":"in_progress","chunks":[1,2]}`, `{"status":"in_progress"}`, `{"status":"completed"}`}, spec.OpGetJob: {job("completed")}})
		s := newService(f)
		one, signalOne := stream(t, s)
		synctest.Wait()
		two, signalTwo := stream(t, s)
		if _, err := s.Stream(context.Background(), &StreamParams{Endpoint: "other", ID: "j1"}, nil); err == nil || spec.AsError(err).Kind != spec.KindConflict {
			t.Errorf("the same id of another endpoint: %v", err)
		}
		for _, r := range []struct {
			sub    *events.Subscription
			signal chan bool
		}{{one, signalOne}, {two, signalTwo}} {
			if names, _ := read(r.sub, r.signal); strings.Join(names, " ") != `{"output":1} {"output":2} result` {
				t.Errorf("%v", names)
			}
		}
		if f.calls(spec.OpStreamJob) != 3 {
			t.Errorf("%d reads", f.calls(spec.OpStreamJob))
		}
		finish(t, s)
	})
}

// A reader outlives the call that began it and reads for others, too: with one
// caller's short timeout it would lose chunks of all.
func TestStream_IsReadAsTheSettingsSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(map[string][]string{spec.OpStreamJob: {`{"status":"completed"}`}, spec.OpGetJob: {job("completed")}})
		s := newService(f)
		p := &StreamParams{Target: provider.Target{HTTP: &spec.HTTP{TimeoutMS: 100, Attempts: 1}}, Endpoint: "ep", ID: "j1"}
		sub, err := s.Stream(context.Background(), p, func(*events.Subscription) {})
		if err != nil {
			t.Fatal(err)
		}
		<-sub.Done()
		if len(f.sent) != 2 || f.sent[0] != (spec.HTTP{}) || f.sent[1] != (spec.HTTP{}) {
			t.Errorf("sent with %+v", f.sent)
		}
		finish(t, s)
	})
}

func TestStream_StopsWithItsLastSubscriberAndASlowOneSlowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(map[string][]string{spec.OpStreamJob: {`{"status":"in_progress","chunks":[1,2,3]}`}})
		s := newService(f)
		sub, _ := stream(t, s)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := f.calls(spec.OpStreamJob); n != 2 { // room for 4 chunks
			t.Errorf("%d reads for a subscriber that takes nothing", n)
		}
		s.Bus.Unsubscribe(sub.ID)
		synctest.Wait()
		reads := f.calls(spec.OpStreamJob)
		time.Sleep(time.Hour)
		if len(s.readers) != 0 || f.calls(spec.OpStreamJob) != reads {
			t.Errorf("%d readers, %d reads after the end", len(s.readers), f.calls(spec.OpStreamJob)-reads)
		}
		finish(t, s)
	})
}
