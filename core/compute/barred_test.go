package compute

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/exatlas/atlas/core/spec"
)

func TestSpawn_LeavesACloudForTheNextAfterAFewTroubles(t *testing.T) {
	for kind, most := range map[spec.Kind]int{spec.KindProvider: maxTroubles, spec.KindUnauthorized: 1, spec.KindFunds: 1, spec.KindForbidden: 1, spec.KindCapacity: 100} {
		synctest.Test(t, func(t *testing.T) {
			c := market()
			vast := c["vast"]
			vast.offers = nil
			for i := range 100 {
				vast.offers = append(vast.offers, spec.Offer{ID: fmt.Sprint("ask", i), GPUNative: "RTX 4090", GPUCount: 1, GPUMemoryGB: 24, PricePerHour: 0.2})
			}
			vast.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) {
				return &spec.Error{Kind: kind, Message: "no"}, false
			}
			s := openMarket(c)
			got, err := s.Spawn(context.Background(), anywhere("rtx_4090"))
			if err != nil || got.Provider != "runpod" || len(vast.spawns) != most {
				t.Errorf("%s: %+v %v after %d creates at vast", kind, got, err, len(vast.spawns))
			}
			closeMarket(t, s)
		})
	}
}

// unfit is a cloud that makes a machine without what was asked for, and says so.
func unfit(t *testing.T) (clouds, *fake) {
	t.Helper()
	c := market()
	c["vast"].create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
		return &spec.Error{Kind: spec.KindCapacity, Message: "the SSH key was not taken", UnknownOutcome: true, Details: spec.Raw(fmt.Sprintf(`{"left":"m%d"}`, n))}, n == 1
	}
	return c, c["vast"]
}

func TestSpawn_GivesBackAMachineThatItsProviderCannotHandOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, vast := unfit(t)
		s := openMarket(c)
		got, err := s.Spawn(context.Background(), anywhere("rtx_4090"))
		if err != nil || got.Provider == "vast" || len(vast.machines) != 0 || got.Attempts[1].Outcome != OutcomeRefused {
			t.Errorf("%+v %v, left %v", got, err, vast.machines)
		}
		closeMarket(t, s)
	})
}

func TestSpawn_DoesNotAdoptAMachineThatItsProviderCannotHandOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, vast := unfit(t)
		vast.before = func(_ context.Context, n int, operation string) *spec.Error {
			if operation == spec.OpTerminate && n < 10 {
				return &spec.Error{Kind: spec.KindProvider, Message: "down", Status: 503, Retryable: true}
			}
			return nil
		}
		s := openMarket(c)
		got, err := s.Spawn(context.Background(), anywhere("rtx_4090"))
		if e := spec.AsError(err); e == nil || !e.UnknownOutcome || !strings.Contains(e.Hint, "machine m1 ") || len(c["runpod"].spawns) != 0 {
			t.Errorf("%+v %v, %d creates elsewhere", got, err, len(c["runpod"].spawns))
		}
		closeMarket(t, s)
		if len(vast.machines) != 0 {
			t.Errorf("left %v", vast.machines)
		}
	})
}
