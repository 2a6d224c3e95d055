package orchestrator

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/store"
)

// TestTouch_OfAShortSession touches one that goes idle sooner than an activity is
// trusted to memory, at the moment in which its end is being written.
func TestTouch_OfAShortSessionIsNeverAnsweredInVain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s := p.spawn(idle(800 * time.Millisecond))
		answered := errors.New("not asked")
		p.store.set(func(what string) error {
			if what == "commit" && answered != nil {
				answered = p.touch(s.ID)
			}
			return nil
		})
		wait(1200 * time.Millisecond)
		p.store.set(nil)
		if got := p.get(s.ID); answered != nil || got.State != "live" {
			t.Fatalf("the touch was answered %v, the session is %s", answered, got.State)
		}
	})
}

func TestTouch_NamesTheMissingAsTheCallerDid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.logless = true
		p := w.process()
		defer p.close()
		s, other := p.spawn(idle(0)), p.spawn(idle(0))
		wait(5 * time.Second)
		row, _, err := w.store.Get(context.Background(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		row.State = store.Ending // which p does not know
		lease, _ := p.node.current()
		if r, err := w.store.Commit(context.Background(), lease, []store.Change{{Session: row}}); err != nil || r[0].Verdict != store.Done {
			t.Fatal(r, err)
		}
		got, err := p.Touch(context.Background(), &TouchParams{ID: []string{other.Compute.ID, s.Compute.ID}})
		if err != nil || len(got.Missing) != 1 || got.Missing[0] != s.Compute.ID {
			t.Fatalf("%+v %v", got, err)
		}
	})
}
