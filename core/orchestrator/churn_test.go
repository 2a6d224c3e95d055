package orchestrator

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// TestChurn_LeavesNothingBehind has three processes rent and stop, each other's
// sessions too, over a store and a cloud of which every seventh and eleventh answer
// is lost or never given, and one process after another killed.
func TestChurn_LeavesNothingBehind(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var asked atomic.Int64
		start := func() *process {
			p := w.process()
			p.store.set(func(string) error {
				if asked.Add(1)%7 == 0 {
					return errors.New("cut")
				}
				return nil
			})
			return p
		}
		nodes := []*process{start(), start(), start()}
		lost := &spec.Error{Kind: spec.KindTransport, Message: "reset", UnknownOutcome: true}
		w.cloud.set(func(c *cloud) {
			c.lose = func(_ string, n int) *spec.Error {
				if n%11 == 0 {
					return lost
				}
				return nil
			}
		})
		none := int64(0)
		for i := range 200 {
			ctx, cancel := context.WithCancel(context.Background())
			if i%13 == 0 {
				time.AfterFunc(0, cancel) // the caller leaves
			}
			s, err := nodes[i%3].Spawn(ctx, params(idle(time.Minute)))
			cancel()
			if err == nil && i%3 == 0 {
				_, _ = nodes[(i+1)%3].Stop(context.Background(), &StopParams{ID: s.ID, WaitMS: &none}) // it goes idle otherwise
			}
			if i%10 == 0 {
				wait(7 * time.Second)
			}
			if i%40 == 39 {
				nodes[i%3].kill()
				nodes[i%3] = start()
			}
		}
		wait(10 * time.Minute)
		for _, p := range nodes {
			p.store.set(nil)
		}
		w.cloud.set(func(c *cloud) { c.lose = nil })
		wait(20 * time.Minute)
		if n := w.cloud.count(); n != 0 {
			t.Errorf("%d machines are left", n)
		}
		rows, err := w.store.List(context.Background(), store.Filter{Limit: 1000})
		if err != nil || len(rows) < 100 {
			t.Fatal(len(rows), err)
		}
		for _, r := range rows {
			if r.State != store.Ended {
				t.Errorf("%s is %s", r.ID, stateName(r.State))
			}
			if r.ComputeID == "" {
				continue
			}
			told := w.told(r.ComputeID)
			for _, name := range []string{"provisioning", "terminating", "terminated"} {
				if count(told, name) != 1 {
					t.Errorf("%s: %s", r.ID, told)
				}
			}
		}
		for _, p := range nodes {
			p.close()
		}
	})
}
