package orchestrator

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

func TestShutdown_StopsNoMachineThatIsAnotherProcesss(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer q.close()
		s := p.spawn(idle(time.Hour), func(p *SpawnParams) { p.OnExit = Stop })
		p.store.set(func(string) error { return errors.New("cut off") })
		wait(30 * time.Second) // q has it now
		p.close()
		if c := w.cloud.machines[s.Compute.ID]; c == nil || c.Status != spec.StatusRunning {
			t.Fatalf("a process without a lease did this to another's machine: %+v", c)
		}
	})
}

func TestClose_KeepsItsTimeThoughACloudHangs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		s := p.spawn(idle(0), func(p *SpawnParams) { p.OnExit = Terminate })
		w.cloud.set(func(c *cloud) {
			c.during = func(ctx context.Context, operation string) {
				if operation == spec.OpTerminate {
					<-ctx.Done()
				}
			}
		})
		none := int64(0)
		if _, err := p.Stop(context.Background(), &StopParams{ID: s.ID, WaitMS: &none}); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		began := time.Now()
		p.close() // in 10 s
		if d := time.Since(began); d > 12*time.Second {
			t.Fatalf("it took %v", d)
		}
	})
}

func TestStop_WaitsForNoOtherSession(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer p.close()
		defer q.close()
		good := p.spawn(idle(0))
		w.cloud.set(func(c *cloud) { // its answer is lost and the listing hangs, so it is looked for, for minutes
			c.lose = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn {
					return &spec.Error{Kind: spec.KindTransport, Message: "reset", UnknownOutcome: true}
				}
				return nil
			}
			c.fail = broken(spec.OpFind)
		})
		if _, err := p.Spawn(context.Background(), params(idle(0))); err == nil {
			t.Fatal("it succeeded")
		}
		w.cloud.set(func(c *cloud) {
			c.fail = nil
			c.during = func(ctx context.Context, operation string) {
				if operation == spec.OpFind {
					<-ctx.Done()
				}
			}
		})
		wait(30 * time.Second)
		list, err := q.List(context.Background(), &ListParams{State: []string{"intended"}})
		if err != nil || len(list.Items) != 1 {
			t.Fatal(list, err)
		}
		none := int64(0)
		if _, err := q.Stop(context.Background(), &StopParams{ID: list.Items[0].ID, WaitMS: &none}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := p.Stop(ctx, &StopParams{ID: list.Items[0].ID, WaitMS: &none}); err != nil {
			t.Fatal("a stop with nothing to wait for: ", err)
		}
		wait(time.Second)
		ten := int64(10_000)
		if got, err := q.Stop(context.Background(), &StopParams{ID: good.ID, WaitMS: &ten}); err != nil || got.State != "ended" {
			t.Fatalf("%+v %v", got, err)
		}
		w.cloud.set(func(c *cloud) { c.during, c.lose = nil, nil })
	})
}

func TestSpawn_RefusesAnOnExitThatTheCloudCannotDo(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.cloud.stopless = true
		p := w.process()
		defer p.close()
		_, err := p.Spawn(context.Background(), params(func(p *SpawnParams) { p.OnExit = Stop }))
		if e := spec.AsError(err); err == nil || e.Kind != spec.KindUnsupported || w.cloud.calls[spec.OpSpawn] != 0 {
			t.Fatal(err, w.cloud.calls)
		}
		p.spawn(func(p *SpawnParams) { p.OnExit = Terminate })
	})
}

func TestShutdown_NamesWhatMayHaveBeenRented(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
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
		if _, err := p.Spawn(context.Background(), params(idle(0))); err == nil {
			t.Fatal("it succeeded")
		}
		report, err := p.Shutdown(context.Background(), &ShutdownParams{TimeoutMS: 1000})
		if err != nil || len(report.Left) != 1 {
			t.Fatalf("%+v %v: a machine that nobody was told of may go on", report, err)
		}
		w.cloud.set(func(c *cloud) { c.fail, c.lose = nil, nil })
	})
}

