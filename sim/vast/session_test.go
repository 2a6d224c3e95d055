package vast_test

import (
	"context"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim/simkit"
	"github.com/exatlas/atlas/sim/vast"
)

// world is a simulated Vast and a whole client that keeps sessions there, guest,
// paces and all, both on the virtual time of a bubble.
type world struct {
	*testing.T
	*simkit.Server
	*atlas.Client
}

// bubble runs a test in one, from an hour before midnight on. The simulator is
// outside, so time stands still while a request is on the wire.
func bubble(t *testing.T, o vast.Options, run func(w *world)) {
	o.ManualClock, o.Start = true, time.Date(2000, 1, 1, 23, 0, 0, 0, time.UTC)
	server, err := vast.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if server.Panics() != 0 {
			t.Error("the simulator has a defect")
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(o.Start)) // bubbles begin at midnight
		settings := atlas.Settings{
			DefaultProvider: "vast",
			Providers:       map[string]atlas.ProviderSettings{"vast": {APIKey: atlas.NewSecret("key-1"), BaseURL: server.URL()}},
			Plugins:         atlas.PluginSettings{CacheDir: os.TempDir() + "/exatlas-test-cache"},
			Store:           atlas.StoreSettings{URL: "memory:", Key: atlas.NewSecret(strings.Repeat("01", 32))},
		}
		client, err := atlas.Open(atlas.Config{Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if outcome := client.Close(10 * time.Second); outcome != atlas.OK {
				t.Errorf("close: %d", outcome)
			}
			if err := leak.Gauges(client.Info().Live); err != nil {
				t.Error(err)
			}
		}()
		run(&world{t, server, client})
	})
}

// pass lets time pass for both.
func (w *world) pass(d time.Duration) {
	for ; d > 0; d -= time.Minute {
		time.Sleep(min(d, time.Minute)) // virtual
		synctest.Wait()
		w.Server.Advance(time.Now().Sub(w.Server.Clock.Now()))
	}
}

func (w *world) session(maxCost float64) *atlas.Session {
	w.Helper()
	p := atlas.SessionSpawnParams{SpawnParams: machine(), MaxCost: maxCost}
	never := int64(0)
	p.IdleTTLMS = &never
	s, err := w.Orchestrator.Spawn(context.Background(), p)
	if err != nil {
		w.Fatalf("%v (%s)", err, spec.AsError(err).Hint)
	}
	w.pass(time.Minute)
	return s
}

// look is a session as it stands. What it has cost is known.
func (w *world) look(s *atlas.Session) (now *atlas.Session, spent float64) {
	w.Helper()
	now, err := w.Orchestrator.Get(context.Background(), atlas.SessionParams{ID: s.ID})
	if err != nil || now.Spent == nil {
		w.Fatalf("%+v %v", now, err)
	}
	return now, *now.Spent
}

