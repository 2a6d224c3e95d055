package orchestrator

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

func TestCrash_NextProcessAdoptsWithTheIdleClockIntact(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		s := p.spawn(idle(10 * time.Minute))
		wait(5 * time.Minute)
		if err := p.touch(s.ID); err != nil {
			t.Fatal(err)
		}
		wait(2 * time.Second) // the activity has come to the store
		p.kill()
		wait(time.Minute)
		q := w.process()
		defer q.close()
		wait(30 * time.Second)
		if got := q.get(s.ID); got.State != "live" {
			t.Fatalf("%+v", got)
		}
		if told := w.told(s.Compute.ID); !strings.HasSuffix(told, "adopted") {
			t.Fatal(told)
		}
		wait(8*time.Minute + 20*time.Second) // 9 min 52 s after the touch
		if got := q.get(s.ID); got.State != "live" {
			t.Fatal("its idle time was cut")
		}
		wait(15 * time.Second)
		if got := q.get(s.ID); got.State != "ended" || got.Reason != ReasonIdle {
			t.Fatal("its idle time began anew")
		}
	})
}

func TestCrash_BetweenRentingAndRememberingLeaksNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		w.cloud.set(func(c *cloud) { // the process dies while the create's answer is on its way
			c.lose = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn {
					p.store.set(func(string) error { return errors.New("killed") })
					p.line.cut.Store(true)
					p.end()
				}
				return nil
			}
		})
		if _, err := p.Spawn(context.Background(), params(idle(time.Minute))); err == nil {
			t.Fatal("a dead process answered")
		}
		p.kill()
		if w.cloud.count() != 1 {
			t.Fatalf("%d machines", w.cloud.count())
		}
		w.cloud.set(func(c *cloud) { c.lose = nil })
		q := w.process()
		defer q.close()
		wait(30 * time.Second)
		list, err := q.List(context.Background(), &ListParams{})
		if err != nil || len(list.Items) != 1 || list.Items[0].State != "live" || w.cloud.calls[spec.OpSpawn] != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		if told := w.told("m1"); !strings.HasPrefix(told, "provisioning adopted") {
			t.Fatal(told)
		}
		wait(2 * time.Minute) // nobody knows of it, so it goes idle
		if w.cloud.count() != 0 {
			t.Fatal("it bills for ever")
		}
	})
}

func TestCrash_BeforeTheCreateLeavesNoSession(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		w.cloud.set(func(c *cloud) {
			c.fail = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn {
					p.store.set(func(string) error { return errors.New("killed") })
					p.end()
					return &spec.Error{Kind: spec.KindTransport, Message: "reset", UnknownOutcome: true}
				}
				return nil
			}
		})
		_, _ = p.Spawn(context.Background(), params())
		p.kill()
		w.cloud.set(func(c *cloud) { c.fail = nil })
		q := w.process()
		defer q.close()
		wait(time.Minute)
		rows, err := w.store.List(context.Background(), store.Filter{})
		if err != nil || len(rows) != 1 || rows[0].State != store.Ended || w.cloud.count() != 0 {
			t.Fatalf("%+v %v %d", rows, err, w.cloud.count())
		}
	})
}

func TestCrash_SpawnWhoseCallerWasToldNothingIsGivenBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		w.cloud.set(func(c *cloud) {
			c.lose = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn {
					return &spec.Error{Kind: spec.KindTransport, Message: "reset", UnknownOutcome: true}
				}
				return nil
			}
			c.fail = broken(spec.OpList, spec.OpFind)
		})
		_, err := p.Spawn(context.Background(), params())
		if e := spec.AsError(err); !e.UnknownOutcome || w.cloud.count() != 1 {
			t.Fatal(err, w.cloud.count())
		}
		wait(time.Minute)
		w.cloud.set(func(c *cloud) { c.fail, c.lose = nil, nil })
		wait(3 * time.Minute)
		if w.cloud.count() != 0 {
			t.Fatal("a machine nobody was told of goes on")
		}
	})
}

