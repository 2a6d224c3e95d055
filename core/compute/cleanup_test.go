package compute

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// sent lists the request ids of the creates.
func (f *fake) sent() []string {
	var ids []string
	for i := range f.spawns {
		ids = append(ids, f.spawns[i].RequestID)
	}
	return ids
}

func TestCleanUp_IsAskedForEachCreateThatMadeNoMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
			switch n {
			case 1:
				return noCapacity(), false
			case 2, 3:
				return lost(), false
			}
			return lost(), true // adopted
		}
		r := newRig(f, Settings{Settle: time.Second})
		if got, err := r.Spawn(context.Background(), gpu("h100")); err != nil || got.ID != "m4" {
			t.Fatalf("%+v %v", got, err)
		}
		r.finish(t)
		if want := f.sent()[:3]; !slices.Equal(f.cleaned, want) || len(f.machines) != 1 {
			t.Errorf("cleaned up %v of %v", f.cleaned, f.sent())
		}
	})
}

func TestCleanUp_IsNotAskedWhereNothingWasMade(t *testing.T) {
	for want, failures := range [][]spec.Error{
		{{Kind: spec.KindValidation}, {Kind: spec.KindForbidden}, {Kind: spec.KindUnsupported}, {Kind: spec.KindUnauthorized, Status: 401}}, // nothing was sent, or all would be refused
		{{Kind: spec.KindValidation, Status: 422}, {Kind: spec.KindForbidden, Status: 403}},                                                 // what was made before may be left
	} {
		for _, failure := range failures {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return &failure, false }
				r := newRig(f, Settings{})
				p := gpu("h100")
				p.CloudType = spec.CloudSecure
				if _, err := r.Spawn(context.Background(), p); kind(err) != failure.Kind {
					t.Error(err)
				}
				r.finish(t)
				if len(f.cleaned) != want {
					t.Errorf("%s, status %d: cleaned up %v", failure.Kind, failure.Status, f.cleaned)
				}
			})
		}
	}
}

func TestCleanUp_OutlivesARefusalThatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return noCapacity(), false }
		f.before = func(_ context.Context, n int, operation string) *spec.Error {
			if operation == spec.OpCleanUp && n < 3 {
				return &spec.Error{Kind: spec.KindValidation, Message: "a web page in place of an answer", Status: 422}
			}
			return nil
		}
		r := newRig(f, Settings{})
		p := gpu("h100")
		p.CloudType = spec.CloudSecure
		if _, err := r.Spawn(context.Background(), p); kind(err) != spec.KindCapacity {
			t.Error(err)
		}
		r.finish(t)
		if len(f.cleaned) != 1 || len(r.rentals(t)) != 0 {
			t.Errorf("cleaned up %v, told %v", f.cleaned, r.rentals(t))
		}
	})
}

func TestCleanUp_IsAskedAfterACallerWhoLeft(t *testing.T) {
	for name, blind := range map[string]bool{"the listing says that there is no machine": false, "the listing does not answer": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), false }
				f.before = func(_ context.Context, n int, operation string) *spec.Error {
					if operation == spec.OpFind && blind || operation == spec.OpCleanUp && n < 3 {
						return &spec.Error{Kind: spec.KindProvider, Message: "down", Status: 503}
					}
					return nil
				}
				r := newRig(f, Settings{Settle: 4 * time.Second})
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				if _, err := r.Spawn(ctx, gpu("h100")); kind(err) != spec.KindTimeout {
					t.Error(err)
				}
				r.finish(t)
				if !slices.Equal(f.cleaned, f.sent()) || len(f.cleaned) != 1 {
					t.Errorf("cleaned up %v of %v", f.cleaned, f.sent())
				}
			})
		})
	}
}

func TestCleanUp_IsAskedForTheUnfinishedCreatesOfAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.machines["m7"] = &spec.Compute{ID: "m7", RequestID: "r2"}
		r := newRig(f, Settings{Settle: 4 * time.Second})
		intents := []Intent{{Provider: "runpod", RequestID: "r1"}, {Provider: "runpod", RequestID: "r2"}}
		if found, decided, err := r.Settle(context.Background(), "runpod", intents, time.Now()); err != nil || !decided || len(found) != 1 {
			t.Errorf("%v %v %v", found, decided, err)
		}
		f.mu.Lock()
		early := len(f.cleaned)
		f.mu.Unlock()
		if early > 0 {
			t.Error("what may be under way is cleaned up before the listing has settled")
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if _, decided, err := r.Settle(context.Background(), "runpod", intents[:1], time.Now()); err != nil || !decided {
			t.Errorf("%v %v", decided, err)
		}
		r.finish(t)
		if fmt.Sprint(f.cleaned) != "[r1 r1]" {
			t.Errorf("cleaned up %v", f.cleaned)
		}
	})
}

// What a create made in the moment before its cloud had trouble may not show yet, and a
// clean-up that does not find it says that all is done.
func TestCleanUp_IsAskedAgainWhenWhatMayBeThereShows(t *testing.T) {
	for kind, want := range map[spec.Kind]int{spec.KindProvider: 2, spec.KindTransport: 2, spec.KindTimeout: 2, spec.KindCapacity: 1, spec.KindFunds: 1, spec.KindRateLimited: 1, spec.KindForbidden: 0} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) {
				return &spec.Error{Kind: kind, Message: "no"}, false
			}
			r := newRig(f, Settings{Settle: 4 * time.Second})
			p := gpu("h100")
			p.CloudType = spec.CloudSecure
			start := time.Now()
			if _, err := r.Spawn(context.Background(), p); err == nil {
				t.Error("rented")
			}
			if time.Since(start) > 0 {
				t.Error("the spawn waits for it")
			}
			synctest.Wait()
			f.mu.Lock()
			first := len(f.cleaned)
			f.mu.Unlock()
			r.finish(t)
			if took := time.Since(start); first != min(want, 1) || len(f.cleaned) != want || (took == 4*time.Second) != (want == 2) {
				t.Errorf("%s: cleaned up %d times at once, %v after %v", kind, first, f.cleaned, took)
			}
		})
	}
}

func TestCleanUp_TellsWhatItCouldNotDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return noCapacity(), false }
		f.before = func(_ context.Context, _ int, operation string) *spec.Error {
			if operation == spec.OpCleanUp {
				return &spec.Error{Kind: spec.KindForbidden, Message: "no", Status: 403}
			}
			return nil
		}
		r := newRig(f, Settings{})
		p := gpu("h100")
		p.CloudType = spec.CloudSecure
		if _, err := r.Spawn(context.Background(), p); kind(err) != spec.KindCapacity {
			t.Error(err)
		}
		r.finish(t)
		if fmt.Sprint(r.rentals(t)) != "[clean_up_failed]" {
			t.Errorf("events %v", r.rentals(t))
		}
	})
}
