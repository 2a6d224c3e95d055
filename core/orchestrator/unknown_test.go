package orchestrator

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// failing spoils the methods named, from the nth call of them on for a time.
func failing(d time.Duration, nth int, names ...string) func(string) error {
	n, until := 0, time.Time{}
	return func(what string) error {
		for _, name := range names {
			if what != name && name != "all" {
				continue
			}
			if n++; n == nth {
				until = time.Now().Add(d)
			}
			if n >= nth && time.Now().Before(until) {
				return errors.New("cut")
			}
		}
		return nil
	}
}

func TestSpawn_ThatWasToldToHaveFailedLeavesNoMachine(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		committed, cut := 0, time.Time{}
		p.store.set(func(what string) error { // the machine is written down, the answer lost, and the store away for longer than the spawn waits
			if what == "committed" {
				if committed++; committed == 2 {
					cut = time.Now().Add(8 * time.Second)
				}
			}
			if time.Now().Before(cut) && what != "lease" {
				return errors.New("cut")
			}
			return nil
		})
		if s, err := p.Spawn(context.Background(), params(idle(0))); err == nil {
			t.Fatalf("the spawn succeeded: %+v", s)
		}
		wait(time.Minute)
		if n := w.cloud.count(); n != 0 {
			t.Fatalf("%d machines go on that nobody was told of", n)
		}
	})
}

func TestStop_OfASpawnUnderWaySurvivesACrash(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		stopped := errors.New("not asked")
		w.cloud.set(func(c *cloud) {
			c.during = func(_ context.Context, operation string) {
				if operation == spec.OpSpawn {
					list, err := p.List(context.Background(), &ListParams{})
					if err != nil || len(list.Items) != 1 {
						t.Error(list, err)
						return
					}
					none := int64(0)
					_, stopped = p.Stop(context.Background(), &StopParams{ID: list.Items[0].ID, WaitMS: &none})
				}
			}
		})
		commits := 0
		p.store.set(func(what string) error { // killed as soon as the machine is written down
			if what == "commit" {
				commits++
			}
			if commits > 3 {
				return errors.New("killed")
			}
			return nil
		})
		_, err := p.Spawn(context.Background(), params(idle(0)))
		if err == nil || stopped != nil {
			t.Fatal(err, stopped)
		}
		p.kill()
		w.cloud.set(func(c *cloud) { c.during = nil })
		q := w.process()
		defer q.close()
		wait(time.Minute)
		if n := w.cloud.count(); n != 0 {
			t.Fatal("a session goes on whose stop was answered")
		}
	})
}

// The machine is found and written down, the answer lost, and the session stopped before
// it is read again: what memory takes for a spawn of unknown outcome has a machine.
func TestStop_OfASessionThatMemoryTakesForAnUnsettledSpawn(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		commits := 0
		p.store.set(func(what string) error { // killed before the machine is written down
			if what == "commit" {
				commits++
			}
			if commits > 1 {
				return errors.New("killed")
			}
			return nil
		})
		go func() { _, _ = p.Spawn(context.Background(), params(idle(0))) }()
		wait(time.Second)
		p.kill()
		q := w.process()
		defer q.close()
		answered := 0
		q.store.set(func(what string) error {
			if what == "committed" {
				answered++
			}
			if what == "committed" && answered == 1 {
				return errors.New("cut")
			}
			return nil
		})
		var s Session
		for s.State != "live" {
			wait(10 * time.Millisecond)
			list, err := q.List(context.Background(), &ListParams{})
			if err != nil || len(list.Items) != 1 {
				t.Fatal(list, err)
			}
			s = list.Items[0]
		}
		if got, err := q.Stop(context.Background(), &StopParams{ID: s.ID, WaitMS: ms(30 * time.Second)}); err != nil || got.State != "ended" || got.Reason != ReasonStopped {
			t.Errorf("%+v %v", got, err)
		}
		if n := w.cloud.count(); n != 0 {
			t.Errorf("%d machines", n)
		}
	})
}

