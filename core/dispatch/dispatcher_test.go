package dispatch

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type echoParams struct {
	Text  string `json:"text" required:"true"`
	Fails string `json:"fails"`
}

type otherParams struct {
	Text  string `json:"text"`
	Texts string `json:"texts"`
	Loud  bool   `json:"loud"`
	Times int    `json:"times"`
}

type thirdParams struct {
	Times int `json:"times"`
}

type echoResult struct {
	Text string `json:"text"`
}

// bench is a dispatcher whose methods the test controls.
func bench(l Limits) *Dispatcher {
	d := New(l)
	t := newTable()
	add(t, "test.echo", Doc{}, func(_ context.Context, p *echoParams) (*echoResult, error) {
		switch p.Fails {
		case "":
			return &echoResult{p.Text}, nil
		case "panic":
			panic("a defect")
		case "foreign":
			return nil, fmt.Errorf("foreign")
		}
		return nil, &spec.Error{Kind: spec.Kind(p.Fails), Message: "as asked", Raw: spec.Raw(p.Text)}
	})
	add(t, "test.wait", Doc{}, func(ctx context.Context, _ *None) (*None, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	add(t, "test.sleep", Doc{}, func(ctx context.Context, _ *None) (*echoResult, error) {
		select {
		case <-time.After(time.Second):
			return &echoResult{"slept"}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	add(t, "test.end", Doc{Ends: true}, func(context.Context, *None) (*None, error) { return &None{}, nil })
	add(t, "test.started", Doc{}, func(context.Context, *None) (*faulty, error) { return &faulty{}, nil })
	add(t, "other.echo", Doc{}, func(context.Context, *otherParams) (*None, error) { return &None{}, nil })
	add(t, "third.echo", Doc{}, func(context.Context, *thirdParams) (*None, error) { return &None{}, nil })
	d.Serve(t)
	return d
}

// faulty is a result whose start, once it has been handed out, panics.
type faulty struct{}

func (*faulty) answered() { panic("a defect") }

func finish(t *testing.T, d *Dispatcher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if !d.Close(ctx) {
		t.Error("calls were left")
	}
	d.EndQueue()
}

func TestCall_AnswersResultErrorAndMisuse(t *testing.T) {
	d := bench(Limits{RequestBytes: 2000})
	defer finish(t, d)
	for _, row := range []struct {
		request string
		outcome Outcome
		answer  string
	}{
		{`{"method":"test.echo","params":{"text":"<é>"}}`, OK, `{"result":{"text":"<é>"}}`},
		{`{"id":"a\"b","method":"test.echo","params":{"text":"x"}}`, OK, `{"id":"a\"b","result":{"text":"x"}}`},
		{`{"id":"é","method":"test.echo","params":{"text":"x"},"deadline_ms":1000}`, OK, `{"id":"é","result":{"text":"x"}}`},
		{`{"id":"q","method":"test.echo"}`, Failed, `{"id":"q","error":{"kind":"validation","message":"params.text: missing; it is required","hint":"give text, a string","operation":"test.echo","retryable":false}}`},
		{`{"id":"q","method":"test.echo","params":null}`, Failed, `"params.text: missing`},
		{`{"id":"q","method":"test.echo","params":[]}`, Failed, `"params: expected an object, got an array"`},
		{`{"method":"test.echo","params":{"loud":true}}`, Failed, `"params.loud: unknown field","hint":"other.echo takes loud"`},
		{`{"method":"test.echo","params":{"texts":""}}`, Failed, `"params.texts: unknown field","hint":"other.echo takes texts"`},
		{`{"method":"test.echo","params":{"times":2}}`, Failed, `"params.times: unknown field","hint":"other.echo and third.echo take times"`},
		{`{"method":"test.echo","params":{"tetx":""}}`, Failed, `"params.tetx: unknown field","hint":"did you mean text?"`},
		{`{"method":"test.wait","params":{"loud":true}}`, Failed, `"params.loud: unknown field","hint":"there are no fields here"`},
		{`{"id":"q","method":"test.echo","parms":{}}`, Failed, `"request.parms: unknown field","hint":"did you mean params?"`},
		{`{"id":"q","method":"test.ech"}`, Failed, `{"id":"q","error":{"kind":"validation","message":"request.method: no such method","hint":"did you mean test.echo?"`},
		{`{"id":"q"}`, Failed, `"request.method: missing`},
		{`{"id":5,"method":"test.echo"}`, Failed, `"request.id: expected a string, got a number"`},
		{`{"id":"` + strings.Repeat("i", 129) + `","method":"test.echo"}`, Failed, `{"error":{"kind":"validation","message":"request.id: longer than 128 bytes"`},
		{`{"method":"test.echo","detach_after_ms":5,"params":{"text":"x"}}`, Failed, `detach_after_ms needs it`},
		{`{"method":"test.echo","deadline_ms":0}`, Failed, `"request.deadline_ms: must be at least 1"`},
		{`not json`, Failed, `not valid JSON at byte 0`},
		{``, Failed, `not valid JSON`},
		{strings.Repeat(" ", 2001), TooLarge, `larger than the limit`},
		{`{"method":"test.echo","params":{"text":"x","fails":"timeout"}}`, Timeout, `"kind":"timeout"`},
		{`{"method":"test.echo","params":{"text":"x","fails":"cancelled"}}`, Cancelled, `"kind":"cancelled"`},
		{`{"method":"test.echo","params":{"text":"{}","fails":"capacity"}}`, Failed, `"raw":{}`},
		{`{"method":"test.echo","params":{"text":"not json","fails":"capacity"}}`, Failed, `"message":"as asked"`},
		{`{"method":"test.echo","params":{"text":"x","fails":"panic"}}`, Internal, `"kind":"internal","message":"a defect of Atlas: panic with a string"`},
		{`{"method":"test.echo","params":{"text":"x","fails":"foreign"}}`, Internal, `"operation":"test.echo"`},
		{`{"method":"test.wait","deadline_ms":1}`, Timeout, `"kind":"timeout","message":"the call's deadline passed"`},
	} {
		outcome, answer := d.Call([]byte(row.request))
		if outcome != row.outcome || !strings.Contains(string(answer), row.answer) || !json.Valid(answer) {
			t.Errorf("%.90s:\n got %d %s\nwant %d %s", row.request, outcome, answer, row.outcome, row.answer)
		}
	}
}

func TestSubmit_CompletesOnceAndRefusesWhatItCannotStart(t *testing.T) {
	d := bench(Limits{})
	defer finish(t, d)
	for _, request := range []string{`{"method":"test.echo","params":{"text":"x"}}`, `{"id":"a","method":"test.echo","params":{}}`, `{`} {
		if outcome, document := d.Submit([]byte(request)); outcome != Failed || !strings.Contains(string(document), `"error"`) {
			t.Errorf("%s: %d %s", request, outcome, document)
		}
	}
	request := []byte(`{"id":"a","method":"test.echo","params":{"text":"x"}}`)
	if outcome, document := d.Submit(request); outcome != OK || document != nil {
		t.Fatalf("%d %s", outcome, document)
	}
	clear(request) // nothing of it is kept
	if outcome, item := d.Next(-1); outcome != OK || string(item) != `{"type":"completion","id":"a","result":{"text":"x"}}` {
		t.Errorf("%d %s", outcome, item)
	}
	if outcome, item := d.Next(0); outcome != Timeout || item != nil {
		t.Errorf("a second item: %d %s", outcome, item)
	}
}

func TestCancel_EndsCallsByTheirID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := bench(Limits{})
		d.Submit([]byte(`{"id":"a","method":"test.wait"}`))
		if outcome, document := d.Submit([]byte(`{"id":"a","method":"test.wait"}`)); outcome != Busy || !strings.Contains(string(document), "in flight") {
			t.Errorf("the same id twice: %d %s", outcome, document)
		}
		if d.Cancel("") != Invalid || d.Cancel("none") != OK || d.Live() != 1 {
			t.Error("cancel of nothing")
		}
		if d.Cancel("a") != OK {
			t.Error("cancel")
		}
		outcome, item := d.Next(time.Second)
		if outcome != OK || !strings.Contains(string(item), `"id":"a","error":{"kind":"cancelled"`) {
			t.Errorf("%d %s", outcome, item)
		}
		if outcome, _ := d.Submit([]byte(`{"id":"a","method":"test.echo","params":{"text":"x"}}`)); outcome != OK {
			t.Error("a finished id can be used again")
		}
		finish(t, d)
	})
}

func TestLimits_CountCallsInFlightAndCompletionsNotTaken(t *testing.T) {
	d := bench(Limits{Calls: 2})
	defer finish(t, d)
	d.Submit([]byte(`{"id":"a","method":"test.wait"}`))
	d.Submit([]byte(`{"id":"b","method":"test.echo","params":{"text":"x"}}`))
	if outcome, document := d.Submit([]byte(`{"id":"c","method":"test.echo","params":{"text":"x"}}`)); outcome != Busy || !strings.Contains(string(document), `"retryable":true`) {
		t.Errorf("%d %s", outcome, document)
	}
	if outcome, _ := d.Next(-1); outcome != OK {
		t.Fatal("no completion")
	}
	if outcome, document := d.Call([]byte(`{"method":"test.echo","params":{"text":"x"}}`)); outcome != OK {
		t.Errorf("%d %s", outcome, document)
	}
	d.Cancel("a")
}

// TestLimits_LetThroughWhatEndsMachines has all places taken: what gives machines back
// has places of its own, which are bounded, too, and which nobody else gets.
func TestLimits_LetThroughWhatEndsMachines(t *testing.T) {
	d := bench(Limits{Calls: 1})
	defer finish(t, d)
	full := func(request string) {
		t.Helper()
		if outcome, document := d.Submit([]byte(request)); outcome != Busy || !strings.Contains(string(document), "too many calls") {
			t.Errorf("%s: %d %s", request, outcome, document)
		}
	}
	d.Submit([]byte(`{"id":"a","method":"test.wait"}`))
	full(`{"id":"b","method":"test.echo","params":{"text":"x"}}`)
	if outcome, document := d.Call([]byte(`{"method":"test.end"}`)); outcome != OK {
		t.Errorf("%d %s", outcome, document)
	}
	if err := d.Do(t.Context(), "test.end", &None{}, func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
	for n := range reserve {
		if outcome, document := d.Submit(fmt.Appendf(nil, `{"id":"end%d","method":"test.end"}`, n)); outcome != OK {
			t.Fatalf("%d: %d %s", n, outcome, document)
		}
	}
	full(`{"id":"b","method":"test.end"}`)
	if outcome, _ := d.Next(-1); outcome != OK {
		t.Fatal("no completion")
	}
	full(`{"id":"b","method":"test.echo","params":{"text":"x"}}`)
	if outcome, document := d.Submit([]byte(`{"id":"b","method":"test.end"}`)); outcome != OK {
		t.Errorf("%d %s", outcome, document)
	}
	d.Cancel("a")
}

func TestDetach_HandsTheCallOverOrAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := bench(Limits{})
		outcome, answer := d.Call([]byte(`{"id":"a","method":"test.sleep","detach_after_ms":100}`))
		if outcome != Pending || !json.Valid(answer) {
			t.Errorf("%d %s", outcome, answer)
		}
		if outcome, item := d.Next(-1); outcome != OK || string(item) != `{"type":"completion","id":"a","result":{"text":"slept"}}` {
			t.Errorf("%d %s", outcome, item)
		}
		outcome, answer = d.Call([]byte(`{"id":"b","method":"test.sleep","detach_after_ms":2000}`))
		if outcome != OK || string(answer) != `{"id":"b","result":{"text":"slept"}}` {
			t.Errorf("%d %s", outcome, answer)
		}
		outcome, answer = d.Call([]byte(`{"id":"c","method":"test.sleep","detach_after_ms":2000,"deadline_ms":500}`))
		if outcome != Timeout {
			t.Errorf("%d %s", outcome, answer)
		}
		if outcome, item := d.Next(0); outcome != Timeout {
			t.Errorf("an answered call completed too: %s", item)
		}
		finish(t, d)
	})
}

