package orchestrator

import (
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

func TestObserve_EndsASessionThoughTheStoreFails(t *testing.T) {
	for reason, status := range map[string]spec.Status{ReasonFailed: spec.StatusFailed, ReasonPreempted: spec.StatusStopped} {
		for nth := 1; nth <= 2; nth++ {
			bubble(t, func(t *testing.T, w *world) {
				p := w.process()
				defer p.close()
				s := p.spawn(idle(0), func(p *SpawnParams) { p.Spot = reason == ReasonPreempted })
				wait(time.Minute)
				p.store.set(failing(time.Second, nth, "commit"))
				w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].Status = status })
				wait(3 * time.Minute)
				if got := p.get(s.ID); got.State != "ended" || got.Reason != reason || w.cloud.count() != 0 {
					t.Errorf("%s %s, want %s: commit %d failed", got.State, got.Reason, reason, nth)
				}
				if told := w.told(s.Compute.ID); count(told, "terminating") != 1 || count(told, "status") != 2 {
					t.Error(told)
				}
			})
		}
	}
}
