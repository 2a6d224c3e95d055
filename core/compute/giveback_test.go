package compute

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/offers"
	"github.com/exatlas/atlas/core/spec"
)

// dearer is a cloud whose machines cost more than they are offered for.
func dearer() (clouds, *SpawnParams) {
	c := market()
	c["vast"].change = func(m *spec.Compute) { m.CostPerHour = ptr(0.9) }
	p := anywhere("rtx_4090")
	p.MaxPricePerHour = 0.4
	return c, p
}

func TestSpawn_SaysGivenBackOnlyWhereTheCloudSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dearer()
		var mended atomic.Bool
		c["vast"].before = func(_ context.Context, _ int, operation string) *spec.Error {
			if operation == spec.OpTerminate && !mended.Load() {
				return &spec.Error{Kind: spec.KindProvider, Status: 200, Message: "a page of something between", Retryable: true}
			}
			return nil
		}
		s := openMarket(c)
		_, err := s.Spawn(context.Background(), p)
		e := spec.AsError(err)
		if e == nil || e.Kind != spec.KindBudget || !e.UnknownOutcome || strings.Contains(e.Message, "it was given back") || !strings.Contains(e.Message, "could not be confirmed") ||
			!strings.Contains(e.Hint, "machine m1 ") {
			t.Errorf("%+v", e)
		}
		if len(c["runpod"].spawns) != 0 || len(c["vast"].machines) != 1 {
			t.Errorf("a second machine was rented beside one that may cost: %+v", c["runpod"].spawns)
		}
		mended.Store(true)
		closeMarket(t, s)
		if len(c["vast"].machines) != 0 {
			t.Error("nothing went on giving the machine back")
		}
	})
}

func TestSpawn_KeepsAMachineThatCostsTheCeilingToTheCent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dearer()
		each := 0.2
		sum := each * 3 // 0.6000000000000001
		c["vast"].change = func(m *spec.Compute) { m.CostPerHour = &sum }
		p.MaxPricePerHour = 0.6
		s := openMarket(c)
		got, err := s.Spawn(context.Background(), p)
		if err != nil || got.Provider != "vast" || len(c["vast"].machines) != 1 {
			t.Errorf("%+v %v", got, err)
		}
		closeMarket(t, s)
	})
}

// The prices of a market have more decimals than a millionth: one that was read there,
// of an offer or of a machine, and is given as the ceiling is no less than itself.
func TestSpawn_KeepsAMachineThatCostsItsOwnPriceOfManyDecimals(t *testing.T) {
	for _, listed := range []float64{0.2666666666666667, 0.2666666666666666, 0.1234567, 1.0 / 3} {
		for _, offered := range []float64{listed, offers.Round(listed)} {
			synctest.Test(t, func(t *testing.T) {
				c, p := dearer()
				c["vast"].offers[0].PricePerHour = offered
				c["vast"].change = func(m *spec.Compute) { m.CostPerHour = &listed }
				p.MaxPricePerHour = listed
				s := openMarket(c)
				got, err := s.Spawn(context.Background(), p)
				if err != nil || got.Provider != "vast" || len(c["vast"].machines) != 1 {
					t.Errorf("%v: %+v %v", listed, got, err)
				}
				closeMarket(t, s)
			})
		}
	}
}

func TestSpawn_DoesNotTakeAMachineThatDoesNotShowYetForGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dearer()
		c["runpod"].change = func(m *spec.Compute) { m.CostPerHour = ptr(0.34) }
		c["vast"].before = func(_ context.Context, n int, operation string) *spec.Error {
			if operation == spec.OpTerminate && n <= 2 {
				return &spec.Error{Kind: spec.KindNotFound, Status: 404, Message: "no such machine"}
			}
			return nil
		}
		s := openMarket(c)
		got, err := s.Spawn(context.Background(), p)
		if err != nil || got.Provider != "runpod" || len(c["vast"].machines) != 0 {
			t.Errorf("%+v %v, left %v", got, err, c["vast"].machines)
		}
		if i := slices.IndexFunc(got.Attempts, func(a Attempt) bool { return a.Outcome == OutcomeTooDear }); i < 0 || !strings.HasSuffix(got.Attempts[i].Message, "it was given back") {
			t.Errorf("%+v", got.Attempts)
		}
		closeMarket(t, s)
	})
}

// The terminate is carried out and its answer lost; from then on the cloud knows no
// such machine, which counts as soon as the listing has settled.
func TestSpawn_SaysGivenBackWhereTheAnswerToTheTerminateWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dearer()
		vast := c["vast"]
		c["runpod"].change = func(m *spec.Compute) { m.CostPerHour = ptr(0.34) }
		vast.before = func(_ context.Context, n int, operation string) *spec.Error {
			if operation != spec.OpTerminate || n > 1 {
				return nil
			}
			vast.mu.Lock()
			defer vast.mu.Unlock()
			clear(vast.machines)
			return &spec.Error{Kind: spec.KindProvider, Status: 500, Message: "lost", Retryable: true, UnknownOutcome: true}
		}
		s := openMarket(c)
		s.Settings.Settle = 15 * time.Second // as the listings of Lambda and Fly take
		start := time.Now()
		got, err := s.Spawn(context.Background(), p)
		if took := time.Since(start); err != nil || got.Provider != "runpod" || took != s.Settings.Settle {
			t.Errorf("%+v %v after %v", got, err, took)
		}
		closeMarket(t, s)
	})
}