func TestCrash_LostAnswersOfTheStoreDoubleNoEvent(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		n := 0
		p.store.set(func(what string) error {
			if what == "committed" {
				if n++; n%2 == 0 {
					return errors.New("cut")
				}
			}
			return nil
		})
		var ids []string
		for range 10 {
			if s, err := p.Spawn(context.Background(), params(idle(time.Minute))); err == nil {
				ids = append(ids, s.Compute.ID)
			}
		}
		wait(10 * time.Minute)
		if w.cloud.count() != 0 || len(ids) == 0 {
			t.Fatalf("%d machines are left, %d spawned", w.cloud.count(), len(ids))
		}
		for _, id := range ids {
			told := w.told(id)
			for _, name := range []string{"provisioning", "ready", "terminating", "terminated"} {
				if count(told, name) != 1 {
					t.Errorf("%s: %s", id, told)
				}
			}
		}
	})
}

func count(told, name string) int {
	n := 0
	for _, word := range strings.Fields(told) {
		if word == name {
			n++
		}
	}
	return n
}

func TestNodes_TakeOverFromTheHungAndTheHungStopsActing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer p.close()
		defer q.close()
		s := p.spawn(idle(time.Minute))
		p.store.set(func(string) error { return errors.New("cut off") })
		wait(30 * time.Second)
		if told := w.told(s.Compute.ID); !strings.HasSuffix(told, "taken_over") {
			t.Fatal(told)
		}
		if p.node.valid() {
			t.Fatal("the hung process still acts")
		}
		if err := q.touch(s.ID); err != nil {
			t.Fatal(err)
		}
		wait(50 * time.Second) // the hung process's deadline has passed
		if got := q.get(s.ID); got.State != "live" {
			t.Fatalf("the hung process ended a session that is another's: %+v", got)
		}
		p.store.set(nil)
		wait(5 * time.Second)
		if got := p.get(s.ID); got.State != "live" {
			t.Fatalf("%+v", got)
		}
		wait(20 * time.Second)
		if got := p.get(s.ID); got.State != "ended" {
			t.Fatalf("%+v", got)
		}
	})
}

func TestNodes_TouchAndStopAnyProcesssSession(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer p.close()
		defer q.close()
		s, other := p.spawn(idle(time.Minute)), p.spawn(idle(0))
		for range 20 {
			wait(30 * time.Second)
			if err := q.touch(s.Compute.ID); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.get(s.ID); got.State != "live" {
			t.Fatal("a session in use through another process went idle")
		}
		got, err := q.Stop(context.Background(), &StopParams{ID: other.ID})
		if err != nil || got.State != "ended" || got.Reason != ReasonStopped || w.cloud.count() != 1 {
			t.Fatalf("%+v %v", got, err)
		}
		wait(2 * time.Minute)
		if got := q.get(s.ID); got.State != "ended" {
			t.Fatal(got.State)
		}
		list, err := q.List(context.Background(), &ListParams{State: []string{"ended"}})
		if err != nil || len(list.Items) != 2 {
			t.Fatal(list, err)
		}
	})
}

func TestNodes_TouchOfManyAsksTheStoreOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer p.close()
		defer q.close()
		var ids []string
		for range 100 {
			ids = append(ids, p.spawn(idle(time.Minute)).ID)
		}
		byMachine := p.spawn(idle(time.Minute))
		over := p.spawn(idle(0))
		if _, err := p.Stop(context.Background(), &StopParams{ID: over.ID}); err != nil {
			t.Fatal(err)
		}
		wait(30 * time.Second)
		var reads atomic.Int64
		q.store.set(func(what string) error {
			if what == "get" {
				reads.Add(1)
			}
			return nil
		})
		got, err := q.Touch(context.Background(), &TouchParams{ID: append(ids, byMachine.Compute.ID, over.ID, over.Compute.ID, "ses-none")})
		if err != nil || strings.Join(got.Missing, " ") != strings.Join([]string{over.ID, "ses-none", over.Compute.ID}, " ") {
			t.Errorf("%+v %v", got, err)
		}
		if n := reads.Load(); n > 4 {
			t.Errorf("%d sessions were read to be touched", n)
		}
		wait(45 * time.Second)
		for _, id := range append(ids, byMachine.ID) {
			if s := p.get(id); s.State != "live" {
				t.Fatalf("%s %s", id, s.State)
			}
		}
	})
}

