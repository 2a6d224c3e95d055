package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/internal/safego"
)

func claimTakesFromTheGone(t *testing.T, a, b store.Store) {
	la, lb := lease(t, a, "a", term), lease(t, b, "b", term)
	create(t, a, la, "s1", "s2", "s3")
	ended := row(la, "s3")
	ended.State, ended.Ended = store.Ended, 99
	commit(t, a, la, store.Change{Session: ended})
	if got, err := b.Claim(ctx, lb, 10); err != nil || len(got) > 0 {
		t.Fatal("claimed from the living", got, err)
	}
	must(t, a.Release(ctx, la))
	first, err := b.Claim(ctx, lb, 1)
	must(t, err)
	second, err := b.Claim(ctx, lb, 10)
	must(t, err)
	if len(first) != 1 || len(second) != 1 || first[0].ID == second[0].ID {
		t.Fatal(first, second)
	}
	for _, c := range append(first, second...) {
		if c.From != "a" || c.Owner != "b" || c.Fence != lb.Fence || c.Touched != 20 || string(c.Doc) != `{"a":1}` {
			t.Fatalf("%+v", c)
		}
	}
	if r := commit(t, a, la, store.Change{Session: row(la, "s1")}); r.Verdict != store.Lost {
		t.Fatal("the old owner still writes")
	}
	if r := commit(t, b, lb, store.Change{Session: row(lb, "s1")}); r.Verdict != store.Done {
		t.Fatal("the new owner cannot write")
	}
	if got, err := a.Claim(ctx, la, 10); err != nil || len(got) > 0 {
		t.Fatal("claimed without a lease", got, err)
	}
}

func claimIsShared(t *testing.T, a, b store.Store) {
	dead := lease(t, a, "dead", term)
	const count = 60
	for i := range count {
		create(t, a, dead, fmt.Sprintf("s%02d", i))
	}
	la, lb := lease(t, a, "a", term), lease(t, b, "b", term)
	must(t, a.Release(ctx, dead))
	var mu sync.Mutex
	owner := map[string]string{}
	var wg sync.WaitGroup
	for i, s := range []store.Store{a, b} {
		safego.Go(&wg, nil, func() {
			for {
				got, err := s.Claim(ctx, []store.Lease{la, lb}[i], 7)
				if err != nil || len(got) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, c := range got {
					if owner[c.ID] != "" {
						t.Errorf("%s was given twice", c.ID)
					}
					owner[c.ID] = c.Owner
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(owner) != count {
		t.Fatalf("%d claimed of %d", len(owner), count)
	}
}

func claimTakesOwnOldOnes(t *testing.T, a, _ store.Store) {
	old := lease(t, a, "a", term)
	create(t, a, old, "s1")
	must(t, a.Release(ctx, old))
	anew := lease(t, a, "a", term)
	got, err := a.Claim(ctx, anew, 10)
	must(t, err)
	if len(got) != 1 || got[0].Fence != anew.Fence {
		t.Fatal("its sessions under the old number are nobody's", got)
	}
	if got, err = a.Claim(ctx, anew, 10); err != nil || len(got) > 0 {
		t.Fatal("claimed from itself", got, err)
	}
}
