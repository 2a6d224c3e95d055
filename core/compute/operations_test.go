package compute

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

func machine(id string, change func(*spec.Compute)) *spec.Compute {
	c := &spec.Compute{ID: id, Status: spec.StatusRunning, GPUNative: "NVIDIA L4", GPUCount: 1}
	if change != nil {
		change(c)
	}
	return c
}

func TestTerminate_OfWhatIsGoneIsSuccess(t *testing.T) {
	f := newFake()
	f.machines["a"] = machine("a", nil)
	r := newRig(f, Settings{})
	for _, known := range []bool{true, false} {
		c, err := r.Terminate(context.Background(), &IDParams{ID: "a"})
		if err != nil || c.ID != "a" || c.Status != spec.StatusTerminated || c.Provider != "runpod" || c.Found != known {
			t.Errorf("%+v %v, want found %v", c, err, known)
		}
	}
	f.answer = func(string, any) (spec.Raw, bool) {
		return spec.Raw(`{"id":"b","status":"terminated","ports":[]}`), true
	}
	f.machines["b"] = machine("b", nil)
	if c, err := r.Terminate(context.Background(), &IDParams{ID: "b"}); err != nil || c.Found {
		t.Errorf("what a plugin answers of a machine that its cloud does not know: %+v %v", c, err)
	}
	f.answer = nil
	if _, err := r.Get(context.Background(), &IDParams{ID: "a"}); kind(err) != spec.KindNotFound {
		t.Errorf("get: %v", err)
	}
	r.finish(t)
}

func TestStopAndStart_FillInWhatTheCloudLeavesOutAndNeedTheCapability(t *testing.T) {
	f := newFake()
	f.machines["a"] = machine("a", nil)
	r := newRig(f, Settings{})
	if c, err := r.Stop(context.Background(), &IDParams{ID: "a"}); err != nil || c.ID != "a" || c.Status != spec.StatusStopped {
		t.Errorf("%+v %v", c, err)
	}
	if c, err := r.Start(context.Background(), &IDParams{ID: "a"}); err != nil || c.Status != spec.StatusRunning || c.GPUType != "l4" {
		t.Errorf("%+v %v", c, err)
	}
	f.manifest.Capabilities = []spec.Capability{spec.CapGPU}
	before := len(f.calls)
	if _, err := r.Stop(context.Background(), &IDParams{ID: "a"}); kind(err) != spec.KindUnsupported || len(f.calls) != before {
		t.Errorf("%v", err)
	}
	if _, err := r.Logs(context.Background(), &LogsParams{ID: "a"}); kind(err) != spec.KindUnsupported || len(f.calls) != before {
		t.Errorf("%v", err)
	}
	r.finish(t)
}

func TestBill_IsAskedForUntilNowAndNeedsTheCapability(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := newRig(f, Settings{})
		if _, err := r.Service.Bill(context.Background(), &BillParams{ID: "a"}); kind(err) != spec.KindUnsupported || len(f.calls) != 0 || r.Bills(context.Background(), "runpod") {
			t.Errorf("%v, after %v", err, f.calls)
		}
		f.manifest.Capabilities = append(f.manifest.Capabilities, spec.CapBilling)
		time.Sleep(36 * time.Hour) // virtual, from 2000-01-01 on
		bill, err := r.Service.Bill(context.Background(), &BillParams{ID: "gone", From: "2000-01-01T00:00:00+01:00"})
		if err != nil || bill.AmountUSD != 1.25 || !r.Bills(context.Background(), "runpod") {
			t.Errorf("%+v %v", bill, err)
		}
		if want := (spec.BillRequest{ID: "gone", From: "2000-01-01T00:00:00+01:00", To: "2000-01-02T12:00:00Z"}); len(f.bills) != 1 || f.bills[0] != want {
			t.Errorf("%+v, want %+v", f.bills, want)
		}
		r.finish(t)
	})
}