func TestShutdown_StoppedSpotMachineIsNotTakenForPreempted(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		s := p.spawn(idle(0), func(p *SpawnParams) { p.OnExit = Stop })
		w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].Spot = true })
		wait(time.Minute)
		p.close()
		q := w.process()
		defer q.close()
		wait(time.Minute)
		disk := 0.01 // what it costs while it is stopped
		w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].CostPerHour = &disk })
		wait(2 * time.Minute)
		if got := q.get(s.ID); got.State != "live" || w.cloud.machines[s.Compute.ID] == nil {
			t.Fatalf("%s, %s: it was stopped by its own client", got.State, got.Reason)
		}
		w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].Status = spec.StatusRunning }) // resumed
		wait(time.Minute)
		w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].Status = spec.StatusStopped }) // by the cloud
		wait(time.Minute)
		if got := q.get(s.ID); got.State != "ended" || got.Reason != ReasonPreempted {
			t.Fatalf("%s, %s", got.State, got.Reason)
		}
	})
}

// Its caller is told that it failed, and the next process would take the machine for one
// that is in use.
func TestClose_LeavesNoMachineThatTheStoreDidNotTake(t *testing.T) {
	for _, patience := range []time.Duration{time.Millisecond, time.Minute} { // of whoever closes
		for _, done := range []bool{false, true} { // the commit of the machine
			bubble(t, func(t *testing.T, w *world) {
				p := w.process()
				w.cloud.set(func(c *cloud) {
					c.lose = func(operation string, _ int) *spec.Error {
						if operation != spec.OpSpawn {
							return nil
						}
						p.store.set(func(what string) error {
							if what == "commit" && !done || what == "committed" || what == "get" {
								return errors.New("the disk fails")
							}
							return nil
						})
						return nil
					}
				})
				answer := make(chan error)
				go func() {
					_, err := p.Spawn(context.Background(), params(idle(0)))
					answer <- err
				}()
				wait(time.Second)
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				p.Close(ctx)
				if err := <-answer; err == nil {
					t.Fatal("it succeeded")
				}
				p.Compute.Close(context.Background())
				p.bus.Close()
				q := w.process()
				defer q.close()
				wait(5 * time.Minute)
				list, err := q.List(context.Background(), &ListParams{State: []string{"intended", "live", "ending", "ended"}})
				if err != nil || len(list.Items) != 1 || list.Items[0].State != "ended" || w.cloud.count() != 0 {
					t.Errorf("closed within %v, committed %v: %d machines, %+v %v", patience, done, w.cloud.count(), list, err)
				}
			})
		}
	}
}

// leaving cancels a spawn as soon as its create has made a machine, and loses the answer.
func leaving(w *world, cancel context.CancelFunc) {
	w.cloud.set(func(c *cloud) {
		c.lose = func(operation string, _ int) *spec.Error {
			if operation != spec.OpSpawn {
				return nil
			}
			cancel()
			return &spec.Error{Kind: spec.KindTransport, Message: "reset", UnknownOutcome: true}
		}
	})
}

func TestClose_WaitsUntilACancelledSpawnIsSettled(t *testing.T) {
	for _, rented := range []bool{true, false} {
		bubble(t, func(t *testing.T, w *world) {
			p := w.process()
			ctx, cancel := context.WithCancel(context.Background())
			leaving(w, cancel)
			if !rented {
				w.cloud.set(func(c *cloud) {
					c.fail = func(operation string, _ int) *spec.Error { return c.lose(operation, 0) }
				})
			}
			if _, err := p.Spawn(ctx, params(idle(0))); err == nil {
				t.Fatal("it succeeded")
			}
			within, done := context.WithTimeout(context.Background(), 5*time.Second)
			defer done()
			if !p.Close(within) {
				t.Error("something is left")
			}
			if !p.Compute.Close(within) {
				t.Error("a machine is still being given back")
			}
			p.bus.Close()
			list, err := w.store.List(context.Background(), store.Filter{Limit: 10, States: []store.State{store.Ended}})
			terminates := 0
			w.cloud.set(func(c *cloud) { terminates = c.calls[spec.OpTerminate] })
			if err != nil || len(list) != 1 || w.cloud.count() != 0 || rented && terminates != 1 {
				t.Errorf("rented %v: %d machines, %d terminates, ended: %+v %v", rented, w.cloud.count(), terminates, list, err)
			}
		})
	}
}

