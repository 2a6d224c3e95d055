package orchestrator

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

func TestSession_EndsExactlyWhenItWasIdleLongEnough(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s := p.spawn(idle(10 * time.Minute))
		wait(9*time.Minute + 59*time.Second)
		if err := p.touch(s.Compute.ID); err != nil { // by the machine's identifier
			t.Fatal(err)
		}
		wait(10*time.Minute - 20*time.Millisecond)
		if got := p.get(s.ID); got.State != "live" {
			t.Fatalf("%s 20 ms before its time", got.State)
		}
		wait(40 * time.Millisecond)
		got := p.get(s.ID)
		if got.State != "ended" || got.Reason != ReasonIdle || w.cloud.count() != 0 {
			t.Fatalf("%+v, %d machines", got, w.cloud.count())
		}
		if len(s.Compute.Actions) != 1 || got.Compute.Status != spec.StatusTerminated || len(got.Compute.Actions) != 0 {
			t.Fatalf("%v is permitted, and of a machine that is gone %+v", s.Compute.Actions, got.Compute)
		}
		if told := w.told(s.Compute.ID); !strings.HasPrefix(told, "provisioning status ready") || !strings.HasSuffix(told, "terminating terminated") {
			t.Fatal(told)
		}
		if err := p.touch(s.ID); spec.AsError(err).Kind != spec.KindConflict {
			t.Fatal(err)
		}
		if err := p.touch("nobody"); spec.AsError(err).Kind != spec.KindNotFound {
			t.Fatal(err)
		}
	})
}

func TestSession_EndsAtItsLifetimeCostAndReadinessLimits(t *testing.T) {
	for reason, change := range map[string]func(*SpawnParams){
		ReasonLifetime:   func(p *SpawnParams) { p.MaxLifetimeMS = time.Hour.Milliseconds() },
		ReasonCost:       func(p *SpawnParams) { p.MaxCost = 0.5 },
		ReasonNeverReady: func(p *SpawnParams) { p.ReadyTimeoutMS = ms(time.Hour) },
	} {
		t.Run(reason, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.cloud.status = map[bool]spec.Status{true: spec.StatusProvisioning, false: spec.StatusRunning}[reason == ReasonNeverReady]
				p := w.process()
				defer p.close()
				s := p.spawn(idle(0), change)
				wait(time.Hour - time.Second)
				if got := p.get(s.ID); got.State != "live" {
					t.Fatal("too early", got.Reason)
				}
				wait(1100 * time.Millisecond)
				if got := p.get(s.ID); got.State != "ended" || got.Reason != reason || *got.Spent < 0.49 || *got.Spent > 0.51 {
					t.Fatalf("%+v", got)
				}
			})
		})
	}
}

func TestSession_LivesItsWholeLifeHoweverLongItWaitedForCapacity(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		full := time.Now().Add(2 * time.Hour)
		w.cloud.set(func(c *cloud) {
			c.fail = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn && time.Now().Before(full) {
					return &spec.Error{Kind: spec.KindCapacity, Message: "none left"}
				}
				return nil
			}
		})
		s := p.spawn(idle(0), func(p *SpawnParams) {
			p.WaitForCapacityMS, p.MaxLifetimeMS = (6 * time.Hour).Milliseconds(), time.Hour.Milliseconds()
		})
		rented := time.Now()
		if row, _, err := w.store.Get(context.Background(), s.ID); err != nil || strings.Count(string(row.Doc), "request_id\":\"") > 3 {
			t.Errorf("it holds every create that was refused: %.2000s %v", row.Doc, err)
		}
		if ends, err := time.Parse(time.RFC3339, s.EndsAt); err != nil || ends.Sub(rented) > time.Hour || ends.Sub(rented) < time.Hour-time.Second {
			t.Errorf("ends at %s, rented at %s: %v", s.EndsAt, rented, err)
		}
		wait(30 * time.Minute)
		p.kill()
		q := w.process() // whoever takes it over counts alike
		defer q.close()
		wait(29 * time.Minute)
		if got := q.get(s.ID); got.State != "live" {
			t.Fatalf("%s %s after 59 minutes", got.State, got.Reason)
		}
		wait(2 * time.Minute)
		if got := q.get(s.ID); got.State != "ended" || got.Reason != ReasonLifetime {
			t.Fatalf("%s %s after 61 minutes", got.State, got.Reason)
		}
	})
}

