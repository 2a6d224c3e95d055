package orchestrator

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

func (p *process) forgetNow(s *Session, wait time.Duration) (*Session, error) {
	return p.Stop(context.Background(), &StopParams{ID: s.ID, Forget: true, WaitMS: ms(wait)})
}

// last is a session's last event.
func (w *world) last(s *Session) store.Event {
	w.t.Helper()
	list, _, err := w.store.Events(context.Background(), s.Topic, 1, page)
	if err != nil || len(list) == 0 {
		w.t.Fatal(list, err)
	}
	return list[len(list)-1]
}

func TestForget_EndsASessionWhoseMachineNoCredentialShows(t *testing.T) {
	for _, state := range []string{"live", "ending"} {
		bubble(t, func(t *testing.T, w *world) {
			w.accounts()
			p := w.process()
			ttl := time.Duration(0)
			if state == "ending" {
				ttl = time.Hour
			}
			s := p.spawn(idle(ttl))
			p.kill()
			w.key = "other"
			q, r := w.process(), w.process()
			wait(2 * time.Hour)
			if got := q.get(s.ID); got.State != state {
				t.Fatal(got.State)
			}
			got, err := r.forgetNow(s, 5*time.Second) // by whichever process
			if err != nil || got.State != "ended" || got.Reason != ReasonForgotten || got.EndedAt == "" || got.Compute.Status == spec.StatusTerminated {
				t.Fatalf("%+v %v", got, err)
			}
			if e := w.last(s); e.Name != "terminated" || !strings.Contains(string(e.Data), `"confirmed":false`) || !strings.Contains(string(e.Data), `"final":true`) {
				t.Errorf("%s %s", e.Name, e.Data)
			}
			if again, err := q.forgetNow(s, 0); err != nil || again.EndedAt != got.EndedAt {
				t.Errorf("twice: %+v %v", again, err)
			}
			wait(10 * time.Minute)
			if q.Tracked()+r.Tracked() != 0 || w.cloud.count() != 1 || w.last(s).Name != "terminated" {
				t.Fatalf("%d sessions, %d machines, %s", q.Tracked()+r.Tracked(), w.cloud.count(), w.told(s.Compute.ID))
			}
			q.close()
			r.close()
			w.key = "old" // the account is found again, and its machine with it
			last := w.process()
			defer last.close()
			wait(10 * time.Minute)
			if w.cloud.count() != 0 {
				t.Fatal("the reaper does not know the machine any more")
			}
		})
	}
}

func TestForget_IsRefusedWhileTheMachineCanBeGivenBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.accounts()
		p, q := w.process(), w.process()
		s := p.spawn(idle(0))
		for _, by := range []*process{p, q} {
			_, err := by.forgetNow(s, time.Second)
			if e := spec.AsError(err); err == nil || e.Kind != spec.KindConflict || !strings.Contains(e.Hint, "stop it first") {
				t.Errorf("%v", err)
			}
		}
		if _, err := p.forgetNow(&Session{ID: "ses-none"}, 0); spec.AsError(err).Kind != spec.KindNotFound {
			t.Error(err)
		}
		q.close()
		w.key = "other" // one process has a wrong key, the session's own has the right one
		r := w.process()
		got, err := r.forgetNow(s, 5*time.Second)
		if err != nil || got.State != "live" {
			t.Errorf("%+v %v", got, err)
		}
		wait(time.Minute)
		if words, err := w.store.Asked(context.Background(), p.node.holder); err != nil || len(words) > 0 {
			t.Errorf("a word that was refused is left: %v %v", words, err)
		}
		r.close()
		p.kill()
		w.key = "rotated" // another key of the account: the first look at the machine shows it
		last := w.process()
		defer last.close()
		wait(time.Second)
		if _, err := last.forgetNow(s, time.Second); spec.AsError(err).Kind != spec.KindConflict {
			t.Errorf("%v, %s", err, last.get(s.ID).State)
		}
		if got := last.get(s.ID); got.State != "live" || w.cloud.count() != 1 {
			t.Errorf("%s, %d machines", got.State, w.cloud.count())
		}
	})
}

func TestForget_DoesNotWaitForACloudThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(func(s *Settings) { s.ReapEvery = -1 }), w.process(func(s *Settings) { s.ReapEvery = -1 })
		defer q.close()
		defer p.close()
		own, others := p.spawn(idle(time.Minute)), p.spawn(idle(time.Minute))
		w.cloud.set(func(c *cloud) {
			c.during = func(ctx context.Context, operation string) {
				if operation == spec.OpTerminate {
					<-ctx.Done()
				}
			}
		})
		wait(10*time.Minute + 10*time.Second) // a terminate is under way
		for by, s := range map[*process]*Session{p: own, q: others} {
			began := time.Now()
			got, err := by.forgetNow(s, time.Minute)
			if took := time.Since(began); err != nil || got.State != "ended" || took > 2*time.Second {
				t.Errorf("after %v: %+v %v", took, got, err)
			}
			if told := w.told(s.Compute.ID); strings.Count(told, "terminating") != 1 || !strings.HasSuffix(told, "terminated") {
				t.Error(told)
			}
		}
		w.cloud.set(func(c *cloud) { c.during = nil })
		wait(5 * time.Minute)
	})
}