func TestClose_SettlesACancelledSpawnBeforeTheListingHas(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		ctx, cancel := context.WithCancel(context.Background())
		leaving(w, cancel)
		if _, err := p.Spawn(ctx, params(idle(0))); err == nil {
			t.Fatal("it succeeded")
		}
		within, done := context.WithTimeout(context.Background(), 500*time.Millisecond) // the listing lags by two seconds
		defer done()
		if !p.Close(within) {
			t.Error("a machine that its cloud has taken back is looked for")
		}
		p.Compute.Close(within)
		p.bus.Close()
	})
}

// A machine that cannot be found makes the close answer that something is left.
func TestClose_TellsOfACancelledSpawnThatItCannotSettle(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		ctx, cancel := context.WithCancel(context.Background())
		leaving(w, cancel)
		w.cloud.set(func(c *cloud) { c.fail = broken(spec.OpFind) })
		if _, err := p.Spawn(ctx, params(idle(0))); err == nil {
			t.Fatal("it succeeded")
		}
		within, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		if p.Close(within) {
			t.Error("nothing is left")
		}
		p.Compute.Close(within)
		p.bus.Close()
		w.cloud.set(func(c *cloud) { c.fail = nil })
		if w.leftAfter(time.Minute) != 0 {
			t.Error("its machine goes on")
		}
	})
}

// leftAfter lets the next process do what it has to, and returns how many machines go on.
func (w *world) leftAfter(d time.Duration) int {
	q := w.process()
	defer q.close()
	wait(d)
	return w.cloud.count()
}

// What the next process does not read in the store it does not do.
func TestClose_WithoutTimeWritesDownWhatEnds(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		for range 20 {
			p.spawn(idle(0), func(p *SpawnParams) { p.OnExit = Terminate })
		}
		none, cancel := context.WithCancel(context.Background())
		cancel()
		if p.Close(none) {
			t.Error("all is done")
		}
		p.Compute.Close(none)
		p.bus.Close()
		if n := w.leftAfter(time.Minute); n != 0 {
			t.Errorf("%d of 20 machines go on", n)
		}
	})
}

// The spawn's call was cancelled, and does not end before the close has to.
func TestClose_WithoutTimeLeavesNoMachineOfASpawnUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		w.cloud.set(func(c *cloud) {
			c.lose = func(operation string, _ int) *spec.Error {
				if operation == spec.OpSpawn {
					time.Sleep(3 * time.Second) // virtual
				}
				return nil
			}
		})
		ctx, cancel := context.WithCancel(context.Background())
		answer := make(chan error)
		go func() {
			_, err := p.Spawn(ctx, params(idle(0)))
			answer <- err
		}()
		wait(time.Second)
		cancel()
		p.Close(ctx)
		p.Compute.Close(ctx)
		p.line.cut.Store(true) // the host is closed, too
		if err := <-answer; err == nil {
			t.Fatal("it succeeded")
		}
		p.bus.Close()
		if n := w.leftAfter(time.Minute); n != 0 {
			t.Errorf("%d machines go on that nobody was told of", n)
		}
	})
}

// The store answers again while the cloud does not, and the process dies then.
func TestSpawn_ThatFailedUnwrittenIsWrittenDownAsSoonAsTheStoreAnswers(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		w.cloud.set(func(c *cloud) {
			c.lose = func(operation string, _ int) *spec.Error {
				if operation != spec.OpSpawn {
					return nil
				}
				p.store.set(failing(time.Minute, 1, "commit"))
				return &spec.Error{Kind: spec.KindTransport, Message: "reset", UnknownOutcome: true}
			}
			c.fail = broken(spec.OpFind)
		})
		if _, err := p.Spawn(context.Background(), params(idle(0))); err == nil {
			t.Fatal("it succeeded")
		}
		wait(80 * time.Second)
		p.kill()
		w.cloud.set(func(c *cloud) { c.fail, c.lose = nil, nil })
		if n := w.leftAfter(2 * time.Minute); n != 0 {
			t.Errorf("%d machines go on that nobody was told of", n)
		}
	})
}