func TestActs_TellTheStateOnTheMachinesTopic(t *testing.T) {
	f := newFake()
	f.machines["a"] = machine("a", nil)
	r := newRig(f, Settings{})
	for _, act := range []func(context.Context, *IDParams) (*spec.Compute, error){r.Stop, r.Start} {
		if _, err := act(context.Background(), &IDParams{ID: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := r.Terminate(context.Background(), &IDParams{ID: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	sub, err := r.bus.Subscribe("compute:a", 1, func(*events.Subscription) {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.bus.Unsubscribe(sub.ID)
	for seq, status := range []spec.Status{spec.StatusStopped, spec.StatusRunning, spec.StatusTerminated, spec.StatusTerminated} {
		e, _ := sub.TakeEvent()
		if e == nil || e.Name != EventStatus || e.Seq != uint64(seq+1) || string(e.Data) != `{"provider":"runpod","id":"a","status":"`+string(status)+`"}` {
			t.Fatalf("event %d is %+v, not that it is %s", seq+1, e, status)
		}
	}
	if e, _ := sub.TakeEvent(); e != nil {
		t.Errorf("one more event: %+v", e)
	}
	r.finish(t)
}

func TestList_FiltersTheNormalizedAnswer(t *testing.T) {
	f := newFake()
	f.machines["a"] = machine("a", func(c *spec.Compute) { c.Name, c.Region = "one", "EU" })
	f.machines["b"] = machine("b", func(c *spec.Compute) { c.Name, c.Status, c.GPUNative = "two", spec.StatusStopped, "NVIDIA New" })
	f.machines["c"] = machine("c", func(c *spec.Compute) { c.Status = "odd word" })
	r := newRig(f, Settings{})
	for _, row := range []struct {
		p    ListParams
		want int
	}{{ListParams{}, 3}, {ListParams{Status: spec.StatusRunning}, 1}, {ListParams{Status: spec.StatusProvisioning}, 1}, {ListParams{Name: "two"}, 1}, {ListParams{Name: "tw"}, 0},
		{ListParams{Region: "EU"}, 1}, {ListParams{GPU: "l4"}, 2}, {ListParams{GPU: "NVIDIA L4"}, 2}, {ListParams{GPU: "NVIDIA New"}, 1}, {ListParams{GPU: "h100"}, 0}} {
		got, err := r.List(context.Background(), &row.p)
		if err != nil || len(got.Items) != row.want || got.Items == nil {
			t.Errorf("%+v: %+v %v", row.p, got, err)
		}
	}
	r.finish(t)
}

func TestAnswers_OfAnotherShapeAreThePluginsFault(t *testing.T) {
	f := newFake()
	f.machines["a"] = machine("a", nil)
	r := newRig(f, Settings{Settle: time.Millisecond})
	for _, raw := range []string{`[]`, `{"id":5}`, `{}`, ``, `{"ports":{}}`} {
		f.answer = func(operation string, _ any) (spec.Raw, bool) { return spec.Raw(raw), operation == spec.OpGet }
		if _, err := r.Get(context.Background(), &IDParams{ID: "a"}); kind(err) != spec.KindPlugin {
			t.Errorf("%s: %v", raw, err)
		}
	}
	// A spawn whose answer is rubbish may have rented: it is looked up.
	f.answer = func(operation string, _ any) (spec.Raw, bool) { return spec.Raw(`[]`), operation == spec.OpSpawn }
	if got, err := r.Spawn(context.Background(), gpu("h100")); err != nil || got.Attempts[0].Outcome != OutcomeAdopted {
		t.Errorf("%+v %v", got, err)
	}
	r.finish(t)
}

func TestAwaitReady_WaitsForRunningPortsAndProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := machine("a", func(c *spec.Compute) {
			c.Status = spec.StatusProvisioning
			c.Ports = []spec.Port{{Internal: 80, Protocol: "http"}}
		})
		f.machines["a"] = c
		looks := 0
		f.before = func(_ context.Context, n int, operation string) *spec.Error {
			f.mu.Lock()
			defer f.mu.Unlock()
			switch looks = n; n {
			case 2:
				return &spec.Error{Kind: spec.KindTransport, Message: "a passing failure"}
			case 3:
				c.Status = spec.StatusRunning
			case 5:
				c.Ports[0].URL = "https://a-80.example"
			}
			return nil
		}
		r := newRig(f, Settings{})
		answers := []probeAnswer{{err: spec.NewError(spec.KindTransport, "refused")}, {status: 502}, {status: 204}}
		probes := &fakeProber{answers: answers}
		r.Prober = probes
		got, err := r.AwaitReady(context.Background(), &AwaitParams{ID: "a", TimeoutMS: 60000, Probe: &Probe{Port: 80, Path: "health", Token: spec.NewSecret("tok")}})
		if err != nil || got.Status != spec.StatusRunning || looks != 7 || fmt.Sprint(probes.urls) != "[https://a-80.example/health https://a-80.example/health https://a-80.example/health]" {
			t.Errorf("%+v %v after %d looks, probes %v", got, err, looks, probes.urls)
		}
		r.finish(t)
	})
}

type probeAnswer struct {
	status int
	err    error
}

type fakeProber struct {
	answers []probeAnswer
	urls    []string
}

func (p *fakeProber) Probe(_ context.Context, _, url string, _ spec.Secret) (int, error) {
	p.urls = append(p.urls, url)
	a := p.answers[0]
	p.answers = p.answers[1:]
	return a.status, a.err
}

func TestAwaitReady_EndsAtOnceWhenItWillNotBecomeReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			status spec.Status
			kind   spec.Kind
		}{{spec.StatusFailed, spec.KindProvider}, {spec.StatusStopped, spec.KindConflict}, {spec.StatusTerminated, spec.KindNotFound}} {
			f := newFake()
			f.machines["a"] = machine("a", func(c *spec.Compute) { c.Status = row.status })
			r := newRig(f, Settings{})
			start := time.Now()
			_, err := r.AwaitReady(context.Background(), &AwaitParams{ID: "a"})
			if kind(err) != row.kind || time.Since(start) != 0 {
				t.Errorf("%q: %v after %s", row.status, err, time.Since(start))
			}
			if !strings.Contains(string(spec.AsError(err).Details), string(row.status)) {
				t.Errorf("%q: details %s", row.status, spec.AsError(err).Details)
			}
			r.finish(t)
		}
	})
}