func TestForget_EndsASpawnOfWhichNobodyKnowsWhatItRented(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.accounts()
		p := w.process()
		w.cloud.set(func(c *cloud) {
			c.lose = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn {
					return &spec.Error{Kind: spec.KindTransport, Message: "reset", UnknownOutcome: true}
				}
				return nil
			}
			c.fail = broken(spec.OpFind)
		})
		if _, err := p.Spawn(context.Background(), params()); err == nil {
			t.Fatal("its answer was lost")
		}
		list, err := p.List(context.Background(), &ListParams{})
		if err != nil || len(list.Items) != 1 || list.Items[0].State != "intended" {
			t.Fatalf("%+v %v", list, err)
		}
		s := &list.Items[0]
		got, err := p.forgetNow(s, 5*time.Second)
		if err != nil || got.State != "ended" || got.Reason != ReasonForgotten {
			t.Fatalf("%+v %v", got, err)
		}
		w.cloud.set(func(c *cloud) { c.fail, c.lose = nil, nil })
		wait(10 * time.Minute)
		defer p.close()
		if w.cloud.count() != 0 {
			t.Fatal("the reaper does not give back what was forgotten")
		}
	})
}

// TestForget_ComesAfterAStopThatWasCarriedOut has another process stop a spawn of which
// nobody knows what it rented, and then forget it: what is left of the stop is in the
// session, and its word stands in no other one's way.
func TestForget_ComesAfterAStopThatWasCarriedOut(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.accounts()
		p, q := w.process(), w.process()
		defer q.close()
		defer p.close()
		w.cloud.set(func(c *cloud) {
			c.lose = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn {
					return &spec.Error{Kind: spec.KindTransport, Message: "reset", UnknownOutcome: true}
				}
				return nil
			}
			c.fail = broken(spec.OpFind)
		})
		if _, err := p.Spawn(context.Background(), params()); err == nil {
			t.Fatal("its answer was lost")
		}
		list, err := q.List(context.Background(), &ListParams{})
		if err != nil || len(list.Items) != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		s := &list.Items[0]
		if got, err := q.Stop(context.Background(), &StopParams{ID: s.ID, WaitMS: ms(10 * time.Minute)}); err != nil || got.State != "intended" {
			t.Fatalf("%+v %v", got, err)
		}
		if words, err := w.store.Asked(context.Background(), p.node.holder); err != nil || len(words) > 0 {
			t.Errorf("a word that was carried out is left: %v %v", words, err)
		}
		if got, err := q.forgetNow(s, 10*time.Second); err != nil || got.State != "ended" || got.Reason != ReasonForgotten {
			t.Errorf("%+v %v", got, err)
		}
		w.cloud.set(func(c *cloud) { c.fail, c.lose = nil, nil })
		wait(10 * time.Minute)
	})
}

func TestForget_SendsOneMoreTerminate(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process(func(s *Settings) { s.ReapEvery = -1 })
		defer p.close()
		s := p.spawn(idle(time.Minute))
		w.cloud.set(func(c *cloud) { c.fail = broken(spec.OpTerminate) })
		wait(10*time.Minute + 5*time.Second)
		w.cloud.set(func(c *cloud) { c.fail = nil })
		if got, err := p.forgetNow(s, time.Second); err != nil || got.State != "ended" {
			t.Fatalf("%+v %v", got, err)
		}
		wait(time.Second)
		if w.cloud.count() != 0 {
			t.Error("the machine is left, and the cloud would have taken it")
		}
	})
}

// TestForget_TakesNoStopBack has somebody who sees no machine of a session forget it
// after it was stopped, while nobody acts on it: its next owner can give the machine
// back, refuses to forget it, and was asked to stop it all the same.
func TestForget_TakesNoStopBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.accounts()
		p := w.process()
		s := p.spawn(idle(0))
		w.key = "other"
		o := w.process(observing)
		defer o.close()
		p.kill()
		if got, err := o.Stop(context.Background(), &StopParams{ID: s.ID, WaitMS: ms(0)}); err != nil || got.State != "live" {
			t.Fatalf("%+v %v", got, err)
		}
		if _, err := o.forgetNow(s, 5*time.Second); err != nil {
			t.Fatal(err)
		}
		w.key = "old"
		q := w.process()
		defer q.close()
		wait(5 * time.Minute)
		if got := q.get(s.ID); got.State != "ended" || got.Reason != ReasonStopped || w.cloud.count() != 0 {
			t.Fatalf("%s %s, %d machines", got.State, got.Reason, w.cloud.count())
		}
	})
}