func TestStop_OfASpawnThatWaitsForCapacityRentsNothing(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		bubble(t, func(t *testing.T, w *world) {
			p, q := w.process(), w.process()
			defer q.close()
			defer p.close()
			full := time.Now().Add(10 * time.Minute)
			w.cloud.set(func(c *cloud) {
				c.fail = func(operation string, _ int) *spec.Error {
					if operation == spec.OpSpawn && time.Now().Before(full) {
						return &spec.Error{Kind: spec.KindCapacity, Message: "none left"}
					}
					return nil
				}
			})
			told := make(chan error, 1)
			go func() {
				_, err := p.Spawn(context.Background(), params(func(p *SpawnParams) { p.WaitForCapacityMS = time.Hour.Milliseconds() }))
				told <- err
			}()
			wait(3 * time.Minute) // it asks once a minute by now
			list, err := p.List(context.Background(), &ListParams{})
			if err != nil || len(list.Items) != 1 {
				t.Fatal(list, err)
			}
			tries, by := w.cloud.calls[spec.OpSpawn], p
			if elsewhere {
				by = q
			}
			s, err := by.Stop(context.Background(), &StopParams{ID: list.Items[0].ID, WaitMS: ms(10 * time.Second)})
			if err != nil || s.State != "ended" || s.Reason != ReasonStopped {
				t.Fatalf("%+v %v", s, err)
			}
			wait(time.Second)
			select {
			case err := <-told:
				if e := spec.AsError(err); e == nil || e.Kind != spec.KindCancelled || e.UnknownOutcome {
					t.Error(err)
				}
			default:
				t.Error("the spawn goes on")
			}
			wait(time.Hour)
			if n := w.cloud.calls[spec.OpSpawn]; n != tries || w.cloud.count() != 0 {
				t.Errorf("%d creates after the stop, %d machines", n-tries, w.cloud.count())
			}
		})
	}
}

// waiting starts a spawn that waits for capacity until a time, and tells its end.
func (p *process) waiting(until time.Time) chan error {
	p.w.cloud.set(func(c *cloud) {
		c.fail = func(operation string, _ int) *spec.Error {
			if operation == spec.OpSpawn && time.Now().Before(until) {
				return &spec.Error{Kind: spec.KindCapacity, Message: "none left"}
			}
			return nil
		}
	})
	told := make(chan error, 1)
	go func() {
		_, err := p.Spawn(context.Background(), params(idle(0), func(p *SpawnParams) { p.WaitForCapacityMS = (2 * time.Hour).Milliseconds() }))
		told <- err
	}()
	return told
}

func TestSpawn_ThatWaitsForCapacityEndsWithAStoreThatStaysAway(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		told := p.waiting(time.Now().Add(24 * time.Hour))
		wait(3 * time.Minute)
		p.store.set(func(string) error { return errors.New("cut") })
		defer p.close()
		defer p.store.set(nil)
		tries := w.cloud.calls[spec.OpSpawn]
		wait(15 * time.Minute)
		select {
		case err := <-told:
			if err == nil || !spec.AsError(err).Retryable {
				t.Error(err)
			}
		default:
			t.Error("it goes on waiting, and nobody hears of the store")
		}
		if n := w.cloud.calls[spec.OpSpawn]; n != tries {
			t.Errorf("%d creates were sent that no record holds", n-tries)
		}
	})
}

func TestSpawn_ThatWaitsForCapacityRidesOutAStoreThatIsAway(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(string) error
		full  time.Duration
	}{
		"for less than a lease": {failing(10*time.Second, 1, "all"), 20 * time.Minute},
		"for longer":            {failing(4*time.Minute, 1, "all"), 20 * time.Minute},
		"for longer, and it is back as the machine is there": {failing(4*time.Minute, 1, "all"), 3*time.Minute + 30*time.Second},
		"for commits alone": {failing(3*time.Minute, 1, "commit"), 20 * time.Minute},
		"with answers lost": {failing(3*time.Minute, 1, "committed"), 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := w.process()
				defer p.close()
				told := p.waiting(time.Now().Add(c.full))
				wait(3 * time.Minute)
				p.store.set(c.spoil)
				for range 30 {
					wait(time.Minute)
					if rows, err := w.store.List(context.Background(), store.Filter{}); err != nil || len(rows) != 1 || rows[0].State > store.Live {
						t.Fatalf("%+v %v", rows, err)
					}
				}
				p.store.set(nil)
				select {
				case err := <-told:
					if err != nil {
						t.Fatal(err)
					}
				default:
					t.Fatal("it goes on waiting")
				}
				list, err := p.List(context.Background(), &ListParams{})
				if err != nil || len(list.Items) != 1 || list.Items[0].State != "live" || w.cloud.count() != 1 || p.Tracked() != 1 {
					t.Fatalf("%+v %v, %d machines, %d sessions", list, err, w.cloud.count(), p.Tracked())
				}
				if told := w.told(list.Items[0].Compute.ID); count(told, "provisioning") != 1 || count(told, "adopted") != 0 {
					t.Error(told)
				}
				if s, err := p.Stop(context.Background(), &StopParams{ID: list.Items[0].ID}); err != nil || s.State != "ended" || w.cloud.count() != 0 {
					t.Fatalf("%+v %v", s, err)
				}
			})
		})
	}
}

