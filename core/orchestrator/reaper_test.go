package orchestrator

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// stray puts a machine into the cloud that no session holds.
func (w *world) stray(id, name, requestID string, status spec.Status) {
	w.cloud.set(func(c *cloud) {
		c.machines[id] = &spec.Compute{ID: id, Name: name, RequestID: requestID, Status: status, CreatedAt: time.Now().UTC().Format(time.RFC3339)}
	})
}

func (w *world) has(id string) bool {
	w.cloud.mu.Lock()
	defer w.cloud.mu.Unlock()
	return w.cloud.machines[id] != nil
}

func TestReaper_GivesBackWhatIsOursAndNobodysAfterItsGrace(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s := p.spawn(idle(0))
		tag := w.store.Identity()
		for i, status := range []spec.Status{spec.StatusRunning, spec.StatusStopped, spec.StatusFailed, spec.StatusProvisioning} {
			w.stray("ours"+strconv.Itoa(i), "atlas-"+tag+"x", "", status)
		}
		w.stray("named", "the caller's word", tag+"abc", spec.StatusRunning)
		w.stray("foreign", "atlas-zzzzzzabc", "zzzzzzabc", spec.StatusRunning)
		w.stray("unnamed", "", "", spec.StatusRunning)
		wait(4 * time.Minute)
		if !w.has("ours0") {
			t.Fatal("taken in its grace")
		}
		wait(3 * time.Minute)
		for _, id := range []string{"ours0", "ours1", "ours2", "ours3", "named"} {
			if w.has(id) {
				t.Errorf("%s is left", id)
			}
		}
		for _, id := range []string{"foreign", "unnamed", s.Compute.ID} {
			if !w.has(id) {
				t.Errorf("%s was taken", id)
			}
		}
		list, last, err := w.store.Events(context.Background(), TopicReaper, 1, 100)
		if err != nil || last < 6 || list[0].Name != "reaped" {
			t.Fatal("a run without a report", list, err)
		}
	})
}

func TestReaper_LooksByItselfAtTheProvidersItIsLeft(t *testing.T) {
	for name, left := range map[string]bool{"runpod": false, "elsewhere": true} {
		bubble(t, func(t *testing.T, w *world) {
			p := w.process(func(s *Settings) { s.ReapOnly = []string{name} })
			defer p.close()
			p.spawn(idle(0))
			w.stray("ours", "atlas-"+w.store.Identity()+"x", "", spec.StatusRunning)
			wait(10 * time.Minute)
			if w.has("ours") != left {
				t.Errorf("only %s: the machine is there: %v", name, !left)
			}
			zero := int64(0)
			if _, err := p.Reap(context.Background(), &ReapParams{GraceMS: &zero}); err != nil || w.has("ours") {
				t.Errorf("orchestrator.reap, which names its providers itself: %v", err)
			}
		})
	}
}

func TestReaper_DryRunTellsAndTakesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		w.stray("ours", "atlas-"+w.store.Identity()+"x", "", spec.StatusRunning)
		zero := int64(0)
		wait(time.Second)
		report, err := p.Reap(context.Background(), &ReapParams{DryRun: true, GraceMS: &zero})
		if err != nil || len(report.Items) != 1 || len(report.Items[0].Gone) != 1 || !w.has("ours") {
			t.Fatalf("%+v %v", report, err)
		}
		empty := ""
		if _, err := p.Reap(context.Background(), &ReapParams{NamePrefix: &empty}); spec.AsError(err).Kind != spec.KindValidation {
			t.Fatal("an empty prefix", err)
		}
		w.stray("foreign", "somebody's", "", spec.StatusRunning)
		if report, err = p.Reap(context.Background(), &ReapParams{NamePrefix: &empty, ReapEverything: true, GraceMS: &zero}); err != nil || len(report.Items[0].Gone) != 2 || w.cloud.count() != 0 {
			t.Fatalf("%+v %v", report, err)
		}
	})
}

