package orchestrator

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
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