// A cloud whose answers are lost for days costs the record no more than one with none.
// What it holds no more is given back when it turns up all the same.
func TestSession_HoldsABoundedNumberOfCreatesWhoseAnswersWereLost(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		full := time.Now().Add(5 * time.Hour)
		w.cloud.set(func(c *cloud) {
			c.fail = func(operation string, n int) *spec.Error {
				switch {
				case operation != spec.OpSpawn || time.Now().After(full):
					return nil
				case n == 1:
					return &spec.Error{Kind: spec.KindCapacity, Message: "none left"}
				}
				return &spec.Error{Kind: spec.KindTransport, Message: "cut", UnknownOutcome: true}
			}
		})
		told := make(chan *Session, 1)
		go func() {
			told <- p.spawn(idle(0), func(p *SpawnParams) { p.WaitForCapacityMS = (6 * time.Hour).Milliseconds() })
		}()
		wait(4 * time.Hour)
		list, err := p.List(context.Background(), &ListParams{})
		if err != nil || len(list.Items) != 1 {
			t.Fatal(list, err)
		}
		row, _, err := w.store.Get(context.Background(), list.Items[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		d, fault := decode(&row)
		if fault != nil || w.cloud.calls[spec.OpSpawn] < 300 || len(d.Intents) != intentsKept {
			t.Fatalf("%d creates of %d are held, %v", len(d.Intents), w.cloud.calls[spec.OpSpawn], fault)
		}
		w.stray("late", "mine", w.store.Identity()+"ofacreatelongago", spec.StatusRunning)
		wait(10 * time.Minute)
		if w.has("late") || p.get(row.ID).State != "intended" {
			t.Error("a machine of a create that the record holds no more goes on")
		}
		wait(2 * time.Hour)
		if s := <-told; s.State != "live" || w.cloud.count() != 1 {
			t.Errorf("%+v, %d machines", s, w.cloud.count())
		}
	})
}

func TestSession_OfUnknownPriceCannotKeepACostLimit(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.cloud.price = nil
		p := w.process()
		defer p.close()
		_, err := p.Spawn(context.Background(), params(func(p *SpawnParams) { p.MaxCost = 1 }))
		if spec.AsError(err).Kind != spec.KindBudget {
			t.Fatal(err)
		}
		wait(time.Second)
		if w.cloud.count() != 0 {
			t.Fatal("the machine was kept")
		}
	})
}

func TestSession_TerminateIsTriedUntilTheCloudSaysGone(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s := p.spawn(idle(time.Minute))
		w.cloud.set(func(c *cloud) { c.fail = broken(spec.OpTerminate) })
		wait(10 * time.Minute)
		got := p.get(s.ID)
		if got.State != "ending" || got.Error == nil || w.cloud.count() != 1 {
			t.Fatalf("%+v", got)
		}
		p.kill() // over a restart too
		q := w.process()
		defer q.close()
		wait(time.Minute)
		w.cloud.set(func(c *cloud) { c.fail = nil })
		wait(2 * time.Minute)
		if got := q.get(s.ID); got.State != "ended" || w.cloud.count() != 0 {
			t.Fatalf("%+v", got)
		}
		if told := w.told(s.Compute.ID); strings.Count(told, "terminating") != 1 || !strings.Contains(told, "terminate_failed") || strings.Count(told, " terminated") != 1 {
			t.Fatal(told)
		}
	})
}

