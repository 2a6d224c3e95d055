package orchestrator

import (
	"context"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// terminating is when a session's end was written down.
func (w *world) terminating(s *Session) time.Time {
	w.t.Helper()
	list, _, err := w.store.Events(context.Background(), s.Topic, 1, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		if e.Name == "terminating" {
			return time.UnixMilli(e.Time)
		}
	}
	w.t.Fatal("it did not end")
	return time.Time{}
}

func TestTimers_WaitForNoCloudThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		for range 3 * acts {
			p.spawn(idle(time.Minute))
		}
		at := func(provider string) func(*SpawnParams) {
			return func(p *SpawnParams) { p.Provider = []string{provider} }
		}
		list := []*Session{p.spawn(idle(90*time.Second), at("runpod")), p.spawn(idle(90*time.Second), at("vast"))}
		due := time.Now().Add(90 * time.Second)
		w.cloud.set(func(c *cloud) {
			c.during = func(ctx context.Context, operation string) {
				if operation == spec.OpTerminate {
					<-ctx.Done()
				}
			}
		})
		wait(10 * time.Minute)
		for _, s := range list {
			if late := w.terminating(s).Sub(due); late > 100*time.Millisecond {
				t.Errorf("at %s a session ended %v late", s.Compute.Provider, late)
			}
		}
		w.cloud.set(func(c *cloud) { c.during = nil })
		wait(5 * time.Minute)
		if n := w.cloud.count(); n != 0 {
			t.Errorf("%d machines are left", n)
		}
	})
}