func TestAwaitReady_BelievesNoAbsenceOfAMachineThatWasJustRented(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.manifest.ListingLagMS = 10_000
		r := newRig(f, Settings{})
		rented, err := r.Spawn(context.Background(), gpu("h100"))
		if err != nil {
			t.Fatal(err)
		}
		f.machines[rented.ID].Status = spec.StatusRunning
		begun, shown := time.Now(), 8*time.Second
		f.before = func(_ context.Context, _ int, operation string) *spec.Error {
			if operation == spec.OpGet && time.Since(begun) < shown {
				return spec.NewError(spec.KindNotFound, "pod not found")
			}
			return nil
		}
		got, err := r.AwaitReady(context.Background(), &AwaitParams{ID: rented.ID})
		if err != nil || got.Status != spec.StatusRunning || time.Since(begun) < shown {
			t.Errorf("%+v %v after %s", got, err, time.Since(begun))
		}
		shown = time.Hour // it was seen, and is gone now
		again := time.Now()
		if _, err = r.AwaitReady(context.Background(), &AwaitParams{ID: rented.ID}); kind(err) != spec.KindNotFound || time.Since(again) != 0 {
			t.Errorf("%v after %s", err, time.Since(again))
		}
		begun = time.Now()
		if rented, err = r.Spawn(context.Background(), gpu("h100")); err != nil {
			t.Fatal(err)
		}
		if _, err = r.AwaitReady(context.Background(), &AwaitParams{ID: rented.ID}); kind(err) != spec.KindNotFound || time.Since(begun) < 10*time.Second {
			t.Errorf("never shown: %v after %s", err, time.Since(begun))
		}
		r.finish(t)
	})
}

