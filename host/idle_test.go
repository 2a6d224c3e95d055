package host

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// handClock is a clock whose timers the test fires.
type handClock struct {
	egress.SystemClock
	timers chan *handTimer
}

type handTimer struct{ c chan time.Time }

func newHandClock() *handClock { return &handClock{timers: make(chan *handTimer, 100)} }

func (c *handClock) NewTimer(time.Duration) egress.Timer {
	t := &handTimer{c: make(chan time.Time)}
	c.timers <- t
	return t
}

// run fires timers as soon as they are made, until stop is called.
func (c *handClock) run() (stop func()) {
	over, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case timer := <-c.timers:
				timer.c <- time.Now()
			case <-over:
				return
			}
		}
	}()
	return func() { close(over); <-stopped }
}

func (t *handTimer) C() <-chan time.Time { return t.c }
func (t *handTimer) Stop() bool          { return true }

// idleArena is an arena with a parking and a blocking guest, of which each answers
// once the gate is open.
type idleArena struct {
	*arena
	clock *handClock
	gate  chan struct{}
	asked chan struct{}
}

func newIdleArena(t *testing.T) *idleArena {
	a := &idleArena{clock: newHandClock(), gate: make(chan struct{}), asked: make(chan struct{}, 1)}
	network := newFakeNetwork(func(ctx context.Context, key spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
		select {
		case a.asked <- struct{}{}:
		default:
		}
		<-a.gate
		return reply(200, "x")(ctx, key, r)
	})
	a.arena = newArena(t, Options{Network: network, Clock: a.clock})
	if err := a.load("parking", asking("parking", requestMeta("https://api.example.com/", nil), nil)); err != nil {
		t.Fatal(err)
	}
	if err := a.load("blocking", answering("blocking", `{"value":{"id":"x"}}`)); err != nil {
		t.Fatal(err)
	}
	return a
}

// pass lets the idle time pass once.
func (a *idleArena) pass() {
	a.t.Helper()
	select {
	case timer := <-a.clock.timers:
		timer.c <- time.Now()
	case <-time.After(time.Minute):
		a.t.Fatal("nobody waits for the idle time")
	}
}

// looked waits until the last look is over, and reports whether another follows.
func (a *idleArena) looked() bool {
	a.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
		a.host.idle.mu.Lock()
		running := a.host.idle.running
		a.host.idle.mu.Unlock()
		if !running || len(a.clock.timers) > 0 {
			return running
		}
		if time.Now().After(deadline) {
			a.t.Fatal("the look does not end")
		}
	}
}

func (a *idleArena) call(name string) {
	a.t.Helper()
	if _, err := a.host.Call(context.Background(), callOf(name)); err != nil {
		a.t.Errorf("%s: %v", name, err)
	}
}

func TestHost_ClosesSandboxesThatNobodyUses(t *testing.T) {
	a := newIdleArena(t)
	close(a.gate)
	for range 2 { // the second time from nothing
		a.call("parking")
		a.call("blocking")
		before := a.host.Stats()
		a.pass()
		if !a.looked() || a.host.Stats().Instances < 2 {
			t.Errorf("what was just used is gone: %+v, before %+v", a.host.Stats(), before)
		}
		a.call("blocking")
		a.pass()
		if again, got := a.looked(), a.host.Stats(); !again || got.Instances != 1 || got.Memory <= 0 || got.Memory >= before.Memory {
			t.Errorf("only one sandbox was used: %+v, before %+v", got, before)
		}
		a.pass()
		if again := a.looked(); again || a.host.Stats().Instances != 0 || a.host.Stats().Memory != 0 {
			t.Errorf("nothing is in use: %+v, looked at again: %v", a.host.Stats(), again)
		}
	}
}

func TestHost_ClosesNoSandboxInWhichCallsAreParked(t *testing.T) {
	a := newIdleArena(t)
	ended := make(chan error, 1)
	go func() {
		_, err := a.host.Call(context.Background(), callOf("parking"))
		ended <- err
	}()
	<-a.asked
	for range 3 {
		a.pass()
		if !a.looked() || a.host.Stats().Parked != 1 || a.host.Stats().Instances == 0 {
			t.Fatalf("the call's sandbox is gone: %+v", a.host.Stats())
		}
	}
	close(a.gate)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	a.pass()
	a.pass()
	if again := a.looked(); again || a.host.Stats().Instances != 0 {
		t.Errorf("nothing is in use: %+v, looked at again: %v", a.host.Stats(), again)
	}
}

// TestHost_LosesNoCallToTheClosingOfSandboxes lets the idle time pass without end
// while calls come and go.
func TestHost_LosesNoCallToTheClosingOfSandboxes(t *testing.T) {
	a := newIdleArena(t)
	close(a.gate)
	stop := a.clock.run()
	done := make(chan struct{})
	for n := range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 100 {
				a.call([]string{"parking", "blocking"}[n%2])
			}
		}()
	}
	for range 4 {
		<-done
	}
	stop()
}