func TestClose_CancelsWaitsAndLeavesCompletionsToTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := bench(Limits{})
		d.Submit([]byte(`{"id":"a","method":"test.wait"}`))
		var wg sync.WaitGroup
		wg.Go(func() {
			if outcome, answer := d.Call([]byte(`{"method":"test.wait"}`)); outcome != Cancelled {
				t.Errorf("%d %s", outcome, answer)
			}
		})
		synctest.Wait()
		finish(t, d)
		wg.Wait()
		if outcome, item := d.Next(-1); outcome != OK || !strings.Contains(string(item), `"cancelled"`) {
			t.Errorf("%d %s", outcome, item)
		}
		if outcome, _ := d.Next(-1); outcome != Closed {
			t.Errorf("%d", outcome)
		}
		if outcome, _ := d.Call([]byte(`{"method":"test.echo","params":{"text":"x"}}`)); outcome != Closed {
			t.Errorf("call: %d", outcome)
		}
		if outcome, _ := d.Submit([]byte(`{"id":"x","method":"test.echo","params":{"text":"x"}}`)); outcome != Closed {
			t.Errorf("submit: %d", outcome)
		}
		if d.Cancel("a") != Closed {
			t.Error("cancel")
		}
		finish(t, d)
	})
}

func TestNext_WakesEachWaiterAndTellsTheState(t *testing.T) {
	d := bench(Limits{})
	var mu sync.Mutex
	var states []bool
	d.NotifyQueue(func(nonEmpty bool) {
		mu.Lock()
		states = append(states, nonEmpty)
		mu.Unlock()
	})
	const count = 500
	var wg sync.WaitGroup
	var seen sync.Map
	for range 8 {
		wg.Go(func() {
			for {
				outcome, item := d.Next(-1)
				if outcome == Closed {
					return
				}
				if _, twice := seen.LoadOrStore(string(item), true); twice {
					t.Errorf("twice: %s", item)
				}
			}
		})
	}
	for i := range count {
		if outcome, document := d.Submit([]byte(fmt.Sprintf(`{"id":"%d","method":"test.echo","params":{"text":"x"}}`, i))); outcome != OK {
			t.Fatalf("%d %s", outcome, document)
		}
	}
	finish(t, d)
	wg.Wait()
	n := 0
	seen.Range(func(any, any) bool { n++; return true })
	if n != count {
		t.Errorf("%d completions of %d", n, count)
	}
	for i, state := range states {
		if state != (i%2 == 1) {
			t.Fatalf("states %v", states)
		}
	}
	if len(states) == 0 || states[len(states)-1] {
		t.Errorf("the last state: %v", states)
	}
}

// TestDetached_AnswersWhereTheStartOfItsResultPanics: the caller waits for no
// goroutine that is gone.
func TestDetached_AnswersWhereTheStartOfItsResultPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := bench(Limits{})
		defer finish(t, d)
		outcome, answer := d.Call([]byte(`{"id":"1","method":"test.started","detach_after_ms":1000}`))
		if outcome != OK || string(answer) != `{"id":"1","result":{}}` {
			t.Errorf("%d %s", outcome, answer)
		}
	})
}

func FuzzCall_AlwaysAnswersJSON(f *testing.F) {
	d := bench(Limits{})
	for _, seed := range []string{`{"id":"a","method":"test.echo","params":{"text":"x"}}`, `{"method":"test.echo","params":{"text":"\u0000"},"deadline_ms":5}`, `[]`, `{"id":"\u2028","method":"x"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "wait") || strings.Contains(string(data), "sleep") {
			return
		}
		if outcome, answer := d.Call(data); !json.Valid(answer) {
			t.Errorf("%d %q", outcome, answer)
		}
	})
}
