package orchestrator

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// odd puts a session into the store that this version cannot read, of a process that
// has a lease for a time.
func (w *world) odd(id string, state store.State, machine string, lives time.Duration) {
	w.t.Helper()
	ctx := context.Background()
	lease, _, err := w.store.Lease(ctx, "node/odd"+id, "odd"+id, lives.Milliseconds())
	if err != nil {
		w.t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	row := store.Session{ID: id, Owner: lease.Holder, Fence: lease.Fence, State: state, Provider: "runpod", ComputeID: machine, Created: now, Touched: now, Doc: []byte(`{"idle_ttl":"soon"}`)}
	if _, err := w.store.Commit(ctx, lease, []store.Change{{Session: row, New: true}}); err != nil {
		w.t.Fatal(err)
	}
}

func TestReaper_AnUnreadableSpawnKeepsItFromNothingElse(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.stray("old", "atlas-"+w.store.Identity()+"x", "", spec.StatusRunning)
		wait(time.Hour)
		w.odd("ses-odd", store.Intended, "", time.Minute)
		w.stray("its", "atlas-"+w.store.Identity()+"y", "", spec.StatusRunning)
		p := w.process()
		defer p.close()
		p.spawn(idle(0))
		wait(30 * time.Minute)
		if w.has("old") || !w.has("its") {
			t.Fatalf("a machine that is older goes on: %t; one that may be its own was given back: %t", w.has("old"), !w.has("its"))
		}
		report, err := p.Reap(context.Background(), &ReapParams{})
		if err != nil || fmt.Sprint(report.Items[0].Odd) != "[ses-odd]" || report.Items[0].Skipped != "" || report.Items[0].Error != nil {
			t.Fatalf("%+v %v", report, err)
		}
		wait(26 * time.Hour) // no spawn takes so long
		if w.has("its") {
			t.Fatal("a machine that no spawn can be about to name goes on")
		}
	})
}

func TestForget_EndsASessionThatCannotBeRead(t *testing.T) {
	for name, row := range map[string]struct {
		state   store.State
		machine string
	}{"intended": {store.Intended, ""}, "live": {store.Live, "its"}, "ending": {store.Ending, "its"}} {
		for _, elsewhere := range []bool{false, true} {
			bubble(t, func(t *testing.T, w *world) {
				ctx := context.Background()
				w.odd("ses-odd", row.state, row.machine, time.Second)
				w.stray("its", "atlas-"+w.store.Identity()+"y", "", spec.StatusRunning)
				wait(2 * time.Second)
				p := w.process()
				defer p.close()
				q := w.process()
				defer q.close()
				p.spawn(idle(0))
				wait(time.Minute)
				by := p
				if elsewhere {
					by = q
				}
				_, err := by.Stop(ctx, &StopParams{ID: "ses-odd"})
				if e := spec.AsError(err); e == nil || !strings.Contains(e.Message, "ses-odd") || !strings.Contains(e.Hint, "forget") {
					t.Fatalf("%s: what is wrong is not told: %+v", name, e)
				}
				got, err := by.Stop(ctx, &StopParams{ID: "ses-odd", Forget: true, WaitMS: ms(5 * time.Second)})
				if err != nil || got.State != "ended" || got.Reason != ReasonForgotten || got.Error == nil {
					t.Fatalf("%s, elsewhere %t: %+v %v", name, elsewhere, got, err)
				}
				if row.machine != "" {
					if told := w.told("its"); told != "terminated" {
						t.Errorf("%s: %s", name, told)
					}
					wait(time.Second)
					if w.has("its") {
						t.Errorf("%s: no terminate was sent", name)
					}
				}
				wait(10 * time.Minute)
				if w.has("its") || p.get("ses-odd").State != "ended" {
					t.Errorf("%s: its machine goes on", name)
				}
			})
		}
	}
}

// The one who acts on it is of the version that wrote it, or hangs: nobody else ends it.
func TestForget_LeavesAnUnreadableSessionToItsLivingOwner(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.odd("ses-odd", store.Live, "its", 24*time.Hour)
		p := w.process()
		defer p.close()
		got, err := p.Stop(context.Background(), &StopParams{ID: "ses-odd", Forget: true, WaitMS: ms(5 * time.Second)})
		if err != nil || got.State != "live" {
			t.Fatalf("%+v %v", got, err)
		}
		if words, err := w.store.Asked(context.Background(), "oddses-odd"); err != nil || len(words) != 1 || words[0].Word != wordForget {
			t.Fatal(words, err)
		}
	})
}
