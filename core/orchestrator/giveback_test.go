package orchestrator

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// TestGiveBack_OfANewMachineIsDoneWhenTheCloudTookIt has a cloud that answers
// nothing to a terminate, as most do.
func TestGiveBack_OfANewMachineIsDoneWhenTheCloudTookIt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process(func(s *Settings) { s.ReapEvery = -1 })
		defer p.close()
		w.cloud.set(func(c *cloud) { c.terse = true })
		s := p.spawn(idle(0))
		began := time.Now()
		got, err := p.Stop(context.Background(), &StopParams{ID: s.ID})
		if took := time.Since(began); err != nil || got.State != "ended" || w.cloud.count() != 0 || took > 250*time.Millisecond {
			t.Fatalf("%s after %v with %d machines, %v", got.State, took, w.cloud.count(), err)
		}
	})
}

func TestGiveBack_DoesNotBelieveThatAMachineIsGoneBeforeItShows(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process(func(s *Settings) { s.ReapEvery = -1 })
		defer p.close()
		s := p.spawn(idle(0))
		shows := time.Now().Add(time.Second)
		w.cloud.set(func(c *cloud) {
			c.fail = func(operation string, _ int) *spec.Error {
				if (operation == spec.OpGet || operation == spec.OpTerminate) && time.Now().Before(shows) {
					return &spec.Error{Kind: spec.KindNotFound, Message: "none yet", Status: 404}
				}
				return nil
			}
		})
		got, err := p.Stop(context.Background(), &StopParams{ID: s.ID})
		if err != nil || got.State != "ended" || w.cloud.count() != 0 {
			t.Fatalf("%s with %d machines, %v", got.State, w.cloud.count(), err)
		}
	})
}

func TestGiveBack_FailuresWithoutEndAreToldMoreRarely(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process(func(s *Settings) { s.Poll, s.ReapEvery = time.Hour, -1 })
		defer p.close()
		s := p.spawn(idle(time.Minute))
		w.cloud.set(func(c *cloud) { c.fail = broken(spec.OpTerminate) })
		wait(4 * time.Hour)
		names, _ := w.kept(s.Topic)
		if n := names["terminate_failed"]; n < tellFirst+3 || n > tellFirst+4 {
			t.Errorf("%d failures told in four hours", n)
		}
		if n := w.cloud.calls[spec.OpTerminate]; n < 220 {
			t.Errorf("%d terminates sent in four hours", n)
		}
		w.cloud.set(func(c *cloud) {
			c.fail = func(operation string, _ int) *spec.Error {
				if operation == spec.OpTerminate {
					return spec.NewError(spec.KindUnauthorized, "the key is gone")
				}
				return nil
			}
		})
		wait(2 * tellOther)
		if got := p.get(s.ID); got.State != "ending" || got.Error == nil || got.Error.Kind != spec.KindUnauthorized {
			t.Errorf("another failure is not told: %+v", got.Error)
		}
		w.cloud.set(func(c *cloud) { c.fail = nil })
		wait(2 * time.Minute)
		if got := p.get(s.ID); got.State != "ended" || w.cloud.count() != 0 {
			t.Errorf("%s, %d machines", got.State, w.cloud.count())
		}
	})
}

func TestGiveBack_AFailureThatTheStoreDidNotTakeIsToldWithTheNextTry(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process(func(s *Settings) { s.Poll, s.ReapEvery = time.Hour, -1 })
		defer p.close()
		s := p.spawn(idle(time.Minute))
		w.cloud.set(func(c *cloud) { c.fail = broken(spec.OpTerminate) })
		wait(30 * time.Minute)
		p.store.set(func(what string) error {
			if what == "commit" {
				return errors.New("the disk is full")
			}
			return nil
		})
		wait(time.Hour) // the hourly one falls into it
		before, _ := w.kept(s.Topic)
		p.store.set(nil)
		wait(5 * time.Minute)
		if after, _ := w.kept(s.Topic); after["terminate_failed"] != before["terminate_failed"]+1 {
			t.Errorf("%d failures told, and %d once the store was there again", before["terminate_failed"], after["terminate_failed"])
		}
		w.cloud.set(func(c *cloud) { c.fail = nil })
		wait(2 * time.Minute)
	})
}

// A cloud that says to come back in a week has let go of it long before, or is wrong
// about the time: a machine that costs is not left to it.
func TestGiveBack_DoesNotWaitAsLongAsACloudMaySay(t *testing.T) {
	for _, operation := range []string{spec.OpTerminate, spec.OpList} {
		bubble(t, func(t *testing.T, w *world) {
			p := w.process(func(s *Settings) { s.ReapEvery = -1 })
			defer p.close()
			s := p.spawn(idle(0))
			w.cloud.set(func(c *cloud) {
				first := true
				c.fail = func(asked string, _ int) *spec.Error {
					if asked != operation || !first {
						return nil
					}
					first = false
					return &spec.Error{Kind: spec.KindRateLimited, Message: "429", Status: 429, Retryable: true, RetryAfterMS: (7 * 24 * time.Hour).Milliseconds()}
				}
			})
			if operation == spec.OpTerminate {
				if _, err := p.Stop(context.Background(), &StopParams{ID: s.ID}); err != nil {
					t.Fatal(err)
				}
				wait(longestHeeded + time.Minute)
				if got := p.get(s.ID); got.State != "ended" || w.cloud.count() != 0 {
					t.Errorf("%s with %d machines", got.State, w.cloud.count())
				}
				return
			}
			wait(time.Minute)
			listings := func() (n int) {
				w.cloud.set(func(c *cloud) { n = c.calls[spec.OpList] })
				return n
			}
			before := listings()
			wait(longestHeeded + time.Minute)
			if listings() <= before {
				t.Errorf("%d listings, and no other since", before)
			}
		})
	}
}