func TestNodes_CreateOfAProcessThatLostItsLeaseIsOnesAlone(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer p.close()
		defer q.close()
		w.cloud.set(func(c *cloud) {
			c.during = func(_ context.Context, operation string) {
				if operation == spec.OpSpawn { // stopped just before its create is sent, until another has settled it
					p.store.set(func(string) error { return errors.New("stopped") })
					time.Sleep(2 * time.Minute)
					p.store.set(nil)
				}
			}
		})
		_, err := p.Spawn(context.Background(), params(idle(time.Hour)))
		if spec.AsError(err).Kind != spec.KindConflict {
			t.Fatal(err)
		}
		wait(time.Minute)
		if w.cloud.count() != 0 {
			t.Fatal("the late machine goes on")
		}
	})
}

func TestNodes_LetGoDoesNotEndWhatNobodyTook(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s := p.spawn(idle(time.Hour))
		p.store.set(func(string) error { return errors.New("cut off") })
		wait(5 * time.Minute)
		p.store.set(nil)
		wait(time.Minute)
		if err := p.touch(s.ID); err != nil {
			t.Fatal(err)
		}
		if p.index.find(s.ID) == nil {
			t.Fatal("nobody watches over it")
		}
	})
}

func TestCrash_TouchOfTheLastMomentCounts(t *testing.T) {
	for _, logless := range []bool{false, true} {
		bubble(t, func(t *testing.T, w *world) {
			w.logless = logless
			p := w.process()
			s := p.spawn(idle(10 * time.Minute))
			wait(9*time.Minute + 50*time.Second)
			if err := p.touch(s.ID); err != nil { // the first for long: log or store have it before it is answered
				t.Fatal(err)
			}
			wait(200 * time.Millisecond)
			if err := p.touch(s.ID); err != nil { // answered from memory
				t.Fatal(err)
			}
			p.kill()
			q := w.process()
			defer q.close()
			wait(9*time.Minute + 59*time.Second)
			if got := q.get(s.ID); got.State != "live" {
				t.Fatalf("%s, %s: the last touch was lost", got.State, got.Reason)
			}
			wait(5 * time.Second)
			if got := q.get(s.ID); got.State != "ended" || got.Reason != ReasonIdle {
				t.Fatalf("%+v", got)
			}
		})
	}
}

// TestTouch_WhileItsSessionEndsIsNeverAnsweredInVain touches a session at the moment
// in which its end is being written.
func TestTouch_WhileItsSessionEndsIsNeverAnsweredInVain(t *testing.T) {
	for _, logless := range []bool{false, true} {
		bubble(t, func(t *testing.T, w *world) {
			w.logless = logless
			p := w.process()
			defer p.close()
			s := p.spawn(idle(10 * time.Minute))
			answered := errors.New("not asked")
			wait(9*time.Minute + 59*time.Second)
			p.store.set(func(what string) error {
				if what == "commit" && answered != nil {
					answered = p.touch(s.ID)
				}
				return nil
			})
			wait(5 * time.Second)
			p.store.set(nil)
			if got := p.get(s.ID); answered != nil || got.State != "live" {
				t.Fatalf("the touch was answered %v, the session is %s", answered, got.State)
			}
		})
	}
}

func TestPublish_NeverNumbersASessionsTopicItself(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer p.close()
		defer q.close()
		s := p.spawn(idle(time.Hour))
		wait(time.Second)
		topic := "compute:" + s.Compute.ID
		sub, err := q.Subscribe(context.Background(), topic, 1, func(*events.Subscription) {})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Bus.Unsubscribe(sub.ID)
		before, _ := q.Bus.Watched(topic)
		if err := q.Publish(context.Background(), topic, events.Lifecycle, "status", []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
		if after, watched := q.Bus.Watched(topic); !watched || after != before {
			t.Fatalf("the event took number %d of the store's", after)
		}
	})
}
