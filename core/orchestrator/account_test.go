package orchestrator

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// accounts makes a cloud of two: old and rotated are credentials of one, other is
// the second one's.
func (w *world) accounts() {
	w.cloud.accounts = map[string]string{"old": "one", "rotated": "one", "other": "two"}
	w.key = "old"
}

func TestAccount_OfAnotherCredentialEndsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.accounts()
		p := w.process()
		living, ending := p.spawn(idle(0)), p.spawn(idle(time.Hour))
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
		p.kill()
		w.cloud.set(func(c *cloud) { c.fail, c.lose = nil, nil })

		w.key = "other" // a mistake in a configuration
		q := w.process()
		wait(2 * time.Hour)
		for id, want := range map[string]string{living.ID: "live", ending.ID: "ending"} {
			if got := q.get(id); got.State != want || got.Error == nil || got.Error.Kind != spec.KindUnauthorized {
				t.Errorf("%s, want %s; error %+v", got.State, want, got.Error)
			}
		}
		q.kill()
		if n := w.cloud.count(); n != 3 {
			t.Fatalf("%d machines", n)
		}

		w.key = "old" // and its correction
		r := w.process()
		defer r.close()
		wait(10 * time.Minute)
		if got := r.get(living.ID); got.State != "live" || w.cloud.count() != 1 {
			t.Fatalf("%s with %d machines", got.State, w.cloud.count())
		}
	})
}

func TestAccount_IsKnownAgainUnderANewCredential(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.accounts()
		p := w.process()
		stays, vanishes, ends := p.spawn(idle(0)), p.spawn(idle(0)), p.spawn(idle(time.Hour))
		p.kill()
		w.key = "rotated"
		w.cloud.set(func(c *cloud) { delete(c.machines, vanishes.Compute.ID) })
		q := w.process()
		defer q.close()
		wait(2 * time.Hour)
		for id, want := range map[string]string{stays.ID: "live", vanishes.ID: "ended", ends.ID: "ended"} {
			if got := q.get(id); got.State != want {
				t.Errorf("%s, want %s", got.State, want)
			}
		}
		row, _, err := w.store.Get(context.Background(), stays.ID)
		if err != nil || strings.Contains(string(row.Doc), "old") || strings.Contains(string(row.Doc), "rotated") {
			t.Fatal("a credential was stored", err)
		}
	})
}

// TestAccount_ThatIsFurtherIsNamedWhereItsCredentialStands holds the hint to a setting
// that there is: providers.runpod:acme.api_key is refused.
func TestAccount_ThatIsFurtherIsNamedWhereItsCredentialStands(t *testing.T) {
	for name, want := range map[string]string{"runpod": "providers.runpod.api_key ", "runpod:acme": "providers.runpod.accounts.acme "} {
		bubble(t, func(t *testing.T, w *world) {
			w.accounts()
			p := w.process()
			s := p.spawn(idle(time.Hour), func(p *SpawnParams) { p.Provider = []string{name} })
			p.kill()
			w.key = "other"
			q := w.process()
			defer q.kill()
			wait(2 * time.Hour)
			if got := q.get(s.ID); got.Error == nil || !strings.Contains(got.Error.Hint, want) {
				t.Errorf("%+v, want %s", got.Error, want)
			}
		})
	}
}