func TestSession_OnlyAClearGoneCountsAsGone(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s := p.spawn(idle(0))
		wait(time.Minute)
		gone := w.cloud.machines[s.Compute.ID]
		w.cloud.set(func(c *cloud) {
			delete(c.machines, s.Compute.ID)
			c.fail = broken(spec.OpGet)
		})
		wait(5 * time.Minute) // missing from the listing, and the single look fails
		if got := p.get(s.ID); got.State != "live" {
			t.Fatalf("%s though nobody said it is gone", got.State)
		}
		w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID], c.fail = gone, broken(spec.OpList) })
		wait(5 * time.Minute)
		if got := p.get(s.ID); got.State != "live" {
			t.Fatal("a listing that fails ended it")
		}
		w.cloud.set(func(c *cloud) {
			delete(c.machines, s.Compute.ID)
			c.fail = nil
		})
		wait(time.Minute)
		if got := p.get(s.ID); got.State != "ended" || got.Reason != ReasonVanished {
			t.Fatalf("%+v", got)
		}
		if told := w.told(s.Compute.ID); !strings.HasSuffix(told, "vanished terminated") {
			t.Fatal(told)
		}
	})
}

func TestSession_PreemptedSpotMachineIsToldAndGivenBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s := p.spawn(idle(0))
		w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].Spot = true })
		wait(time.Minute)
		w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].Status = spec.StatusFailed })
		wait(time.Minute)
		if got := p.get(s.ID); got.State != "ended" || got.Reason != ReasonFailed || w.cloud.count() != 0 {
			t.Fatalf("%+v", got)
		}
	})
}

func TestSession_CredentialIsMadeAgainAndNeverStored(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		s := p.spawn(idle(0), func(p *SpawnParams) { p.Auth = "bearer"; p.Env = map[string]string{"SECRET": "canary-env"} })
		if s.Auth == nil || w.cloud.envs[s.Compute.ID]["ATLAS_PRESHARED_KEY"] != s.Auth.Token {
			t.Fatal("the machine has another credential than its user")
		}
		row, _, err := w.store.Get(context.Background(), s.ID)
		if err != nil || strings.Contains(string(row.Doc), s.Auth.Token) || strings.Contains(string(row.Doc), "canary-env") || !strings.Contains(string(row.Doc), s.Auth.Hash) {
			t.Fatalf("stored: %s", row.Doc)
		}
		p.kill()
		q := w.process()
		defer q.close()
		got, err := q.Get(context.Background(), &SessionParams{ID: s.ID, Credential: true})
		if err != nil || got.Auth == nil || *got.Auth != *s.Auth {
			t.Fatalf("%+v %v", got.Auth, err)
		}
		if q.get(s.ID).Auth != nil {
			t.Fatal("answered to who did not ask")
		}
	})
}

func TestSession_SaysWhyACredentialIsNotMadeAgain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s := p.spawn(idle(0), func(p *SpawnParams) { p.Auth = "bearer" })
		open := p.spawn(idle(0))
		unreadable := &spec.Error{Kind: spec.KindValidation, Message: "the key file can be read by others"}
		for want, key := range map[string]func() ([32]byte, error){
			"another key":           func() ([32]byte, error) { return [32]byte{4, 5, 6}, nil },
			"can be read by others": func() ([32]byte, error) { return [32]byte{}, unreadable },
		} {
			p.Key = key
			if got, err := p.Get(context.Background(), &SessionParams{ID: s.ID, Credential: true}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v, %v", got, err)
			}
			if p.get(s.ID).Auth != nil {
				t.Error("what needs no key is not answered without it")
			}
			if got, err := p.Get(context.Background(), &SessionParams{ID: open.ID, Credential: true}); err != nil || got.Auth != nil {
				t.Errorf("a session without a credential: %+v, %v", got, err)
			}
		}
	})
}

