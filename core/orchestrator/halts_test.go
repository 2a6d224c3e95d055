package orchestrator

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
)

func spot(p *SpawnParams) { p.Spot = true }

// pauseMachine stops a session's machine as compute.stop does.
func (p *process) pauseMachine(s *Session) error {
	_, err := p.Compute.Stop(context.Background(), &compute.IDParams{Target: target("runpod"), ID: s.Compute.ID})
	return err
}

func TestTerminate_DoesNotWaitForAStoreThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		m, err := p.Compute.Spawn(context.Background(), &params().SpawnParams)
		if err != nil {
			t.Fatal(err)
		}
		p.store.mute.Store(true)
		defer p.store.mute.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := p.Compute.Terminate(ctx, &compute.IDParams{ID: m.ID}); err != nil || ctx.Err() != nil || w.cloud.count() != 0 {
			t.Errorf("%v, the deadline: %v, %d machines left", err, ctx.Err(), w.cloud.count())
		}
	})
}

func TestHalt_ThroughAtlasIsNoPreemption(t *testing.T) {
	for name, stop := range map[string]func(t *testing.T, w *world, s *Session, own, other *process) error{
		"by the session's process":    func(_ *testing.T, _ *world, s *Session, own, _ *process) error { return own.pauseMachine(s) },
		"by another one of the store": func(_ *testing.T, _ *world, s *Session, _, other *process) error { return other.pauseMachine(s) },
		"by one that dies before it hears of it": func(_ *testing.T, w *world, s *Session, own, _ *process) error {
			w.cloud.set(func(c *cloud) {
				c.lose = func(operation string, _ int) *spec.Error {
					if operation == spec.OpStop {
						return &spec.Error{Kind: spec.KindTransport, Message: "reset", UnknownOutcome: true}
					}
					return nil
				}
			})
			if own.pauseMachine(s) == nil {
				return errors.New("its answer was lost")
			}
			own.kill()
			return nil
		},
		"by a stop that the cloud refuses when it is sent again": func(_ *testing.T, w *world, s *Session, own, other *process) error {
			err := other.pauseMachine(s)
			w.cloud.set(func(c *cloud) {
				c.fail = func(operation string, _ int) *spec.Error {
					if operation == spec.OpStop {
						return spec.NewError(spec.KindConflict, "it is stopped")
					}
					return nil
				}
			})
			if other.pauseMachine(s) == nil {
				return errors.New("stopped twice")
			}
			return err
		},
	} {
		for _, kind := range []string{"spot", "on demand"} { // both sessions go on alike
			t.Run(name+", "+kind, func(t *testing.T) {
				bubble(t, func(t *testing.T, w *world) {
					own, other := w.process(), w.process()
					defer other.close()
					defer own.close()
					change := func(*SpawnParams) {}
					if kind == "spot" {
						change = spot
					}
					s := own.spawn(idle(0), change)
					wait(time.Minute)
					if err := stop(t, w, s, own, other); err != nil {
						t.Fatal(err)
					}
					wait(2 * time.Minute)
					if got := other.get(s.ID); got.State != "live" || got.Compute.Status != spec.StatusStopped || w.cloud.count() != 1 {
						t.Fatalf("%s %s, %d machines", got.State, got.Reason, w.cloud.count())
					}
					w.cloud.set(func(c *cloud) { c.fail, c.lose = nil, nil })
					if _, err := other.Compute.Start(context.Background(), &compute.IDParams{Target: target("runpod"), ID: s.Compute.ID}); err != nil {
						t.Fatal(err)
					}
					wait(5 * time.Minute)
					w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].Status = spec.StatusStopped }) // by the cloud
					wait(2 * time.Minute)
					got := other.get(s.ID)
					if want := map[string]string{"spot": ReasonPreempted}[kind]; got.Reason != want {
						t.Fatalf("%s %s", got.State, got.Reason)
					}
				})
			})
		}
	}
}

