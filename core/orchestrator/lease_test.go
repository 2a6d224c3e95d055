package orchestrator

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// lapse has a process's lease end, in its own eyes, between 13.5 and 14 s from
// now; the store renews it under the same number. Reading a session takes 200 ms.
func lapse(p *process) {
	start := time.Now()
	p.store.mu.Lock()
	p.store.hang = func(what string) {
		switch since := time.Since(start); {
		case what == "get":
			time.Sleep(200 * time.Millisecond)
		case what == "lease" && since > 9*time.Second && since < 11*time.Second:
			time.Sleep(14*time.Second - since)
		}
	}
	p.store.mu.Unlock()
	p.store.set(func(what string) error {
		if what == "lease" && time.Since(start) < 9*time.Second {
			return errors.New("cut")
		}
		return nil
	})
}

func TestLease_ThatLapsesForAMomentLeavesNoSessionUnwatched(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		wait(5*time.Second + time.Millisecond) // it has just been renewed
		s := p.spawn(idle(13400 * time.Millisecond))
		wait(10 * time.Millisecond)
		lapse(p)
		lease, _ := p.node.current()
		wait(40 * time.Second)
		if now, _ := p.node.current(); now.Fence != lease.Fence {
			t.Fatal("the lease was lost, so this tests something else")
		}
		if got := p.get(s.ID); got.State != "ended" {
			t.Fatalf("%s: its time came in the moment without a lease, and nobody looks at it again", got.State)
		}
	})
}

func TestLease_ThatIsLostSaysWhatTheStoreSaid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		p.store.set(func(what string) error {
			if what == "lease" {
				return errors.New("the disk is full")
			}
			return nil
		})
		wait(time.Minute)
		_, err := p.Spawn(context.Background(), params())
		if e := spec.AsError(err); e == nil || e.Kind != spec.KindConflict || !e.Retryable || !strings.Contains(e.Message, "the disk is full") {
			t.Errorf("%+v", err)
		}
		p.store.set(nil)
		wait(time.Minute)
		p.spawn()
	})
}

func TestLease_ThatLapsesForAMomentSwallowsNoStop(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		wait(5*time.Second + time.Millisecond)
		s := p.spawn(idle(0))
		wait(10 * time.Millisecond)
		lapse(p)
		wait(13400 * time.Millisecond)
		got, err := p.Stop(context.Background(), &StopParams{ID: s.ID})
		if err != nil || got.State != "ended" {
			t.Fatalf("%+v %v", got, err)
		}
	})
}

func TestLease_ThatLapsesForAMomentCostsNoMachine(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		wait(5*time.Second + time.Millisecond)
		w.cloud.set(func(c *cloud) {
			c.during = func(_ context.Context, operation string) {
				if operation == spec.OpSpawn {
					lapse(p)
					time.Sleep(13600 * time.Millisecond)
				}
			}
		})
		s := p.spawn(idle(time.Hour))
		if got := p.get(s.ID); got.State != "live" || w.cloud.count() != 1 {
			t.Fatalf("%+v", got)
		}
	})
}