func (w *world) traffic(s *atlas.Session, times int) {
	w.Helper()
	for range times {
		if err := w.Server.Do(s.Compute.ID, "traffic"); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) stop(s *atlas.Session) {
	w.Helper()
	if _, err := w.Orchestrator.Stop(context.Background(), atlas.SessionStopParams{ID: s.ID}); err != nil {
		w.Fatal(err)
	}
}

// metered is what the simulator's own meter says of a session's machine.
func (w *world) metered(s *atlas.Session) (usd float64) {
	for _, item := range w.Server.Bill().Items {
		if id, _, _ := strings.Cut(item.ID, "/"); id == s.Compute.ID {
			usd += item.USD
		}
	}
	return usd
}

func near(a, b, within float64) bool { return math.Abs(a-b) <= within }

func TestSession_ReachesItsLimitSoonerWhereVastChargesMoreThanItsPrice(t *testing.T) {
	bubble(t, vast.Options{}, func(w *world) {
		capped, free := w.session(2), w.session(0)
		w.traffic(free, 20) // 4.40 USD, of the same days and another's
		w.pass(20 * time.Minute)
		got, spent := w.look(capped)
		if got.Billed == nil || !near(*got.Billed, w.metered(capped), 0.05) || !near(spent, w.metered(capped), 0.005) || spent > 0.2 {
			t.Fatalf("%+v: spent %f, the meter says %f", got, spent, w.metered(capped))
		}
		w.traffic(capped, 5) // 1.10 USD, in no price
		w.pass(20 * time.Minute)
		if got, spent = w.look(capped); !near(spent, w.metered(capped), 0.005) || spent < 1.25 || *got.Billed > spent || *got.Billed < 1.1 {
			t.Fatalf("%+v: spent %f, billed %f, the meter says %f", got, spent, *got.Billed, w.metered(capped))
		}
		w.traffic(capped, 4)
		w.pass(20 * time.Minute)
		if got, spent = w.look(capped); got.State != "ended" || got.Reason != "cost_cap" || spent < 2 || len(w.Server.Machines()) != 1 {
			t.Fatalf("%+v: spent %f", got, spent)
		}
		if got, spent = w.look(free); got.State != "live" || got.Billed != nil || spent > 0.5 {
			t.Fatalf("nobody asked for the bill of one without a limit: %+v, spent %f", got, spent)
		}
		w.stop(free)
	})
}

func TestSession_ThatHasEndedCostsWhatVastCharges(t *testing.T) {
	for _, daily := range []bool{false, true} {
		bubble(t, vast.Options{DailyCharges: daily}, func(w *world) {
			first, second := w.session(0), w.session(0)
			w.pass(3 * time.Hour) // over midnight
			w.traffic(first, 3)
			w.traffic(second, 1)
			w.stop(first)
			w.stop(second)
			w.pass(2 * time.Minute)
			reckoned := map[string]float64{}
			for _, s := range []*atlas.Session{first, second} {
				got, spent := w.look(s)
				if got.State != "ended" || got.Billed != nil || spent < 0.8 {
					t.Fatalf("%+v, spent %f", got, spent)
				}
				reckoned[s.ID] = spent
			}
			w.pass(10 * time.Minute)
			for s, traffic := range map[*atlas.Session]float64{first: 0.66, second: 0.22} {
				got, spent := w.look(s)
				if got.Billed == nil || *got.Billed != spent || !near(spent, w.metered(s), 0.002) || !near(spent, reckoned[s.ID]+traffic, 0.02) {
					t.Errorf("daily %v: %+v: spent %f, reckoned before %f, the meter says %f", daily, got, spent, reckoned[s.ID], w.metered(s))
				}
			}
		})
	}
}

// A day's charges come some time after the fact, and an answer may not come at all.
// Either way a session costs what its price and time say.
func TestSession_CostsNoLessForABillThatIsNotThereYet(t *testing.T) {
	for name, answer := range map[string]simkit.Fault{
		"no row yet": {Effect: simkit.Status, Status: 200, Body: `{"success":true,"count":0,"total":0,"next_token":null,"results":[]}`},
		"refused":    {Effect: simkit.Status, Status: 403},
		"broken":     {Effect: simkit.Status, Status: 500},
		"unreadable": {Effect: simkit.Status, Status: 200, Body: `{"success":true,"results":[{"amount":9}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, vast.Options{}, func(w *world) {
				answer.Method, answer.Path = "GET", "/api/v0/charges/*"
				if _, err := w.AddFault(answer); err != nil {
					t.Fatal(err)
				}
				s := w.session(5)
				w.pass(time.Hour)
				check := func(when string) {
					got, spent := w.look(s)
					if (got.Billed != nil) != (name == "no row yet") || got.Billed != nil && *got.Billed != 0 || !near(spent, w.metered(s), 0.005) || spent < 0.25 {
						t.Errorf("%s: %+v, spent %f, the meter says %f", when, got, spent, w.metered(s))
					}
				}
				check("living")
				w.stop(s)
				w.pass(10 * time.Minute)
				check("ended")
			})
		})
	}
}

func TestBill_IsAskedForAtThePaceOfVastsThreshold(t *testing.T) {
	bubble(t, vast.Options{}, func(w *world) {
		begin := time.Now()
		want := spec.Bill{From: "1999-12-31T00:00:00Z", To: begin.UTC().Format(time.RFC3339)}
		var wg sync.WaitGroup
		for range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if bill, err := w.Compute.Bill(context.Background(), atlas.BillParams{ID: "1", From: "1999-12-31T12:00:00Z"}); err != nil || *bill != want {
					t.Errorf("%+v %v", bill, err)
				}
			}()
		}
		wg.Wait()
		if took := time.Since(begin); took < 3*time.Second || took > 4*time.Second || w.Server.Requests() != 4 {
			t.Errorf("4 questions took %s and %d requests, Vast wants a second between two", took, w.Server.Requests())
		}
	})
}