func TestReaper_NeverActsWhenItCannotTell(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		w.stray("ours", "atlas-"+w.store.Identity()+"x", "", spec.StatusRunning)
		zero := int64(0)
		wait(time.Second)
		reap := func(why string) {
			t.Helper()
			report, err := p.Reap(context.Background(), &ReapParams{GraceMS: &zero})
			if err != nil || report.Items[0].Skipped == "" || !w.has("ours") {
				t.Fatalf("%s: %+v %v", why, report, err)
			}
		}
		p.store.set(func(what string) error {
			if what == "get" {
				return errors.New("cut")
			}
			return nil
		})
		reap("the store does not answer")
		p.store.set(nil)
		w.cloud.set(func(c *cloud) { c.fail = broken(spec.OpList) })
		reap("the cloud does not list")
		w.cloud.set(func(c *cloud) { c.fail = nil })
		report, err := p.Reap(context.Background(), &ReapParams{GraceMS: &zero})
		if err != nil || len(report.Items[0].Gone) != 1 {
			t.Fatalf("%+v %v", report, err)
		}
	})
}

func TestReaper_LeavesMachinesWhoseSpawnIsUnderWayElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer p.close()
		defer q.close()
		zero := int64(0)
		reaped := -1
		w.cloud.set(func(c *cloud) {
			c.lose = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn { // the machine is there, and its answer on the way
					report, err := q.Reap(context.Background(), &ReapParams{GraceMS: &zero})
					if err != nil {
						t.Error(err)
						return nil
					}
					reaped = len(report.Items[0].Gone)
				}
				return nil
			}
		})
		wait(20 * time.Second)
		p.spawn(idle(0))
		if reaped != 0 || w.cloud.count() != 1 {
			t.Fatalf("reaped %d", reaped)
		}
	})
}

func TestReaper_OneProcessOfAnAccountRuns(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var all []*process
		for range 3 {
			p := w.process()
			defer p.close()
			all = append(all, p)
		}
		all[0].spawn(idle(0))
		wait(10*time.Minute + 30*time.Second)
		_, last, err := w.store.Events(context.Background(), TopicReaper, 1, 1)
		if err != nil || last < 9 || last > 11 {
			t.Fatalf("%d runs in ten minutes of three processes", last)
		}
	})
}

func TestShutdown_DoesWhatOnExitSaysAndNamesWhatIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		on := func(what OnExit) func(*SpawnParams) { return func(p *SpawnParams) { p.OnExit = what } }
		kept, stopped := p.spawn(idle(0), on(Keep)), p.spawn(idle(0), on(Stop))
		var ids []string
		for range 300 {
			ids = append(ids, p.spawn(idle(0), on(Terminate)).ID)
		}
		stuck := w.cloud.machines["m5"]
		w.cloud.set(func(c *cloud) {
			c.fail = func(operation string, _ int) *spec.Error {
				c.mu.Lock()
				defer c.mu.Unlock()
				if operation == spec.OpTerminate && c.machines["m5"] == stuck && len(c.machines) == 3 {
					return &spec.Error{Kind: spec.KindProvider, Message: "down"}
				}
				return nil
			}
		})
		report, err := p.Shutdown(context.Background(), &ShutdownParams{TimeoutMS: 60_000})
		if err != nil || report.Ended+len(report.Left) != 301 {
			t.Fatalf("%+v %v", report, err)
		}
		p.close()
		if !w.has(kept.Compute.ID) || w.cloud.machines[stopped.Compute.ID].Status != spec.StatusStopped {
			t.Fatal("kept or stopped machines are gone")
		}
		w.cloud.set(func(c *cloud) { c.fail = nil })
		q := w.process()
		defer q.close()
		wait(2 * time.Minute)
		if n := w.cloud.count(); n != 2 {
			t.Fatalf("%d machines are left", n)
		}
		for _, id := range ids {
			if got := q.get(id); got.State != "ended" || got.Reason != ReasonShutdown {
				t.Fatalf("%+v", got)
			}
		}
	})
}

func TestReaper_RunsAtACloudWhileAnotherIsDown(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		p.spawn(idle(0))
		w.cloud.set(func(c *cloud) {
			c.lose = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn {
					c.set(func(c *cloud) { c.down = "vast" })
					return &spec.Error{Kind: spec.KindTransport, Message: "reset", UnknownOutcome: true}
				}
				return nil
			}
		})
		if _, err := p.Spawn(context.Background(), params(idle(0), func(p *SpawnParams) { p.Provider = []string{"vast"} })); err == nil {
			t.Fatal("its answer was lost")
		}
		w.stray("ours", "atlas-"+w.store.Identity()+"x", "", spec.StatusRunning)
		wait(10 * time.Minute)
		if w.has("ours") || w.cloud.count() != 2 {
			t.Fatalf("%d machines: a spawn at another cloud is not settled", w.cloud.count())
		}
	})
}
