package storetest

import (
	"fmt"
	"testing"

	"github.com/exatlas/atlas/core/store"
)

func leaseIsOnesAtATime(t *testing.T, a, b store.Store) {
	one, mine, err := a.Lease(ctx, "reaper", "a", term)
	must(t, err)
	if !mine || one.Holder != "a" || one.Fence == 0 || one.Expires != one.Now+term {
		t.Fatalf("%+v %v", one, mine)
	}
	other, mine, err := b.Lease(ctx, "reaper", "b", term)
	must(t, err)
	if mine || other.Holder != "a" || other.Fence != one.Fence {
		t.Fatalf("a second holder: %+v %v", other, mine)
	}
	again, mine, err := a.Lease(ctx, "reaper", "a", term)
	must(t, err)
	if !mine || again.Fence != one.Fence {
		t.Fatalf("renewed under another number: %+v %v", again, mine)
	}
	must(t, b.Release(ctx, store.Lease{Name: "reaper", Holder: "b", Fence: one.Fence + 1})) // not b's to release
	if _, mine, _ = b.Lease(ctx, "reaper", "b", term); mine {
		t.Fatal("released by another")
	}
	must(t, a.Release(ctx, again))
	if next, mine, err := b.Lease(ctx, "reaper", "b", term); err != nil || !mine || next.Fence <= one.Fence {
		t.Fatalf("after the release: %+v %v %v", next, mine, err)
	}
}

func leaseExpires(t *testing.T, a, b store.Store) {
	one, _, err := a.Lease(ctx, "x", "a", 1)
	must(t, err)
	expire(t, a, one)
	two, mine, err := b.Lease(ctx, "x", "b", term)
	must(t, err)
	if !mine || two.Fence <= one.Fence {
		t.Fatalf("an expired lease was not given on: %+v", two)
	}
}

func fencesOnlyRise(t *testing.T, a, b store.Store) {
	last := int64(0)
	for i := range 20 {
		s := []store.Store{a, b}[i%2]
		l, mine, err := s.Lease(ctx, fmt.Sprint("n", i%3), fmt.Sprint("h", i), term)
		must(t, err)
		if !mine || l.Fence <= last {
			t.Fatalf("number %d after %d", l.Fence, last)
		}
		last = l.Fence
		must(t, s.Release(ctx, l))
	}
}
