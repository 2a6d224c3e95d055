package orchestrator

import (
	"errors"
	"testing"
	"time"
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
