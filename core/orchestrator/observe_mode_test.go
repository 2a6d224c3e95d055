package orchestrator

import (
	"context"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store/memory"
)

func observing(s *Settings) { s.Observe, s.ReapEvery = true, time.Second }

// TestObserver_ActsOnNoSession leaves an observer alone with the sessions of a dead
// process. It may hold no credential, and the process that comes back must find
// them.
func TestObserver_ActsOnNoSession(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		p := w.process()
		s := p.spawn(idle(10 * time.Minute))
		w.stray("ours", "atlas-"+w.store.Identity()+"x", "", spec.StatusRunning)
		o := w.process(observing)
		defer o.close()
		p.kill()
		wait(8 * time.Minute) // longer than any lease and the reaper's grace
		if got := o.get(s.ID); got.State != "live" || got.Topic == "" {
			t.Fatalf("%+v", got)
		}
		if o.Tracked() != 0 || !w.has("ours") {
			t.Fatalf("it holds %d sessions", o.Tracked())
		}
		if _, err := o.Spawn(ctx, params()); spec.AsError(err).Kind != spec.KindConflict || w.cloud.count() != 2 {
			t.Errorf("it rents: %v", err)
		}
		if _, err := o.Reap(ctx, &ReapParams{}); spec.AsError(err).Kind != spec.KindConflict {
			t.Errorf("it reaps: %v", err)
		}
		if err := o.touch(s.ID); err != nil {
			t.Error(err)
		}
		wait(4 * time.Minute) // past the first idle time: only its touch keeps the session
		q := w.process()
		defer q.close()
		wait(time.Second)
		if got := q.get(s.ID); got.State != "live" || q.Tracked() != 1 {
			t.Fatalf("the next process finds %+v", got)
		}
		if got, err := o.Stop(ctx, &StopParams{ID: s.ID}); err != nil || got.State != "ended" || got.Reason != ReasonStopped {
			t.Errorf("it ends nobody's session: %+v %v", got, err)
		}
	})
}

// TestReaper_WithAPrefixGivesBackWhatALostStoreLeft opens a new store beside
// machines that an earlier one rented.
func TestReaper_WithAPrefixGivesBackWhatALostStoreLeft(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		lost := p.spawn(idle(time.Minute))
		p.kill()
		w.store = memory.New(clock.System{})
		w.stray("foreign", "other-1", "", spec.StatusRunning)
		q := w.process(func(s *Settings) { s.ReapPrefix = "atlas-" })
		defer q.close()
		kept := q.spawn(idle(0))
		wait(4 * time.Minute)
		if !w.has(lost.Compute.ID) {
			t.Fatal("taken in its grace")
		}
		wait(3 * time.Minute)
		if w.has(lost.Compute.ID) || !w.has("foreign") || !w.has(kept.Compute.ID) {
			t.Errorf("the lost one is there: %v, one of another name: %v, one of a session: %v", w.has(lost.Compute.ID), w.has("foreign"), w.has(kept.Compute.ID))
		}
	})
}

func TestReaper_WithAPrefixLooksBeforeTheFirstSession(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.stray("lost", "atlas-zzz", "", spec.StatusRunning)
		plain := w.process()
		wait(10 * time.Minute)
		if !w.has("lost") {
			t.Fatal("taken without its mark")
		}
		plain.close()
		p := w.process(func(s *Settings) { s.ReapPrefix = "atlas-" })
		defer p.close()
		wait(10 * time.Minute)
		if w.has("lost") {
			t.Error("it is left")
		}
	})
}