func TestSession_RefusesACredentialOfItsOwnAndRentsNothingWithoutTheStore(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		_, err := p.Spawn(context.Background(), params(func(p *SpawnParams) { p.APIKey = spec.NewSecret("k") }))
		if spec.AsError(err).Kind != spec.KindValidation {
			t.Fatal(err)
		}
		p.store.set(func(what string) error {
			if what == "commit" {
				return errors.New("the disk is full")
			}
			return nil
		})
		if _, err = p.Spawn(context.Background(), params()); err == nil || w.cloud.calls[spec.OpSpawn] != 0 {
			t.Fatalf("a create was sent that nobody wrote down: %v", err)
		}
		p.store.set(nil)
	})
}

// over tells of a subscription that ended by itself.
func over(sub *events.Subscription) string {
	select {
	case <-sub.Done():
		return ", over"
	default:
		return ""
	}
}

func TestSession_EventsOfAnEndedOneAreOverWithTheLast(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s := p.spawn(idle(time.Minute))
		wait(2 * time.Minute)
		for from, want := range map[uint64]string{1: "1 2 3 4 5, over", 4: "4 5, over", 0: "5, over", 99: "5, over"} {
			sub, err := p.Subscribe(context.Background(), s.Topic, from, func(*events.Subscription) {})
			if err != nil {
				t.Fatal(err)
			}
			sub.Start()
			var got []string
			for e, _ := sub.TakeEvent(); e != nil; e, _ = sub.TakeEvent() {
				got = append(got, string(rune('0'+e.Seq)))
			}
			if text := strings.Join(got, " ") + over(sub); text != want {
				t.Errorf("from %d: %s, want %s", from, text, want)
			}
		}
		if _, watched := p.Bus.Watched(s.Topic); watched {
			t.Error("the topic is looked at although nothing comes any more")
		}
	})
}

// A commit takes effect in the store before its answer is here, and whoever follows the
// store sees its events then.
func TestSession_NoEventIsToldAheadOfWhatTheSessionShows(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		s := p.spawn(idle(time.Minute))
		sub, err := p.Subscribe(context.Background(), s.Topic, 0, func(*events.Subscription) {})
		if err != nil {
			t.Fatal(err)
		}
		sub.Start()
		p.store.mu.Lock()
		p.store.hang = func(what string) {
			if what == "committed" {
				time.Sleep(3 * time.Second) // virtual; the store is followed twice a second
			}
		}
		p.store.mu.Unlock()
		seen := map[string]bool{}
		for range 3000 {
			wait(100 * time.Millisecond)
			for e, _ := sub.TakeEvent(); e != nil; e, _ = sub.TakeEvent() {
				seen[e.Name] = true
				if state := p.get(s.ID).State; e.Name == "terminating" && state == "live" || e.Name == "terminated" && state != "ended" {
					t.Errorf("%s is told, and the session is %s", e.Name, state)
				}
			}
		}
		if !seen["terminating"] || !seen["terminated"] {
			t.Errorf("told: %v", seen)
		}
	})
}

func TestSession_EventsReachASubscriberOnceFromAnyNumber(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer p.close()
		defer q.close()
		s := p.spawn(idle(time.Minute))
		type reader struct {
			who  *process
			from uint64
			want string
		}
		readers := []reader{{p, 1, "1 2 3 4 5, over"}, {q, 1, "1 2 3 4 5, over"}, {q, 3, "3 4 5, over"}, {p, 0, "4 5, over"}, {q, 0, "4 5, over"}}
		var got []func() string
		for _, r := range readers {
			sub, err := r.who.Subscribe(context.Background(), s.Topic, r.from, func(*events.Subscription) {})
			if err != nil {
				t.Fatal(err)
			}
			sub.Start()
			got = append(got, func() string {
				var out []string
				for {
					e, _ := sub.TakeEvent()
					if e == nil {
						return strings.Join(out, " ") + over(sub)
					}
					out = append(out, string(rune('0'+e.Seq)))
				}
			})
		}
		wait(2 * time.Minute)
		for i, r := range readers {
			if text := got[i](); text != r.want {
				t.Errorf("reader %d: %s, want %s", i, text, r.want)
			}
		}
	})
}
