package orchestrator

import (
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

func TestPolls_OfACloudGoOnForASessionThatComesAsTheyEnd(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		p.polls.mu.Lock()
		p.polls.clouds["runpod"] = &cloudPoll{running: true, next: p.node.now() + time.Hour.Milliseconds()}
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