func TestAwaitReady_SaysWhichTokenTheProbeLacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for token, want := range map[string]string{"": "probe.token takes the machine's", "tok": "does not know its token"} {
			f := newFake()
			f.machines["a"] = machine("a", func(c *spec.Compute) {
				c.Ports = []spec.Port{{Internal: 80, Protocol: "http", URL: "https://a-80.example"}}
			})
			r := newRig(f, Settings{})
			r.Prober = &fakeProber{answers: []probeAnswer{{status: 401}, {status: 401}, {status: 401}, {status: 401}}}
			_, err := r.AwaitReady(context.Background(), &AwaitParams{ID: "a", TimeoutMS: 1000, Probe: &Probe{Port: 80, Token: spec.NewSecret(token)}})
			if kind(err) != spec.KindTimeout || !strings.Contains(err.Error(), "answered 401") || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", token, err)
			}
			r.finish(t)
		}
	})
}

func TestAwaitReady_TimesOutAndLeavesTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.machines["a"] = machine("a", func(c *spec.Compute) { c.Status = spec.StatusProvisioning })
		r := newRig(f, Settings{})
		start := time.Now()
		_, err := r.AwaitReady(context.Background(), &AwaitParams{ID: "a", TimeoutMS: 20000})
		e := spec.AsError(err)
		if e.Kind != spec.KindTimeout || time.Since(start) != 20*time.Second || !strings.Contains(e.Message, "provisioned") || f.machines["a"] == nil || len(f.calls) > 15 {
			t.Errorf("%v after %s and %d looks", e, time.Since(start), len(f.calls))
		}
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		if _, err := r.AwaitReady(ctx, &AwaitParams{ID: "a"}); kind(err) != spec.KindCancelled {
			t.Errorf("%v", err)
		}
		r.finish(t)
	})
}

// Another process rents a machine and hands its identifier on, or the same program was
// started again since.
func TestAwaitReady_BelievesNoAbsenceOfAMachineThatAnotherClientHasJustRented(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.manifest.ListingLagMS = 10_000
		renter, r := newRig(f, Settings{}), newRig(f, Settings{})
		rented, err := renter.Spawn(context.Background(), gpu("h100"))
		if err != nil {
			t.Fatal(err)
		}
		f.machines[rented.ID].Status = spec.StatusRunning
		begun := time.Now()
		f.before = func(_ context.Context, _ int, operation string) *spec.Error {
			if operation == spec.OpGet && time.Since(begun) < 8*time.Second {
				return spec.NewError(spec.KindNotFound, "pod not found")
			}
			return nil
		}
		if got, err := r.AwaitReady(context.Background(), &AwaitParams{ID: rented.ID}); err != nil || got.Status != spec.StatusRunning {
			t.Errorf("%+v %v after %s", got, err, time.Since(begun))
		}
		begun = time.Now().Add(-time.Minute)
		for again, limit := range []time.Duration{10 * time.Second, 0} { // what is not there is told in the end, and at once to who asks again
			start := time.Now()
			if _, err := r.AwaitReady(context.Background(), &AwaitParams{ID: "typo"}); kind(err) != spec.KindNotFound || time.Since(start) < limit || time.Since(start) > limit+5*time.Second {
				t.Errorf("turn %d: %v after %s", again, err, time.Since(start))
			}
		}
		start := time.Now()
		for kind(err) != spec.KindNotFound && time.Since(start) < time.Minute { // also to who asks again and again, and waits a second each time
			_, err = r.AwaitReady(context.Background(), &AwaitParams{ID: "other", TimeoutMS: 1000})
		}
		if since := time.Since(start); since < 10*time.Second || since > 15*time.Second {
			t.Errorf("in parts: %v after %s", err, since)
		}
		renter.finish(t)
		r.finish(t)
	})
}

func TestNewborns_AreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNewborns(clock.System{})
		for i := range 10_000 {
			n.add("runpod", fmt.Sprint("m", i), time.Second)
			time.Sleep(time.Minute)
		}
		if len(n.until) > 200 {
			t.Errorf("%d machines are remembered of an hour with 60", len(n.until))
		}
	})
}