// The lease is lost while the create is under way, and its answer comes before the process
// has claimed back what it had.
func TestSpawn_OfAProcessThatLostItsLeaseIsItsOwnStill(t *testing.T) {
	for after := time.Duration(0); after < 25*time.Second; after += time.Second {
		bubble(t, func(t *testing.T, w *world) {
			p := w.process(func(s *Settings) { s.Lease = 30 * time.Second })
			defer p.close()
			w.cloud.set(func(c *cloud) {
				c.during = func(_ context.Context, operation string) {
					if operation == spec.OpSpawn {
						p.store.set(failing(time.Minute, 1, "lease"))
						time.Sleep(time.Minute + after)
					}
				}
			})
			s, err := p.Spawn(context.Background(), params(idle(0)))
			if err != nil || s.State != "live" || w.cloud.count() != 1 {
				t.Fatalf("after %s: %+v %v, %d machines", after, s, err, w.cloud.count())
			}
			wait(10 * time.Minute)
			if got := p.get(s.ID); got.State != "live" || w.cloud.count() != 1 || p.Tracked() != 1 {
				t.Fatalf("after %s: %+v, %d machines", after, got, w.cloud.count())
			}
		})
	}
}

// The row of the spawn is not there yet when the store goes away: its first cloud has
// nothing to offer, so nothing was written down.
func TestSpawn_WhoseFirstCommitFailedIsWrittenDownLater(t *testing.T) {
	for _, cut := range []string{"commit", "committed"} {
		bubble(t, func(t *testing.T, w *world) {
			p := w.process()
			defer p.close()
			sp := &spawning{service: p.Service, params: params(), t: newTracked("ses-1")}
			sp.t.ours, sp.t.spawning = true, true
			in := compute.Intent{Provider: "runpod", RequestID: "r1", Name: "n1", OwnName: true}
			p.store.set(failing(time.Minute, 1, cut, "lease"))
			if e, passes := sp.intend(context.Background(), in); e == nil || !passes {
				t.Fatal(e, passes)
			}
			wait(2 * time.Minute) // the lease is another one by now
			in.RequestID = "r2"
			if e, _ := sp.intend(context.Background(), in); e != nil {
				t.Fatal(cut, e)
			}
			row, found, err := w.store.Get(context.Background(), "ses-1")
			if err != nil || !found || row.State != store.Intended || !strings.Contains(string(row.Doc), "r2") {
				t.Fatalf("%+v %v", row, err)
			}
			_ = sp.failed(&spec.Error{Kind: spec.KindCapacity})
			if got := p.get("ses-1"); got.State != "ended" {
				t.Fatalf("%+v", got)
			}
		})
	}
}

// The first commit is carried out only after it was looked for and not found.
func TestSpawn_WhoseFirstCommitComesLateGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		lease, _ := p.node.current()
		sp := &spawning{service: p.Service, params: params(), t: newTracked("ses-1")}
		sp.t.ours, sp.t.spawning = true, true
		in := compute.Intent{Provider: "runpod", RequestID: "r1", Name: "n1", OwnName: true}
		commits := 0
		p.store.set(func(what string) error {
			if what != "commit" {
				return nil
			}
			if commits++; commits == 1 {
				return errors.New("cut")
			}
			if row, _ := sp.t.whole(); commits == 2 {
				row.Doc = []byte(`{"on_exit":"keep"}`)
				if _, err := w.store.Commit(context.Background(), lease, []store.Change{{New: true, Session: row}}); err != nil {
					t.Error(err)
				}
			}
			return nil
		})
		for try := range 3 {
			if e, passes := sp.intend(context.Background(), in); (e == nil) != (try == 2) || e != nil && !passes {
				t.Fatal(try, e, passes)
			}
		}
		_ = sp.failed(&spec.Error{Kind: spec.KindCapacity})
		if got := p.get("ses-1"); got.State != "ended" || p.Tracked() != 0 {
			t.Fatalf("%+v", got)
		}
	})
}

// A spawn that waits long for its cloud's next word does not keep the reaper from that
// cloud once its process has its lease again.
func TestSpawn_ThatOutlivedALeaseIsReadAgainThoughItWaits(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		w.cloud.set(func(c *cloud) {
			c.fail = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn {
					return &spec.Error{Kind: spec.KindCapacity, Message: "none left", RetryAfterMS: time.Hour.Milliseconds()}
				}
				return nil
			}
		})
		ctx, cancel := context.WithCancel(context.Background())
		told := make(chan struct{})
		go func() {
			defer close(told)
			_, _ = p.Spawn(ctx, params(func(p *SpawnParams) { p.WaitForCapacityMS = (24 * time.Hour).Milliseconds() }))
		}()
		wait(10 * time.Second)
		p.store.set(failing(time.Minute, 1, "lease"))
		wait(2 * time.Minute)
		if !p.settled("runpod") {
			t.Error("the reaper keeps off the cloud")
		}
		cancel()
		<-told
	})
}

