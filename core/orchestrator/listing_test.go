package orchestrator

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// old is a machine of nobody's that is out of its grace.
func (w *world) old(id string) spec.Compute {
	return spec.Compute{ID: id, Name: "atlas-" + w.store.Identity() + id, Status: spec.StatusRunning, CreatedAt: time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}
}

// What a listing tells that does not come to its end is nothing to act on.
func TestReaper_GivesNothingBackOnAListingWithoutAnEnd(t *testing.T) {
	for name, next := range map[string]map[string]string{"it leads in a circle": {"": "b", "b": "c", "c": "b"}, "its second part fails": {"": "broken"}} {
		bubble(t, func(t *testing.T, w *world) {
			p := w.process(func(s *Settings) { s.ReapEvery = -1 })
			defer p.close()
			wait(time.Second)
			machine, parts := w.old("ours"), 0
			w.cloud.set(func(c *cloud) {
				c.machines["ours"] = &machine
				c.page = func(cursor string) spec.ComputePage {
					parts++
					return spec.ComputePage{Items: []spec.Compute{machine}, Next: next[cursor]}
				}
				c.fail = func(operation string, n int) *spec.Error {
					if operation == spec.OpList && n == 2 && next[""] == "broken" {
						return &spec.Error{Kind: spec.KindProvider, Message: "down", Status: 503}
					}
					return nil
				}
			})
			report, err := p.Reap(context.Background(), &ReapParams{})
			if err != nil {
				t.Fatal(err)
			}
			if r := report.Items[0]; r.Skipped == "" || r.Error == nil || r.Error.Kind != spec.KindProvider || len(r.Gone) != 0 || !w.has("ours") || parts > 3 {
				t.Errorf("%s: %d parts were read, %+v", name, parts, r)
			}
			w.cloud.set(func(c *cloud) { c.fail, c.page = nil, nil })
		})
	}
}

// A process that loses its lease in the middle of giving back gives back nothing more.
func TestReaper_StopsWhereItLosesItsLease(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process(func(s *Settings) { s.ReapEvery = -1 })
		defer p.close()
		wait(time.Second)
		w.cloud.set(func(c *cloud) {
			for i := range 5 {
				machine := w.old(fmt.Sprint("ours", i))
				c.machines[machine.ID] = &machine
			}
			c.during = func(_ context.Context, operation string) {
				if operation == spec.OpTerminate {
					p.node.until.Store(0)
				}
			}
		})
		report, err := p.Reap(context.Background(), &ReapParams{})
		if err != nil {
			t.Fatal(err)
		}
		if r := report.Items[0]; len(r.Gone) != 1 || r.Skipped == "" || w.cloud.count() != 4 {
			t.Errorf("%d machines are left, %+v", w.cloud.count(), r)
		}
	})
}

func TestPolls_AskForNoMachineThatAListingWithoutAnEndLacks(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process(func(s *Settings) { s.ReapEvery = -1 })
		defer p.close()
		s := p.spawn(idle(0))
		wait(time.Minute)
		parts := 0
		w.cloud.set(func(c *cloud) {
			c.page = func(cursor string) spec.ComputePage {
				parts++
				return spec.ComputePage{Next: map[string]string{"": "b", "b": "c", "c": "b"}[cursor]}
			}
		})
		wait(5 * time.Minute)
		if parts < 3 || parts > 40 {
			t.Errorf("%d parts were read in five minutes", parts)
		}
		if got := p.get(s.ID); got.State != "live" {
			t.Errorf("%s, %s", got.State, got.Reason)
		}
	})
}
