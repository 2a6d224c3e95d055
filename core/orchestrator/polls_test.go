package orchestrator

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/memory"
)

func TestPolls_OfACloudGoOnForASessionThatComesAsTheyEnd(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		p.polls.mu.Lock()
		p.polls.clouds["runpod"] = &cloudPoll{running: true, next: time.Now().Add(time.Hour)}
		p.polls.mu.Unlock()
		pause := p.polls.poll("runpod") // finds that no session is there
		w.cloud.status = spec.StatusProvisioning
		s := p.spawn(idle(0))
		p.polls.done("runpod", pause)
		w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].Status = spec.StatusRunning })
		wait(20 * time.Minute)
		if got := p.get(s.ID); got.State != "live" {
			t.Fatalf("%s, %s: nobody looked whether it was ready", got.State, got.Reason)
		}
	})
}

// A defect ends one look, not the watch of its cloud.
func TestPolls_GoOnAfterADefect(t *testing.T) {
	for _, where := range []string{spec.OpList, spec.OpGet} {
		bubble(t, func(t *testing.T, w *world) {
			p := w.process()
			defer p.close()
			s := p.spawn(idle(0))
			wait(time.Minute)
			var broke atomic.Bool
			w.cloud.set(func(c *cloud) {
				delete(c.machines, s.Compute.ID)
				c.during = func(_ context.Context, operation string) {
					if operation == where && !broke.Swap(true) {
						panic("a defect")
					}
				}
			})
			if where == spec.OpGet {
				p.polls.hurry(p.index.find(s.ID))
			}
			wait(2 * time.Minute)
			if got := p.get(s.ID); got.State != "ended" || got.Reason != ReasonVanished {
				t.Errorf("%s: %s, and nobody looks any more", where, got.State)
			}
			list, _, err := w.store.Events(context.Background(), TopicReaper, 1, 100)
			if err != nil || !slices.ContainsFunc(list, func(e store.Event) bool { return e.Name == "defect" }) {
				t.Errorf("%s: nothing tells of it: %v", where, err)
			}
		})
	}
}

func TestReadiness_IsNotDecidedWhenTheCloudCannotTell(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.cloud.status = spec.StatusProvisioning
		p := w.process()
		defer p.close()
		s := p.spawn(idle(0))
		w.cloud.set(func(c *cloud) {
			c.machines[s.Compute.ID].Status = spec.StatusRunning // and in use, though the cloud's API is down
			c.fail = broken(spec.OpGet, spec.OpList, spec.OpFind)
		})
		wait(20 * time.Minute)
		if got := p.get(s.ID); got.State != "live" {
			t.Fatalf("%s, %s, and nobody could tell", got.State, got.Reason)
		}
		w.cloud.set(func(c *cloud) { c.fail = nil })
		wait(time.Minute)
		if got := p.get(s.ID); got.State != "live" || got.ReadyAt == "" {
			t.Fatalf("%+v", got)
		}
	})
}

// stepped is a clock that can be set.
type stepped struct {
	clock.System
	by atomic.Int64 // ns
}

func (c *stepped) Now() time.Time { return time.Now().Add(time.Duration(c.by.Load())) }

func TestPolls_GoOnWhenTheStoresClockIsSetBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		clock := &stepped{}
		w.store = memory.New(clock)
		p := w.process()
		defer p.close()
		s := p.spawn(idle(0))
		wait(time.Minute)
		clock.by.Store(int64(-2 * time.Hour))
		wait(10 * time.Second)
		w.cloud.set(func(c *cloud) { delete(c.machines, s.Compute.ID) })
		wait(2 * time.Minute)
		if got := p.get(s.ID); got.State != "ended" || got.Reason != ReasonVanished {
			t.Fatalf("%s: nobody looks at its cloud", got.State)
		}
	})
}

func TestPolls_OfOneCloudWaitForNoOther(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process(func(s *Settings) { s.Poll = time.Hour })
		defer p.close()
		at := func(name string) func(*SpawnParams) { return func(p *SpawnParams) { p.Provider = []string{name} } }
		slow, quick := p.spawn(idle(0), at("vast")), p.spawn(idle(0), at("runpod"))
		wait(time.Minute)
		w.cloud.set(func(c *cloud) {
			c.slow = "vast"
			delete(c.machines, quick.Compute.ID)
		})
		for _, s := range []*Session{slow, quick} {
			p.polls.hurry(p.index.find(s.Compute.ID))
			wait(time.Second) // the first is on its way
		}
		if got := p.get(quick.ID); got.State != "ended" || got.Reason != ReasonVanished {
			t.Errorf("%s, %s: it waits for another cloud's answer", got.State, got.Reason)
		}
		wait(2 * time.Minute)
		p.polls.mu.Lock()
		defer p.polls.mu.Unlock()
		if len(p.polls.singles) > 0 {
			t.Errorf("%d clouds are still to be asked", len(p.polls.singles))
		}
	})
}