// While one process is cut off, another takes the spawn's session over and finds that
// nothing was rented.
func TestSpawn_ThatWaitsForCapacityEndsWhereAnotherProcessTookItsSession(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer p.close()
		defer q.close()
		told := p.waiting(time.Now().Add(20 * time.Minute))
		wait(3 * time.Minute)
		p.store.set(failing(4*time.Minute, 1, "all"))
		wait(30 * time.Minute)
		p.store.set(nil)
		select {
		case err := <-told:
			if e := spec.AsError(err); e == nil || e.Kind != spec.KindConflict || !e.Retryable {
				t.Error(err)
			}
		default:
			t.Error("it goes on waiting")
		}
		if w.cloud.count() != 0 || p.Tracked()+q.Tracked() != 0 {
			t.Errorf("%d machines, %d sessions", w.cloud.count(), p.Tracked()+q.Tracked())
		}
	})
}

func TestSpawn_WhoseCostCannotBeLimitedIsGivenBackThoughTheStoreFails(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.cloud.price = nil
		p := w.process()
		defer p.close()
		p.store.set(failing(time.Second, 3, "commit"))
		if _, err := p.Spawn(context.Background(), params(idle(0), func(p *SpawnParams) { p.MaxCost = 1 })); err == nil {
			t.Fatal("it has no price")
		}
		wait(time.Minute)
		if w.cloud.count() != 0 {
			t.Fatal("the machine was kept")
		}
	})
}

func TestList_TellsOfASessionThatCannotBeReadAndOfTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		lease, _, err := w.store.Lease(ctx, "node/older", "older", time.Minute.Milliseconds())
		if err != nil {
			t.Fatal(err)
		}
		row := store.Session{ID: "ses-0", Owner: "older", Fence: lease.Fence, State: store.Live, Provider: "runpod", ComputeID: "m-odd", UserID: "u-1", Doc: []byte(`{"idle_ttl":"soon"}`)}
		if _, err := w.store.Commit(ctx, lease, []store.Change{{Session: row, New: true}}); err != nil {
			t.Fatal(err)
		}
		p := w.process()
		defer p.close()
		s := p.spawn()
		list, err := p.List(ctx, &ListParams{})
		if err != nil || len(list.Items) != 2 || list.Items[1].ID != s.ID {
			t.Fatalf("%+v %v", list, err)
		}
		odd := list.Items[0]
		if odd.ID != "ses-0" || odd.State != "live" || odd.UserID != "u-1" || odd.Topic != "compute:m-odd" || odd.Error == nil || odd.Error.Kind != spec.KindInternal {
			t.Errorf("%+v", odd)
		}
	})
}

func TestClaim_WhoseAnswerWasLostIsMadeGood(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		s := p.spawn(idle(10 * time.Minute))
		wait(2 * time.Second)
		p.kill()
		q := w.process()
		defer q.close()
		q.store.set(failing(17*time.Second, 1, "claimed")) // the store has given q the session, and q does not know
		wait(30 * time.Second)
		q.store.set(nil)
		wait(10 * time.Minute)
		if got := q.get(s.ID); got.State != "ended" || w.cloud.count() != 0 {
			t.Fatalf("%s, its owner does not act on it", got.State)
		}
		if told := w.told(s.Compute.ID); count(told, "adopted")+count(told, "taken_over") != 1 {
			t.Fatal(told)
		}
	})
}

func TestNote_WhoseAnswerWasLostIsToldOnce(t *testing.T) {
	for _, cut := range []string{"commit", "committed"} {
		t.Run(cut, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := w.process()
				s := p.spawn(idle(time.Hour))
				wait(2 * time.Second)
				p.kill()
				q := w.process()
				defer q.close()
				q.store.set(failing(18*time.Second, 1, cut)) // q takes it over within that time
				wait(time.Minute)
				q.store.set(nil)
				if told := w.told(s.Compute.ID); count(told, "taken_over") != 1 {
					t.Fatal(told)
				}
			})
		})
	}
}

func TestNote_WhoseAnswerWasLostDoesNotStopTheReaper(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.cloud.price = nil // so that nothing is due for it by itself
		p := w.process()
		defer p.close()
		s := p.spawn(idle(0))
		wait(2 * time.Minute)
		p.store.set(failing(time.Second, 1, "committed"))
		if err := p.touch(s.ID); err != nil { // after a minute, so it is told as a heartbeat
			t.Fatal(err)
		}
		wait(5 * time.Second)
		p.store.set(nil)
		w.stray("ours", "atlas-"+w.store.Identity()+"x", "", spec.StatusRunning)
		wait(10 * time.Minute)
		if w.has("ours") {
			t.Fatal("the reaper waits for a session that nobody reads again")
		}
	})
}