func TestHalt_ByATerminateThroughAtlasIsNoPreemption(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s, taken := p.spawn(idle(0), spot), p.spawn(idle(0), spot)
		wait(time.Minute)
		if _, err := p.Compute.Terminate(context.Background(), &compute.IDParams{Target: target("runpod"), ID: s.Compute.ID}); err != nil {
			t.Fatal(err)
		}
		w.cloud.set(func(c *cloud) { delete(c.machines, taken.Compute.ID) })
		wait(time.Minute)
		for id, want := range map[string]string{s.ID: ReasonVanished, taken.ID: ReasonPreempted} {
			if got := p.get(id); got.State != "ended" || got.Reason != want {
				t.Errorf("%s %s, want %s", got.State, got.Reason, want)
			}
		}
		if told := w.told(s.Compute.ID); strings.Contains(told, "preempted") {
			t.Error(told)
		}
		for _, id := range []string{s.Compute.ID, taken.Compute.ID} {
			if _, found, err := w.store.GetValue(context.Background(), spaceHalts, haltKey("runpod", id)); found || err != nil {
				t.Error("what was noted of it stays for ever", err)
			}
		}
	})
}

func TestHalt_IsNotSentWhereNobodyCouldTellItFromAPreemption(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer q.close()
		defer p.close()
		s := p.spawn(idle(0), spot)
		q.store.set(func(what string) error {
			if what == "get" {
				return errors.New("the store is away")
			}
			return nil
		})
		err := q.pauseMachine(s)
		if e := spec.AsError(err); err == nil || !e.Retryable || w.cloud.calls[spec.OpStop] != 0 {
			t.Fatalf("%v, %d stops sent", err, w.cloud.calls[spec.OpStop])
		}
		q.store.set(nil)
	})
}

func TestHalt_OnExitIsNoPreemptionForTheNextProcess(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		s := p.spawn(idle(0), spot, func(p *SpawnParams) { p.OnExit = Stop })
		wait(time.Minute)
		p.store.set(func(what string) error { // the machine is stopped, and the process ends before it is written down
			if what == "commit" {
				return errors.New("the disk is full")
			}
			return nil
		})
		p.close()
		q := w.process()
		defer q.close()
		wait(2 * time.Minute)
		if got := q.get(s.ID); got.State != "live" || w.cloud.count() != 1 {
			t.Fatalf("%s %s", got.State, got.Reason)
		}
	})
}

// TestHalt_ByAnotherNameOfTheAccountIsNoPreemption has an account that is configured
// twice, or the credential of one in a call: machines are a cloud's, not an account's.
func TestHalt_ByAnotherNameOfTheAccountIsNoPreemption(t *testing.T) {
	for rented, stopped := range map[string]string{"runpod:acme": "runpod", "runpod": "runpod:acme"} {
		bubble(t, func(t *testing.T, w *world) {
			p, q := w.process(), w.process()
			defer q.close()
			defer p.close()
			for _, by := range []*process{p, q} {
				s := p.spawn(idle(0), spot, func(p *SpawnParams) { p.Provider = []string{rented} })
				wait(time.Minute)
				if _, err := by.Compute.Stop(context.Background(), &compute.IDParams{Target: target(stopped), ID: s.Compute.ID}); err != nil {
					t.Fatal(err)
				}
				wait(2 * time.Minute)
				if got := p.get(s.ID); got.State != "live" || got.Compute.Status != spec.StatusStopped {
					t.Errorf("stopped at %s: %s %s", stopped, got.State, got.Reason)
				}
			}
		})
	}
}

// TestHalt_ThatTheCloudDidNotTakeIsForgotten has a cloud that answers 429, or 409 for
// somebody's lease, which are to be tried again and were not carried out, and the machine
// taken back long after.
func TestHalt_ThatTheCloudDidNotTakeIsForgotten(t *testing.T) {
	for _, refusal := range []spec.Error{{Kind: spec.KindRateLimited, Message: "slower", Status: 429, Retryable: true}, {Kind: spec.KindConflict, Message: "leased", Status: 409, Retryable: true}} {
		bubble(t, func(t *testing.T, w *world) {
			p := w.process()
			defer p.close()
			s := p.spawn(idle(0), spot)
			wait(time.Minute)
			w.cloud.set(func(c *cloud) {
				c.fail = func(operation string, _ int) *spec.Error {
					if operation == spec.OpStop {
						return &refusal
					}
					return nil
				}
			})
			if p.pauseMachine(s) == nil {
				t.Fatal("it was stopped")
			}
			wait(haltGrace + time.Hour)
			w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].Status = spec.StatusStopped })
			wait(2 * time.Minute)
			if got := p.get(s.ID); got.Reason != ReasonPreempted {
				t.Fatalf("%s: %s %s", refusal.Kind, got.State, got.Reason)
			}
		})
	}
}
