package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/exatlas/atlas/core/store"
)

// cannotTell checks that every read and write says so.
func cannotTell(t *testing.T, c context.Context, s store.Store) {
	t.Helper()
	l := store.Lease{Name: "node/a", Holder: "a", Fence: 1}
	_, _, get := s.Get(c, "s1")
	_, list := s.List(c, store.Filter{})
	_, _, events := s.Events(c, "t", 1, 1)
	_, _, value := s.GetValue(c, "a", "b")
	_, asked := s.Asked(c, "a")
	_, claim := s.Claim(c, l, 1)
	_, commit := s.Commit(c, l, []store.Change{{Session: row(l, "s1"), New: true}})
	_, touch := s.Touch(c, []store.Touch{{ID: "s1", At: 1}})
	_, ask := s.Ask(c, "s1", "stop", "")
	_, add := s.Append(c, "t", []store.Event{{Name: "x"}})
	_, prune := s.Prune(c, 1, 1)
	for name, err := range map[string]error{"get": get, "list": list, "events": events, "value": value, "asked": asked, "claim": claim, "commit": commit,
		"touch": touch, "ask": ask, "append": add, "prune": prune, "put": s.PutValue(c, "a", "b", nil), "delete": s.DeleteValue(c, "a", "b"), "release": s.Release(c, l)} {
		var unknown *store.CannotTell
		if !errors.As(err, &unknown) {
			t.Errorf("%s: %v, want *store.CannotTell", name, err)
		}
	}
}

func closedCannotTell(t *testing.T, a, b store.Store) {
	create(t, a, lease(t, a, "a", term), "s1")
	must(t, a.Close())
	must(t, a.Close())
	cannotTell(t, ctx, a)
	get(t, b, "s1")
}

func cancelledCannotTell(t *testing.T, a, _ store.Store) {
	c, cancel := context.WithCancel(ctx)
	cancel()
	cannotTell(t, c, a)
}
