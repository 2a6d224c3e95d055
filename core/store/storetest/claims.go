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

// claimReadsTheLogAnew takes twice from a holder that came back in between.
func claimReadsTheLogAnew(t *testing.T, a, b store.Store) {
	logger, ok := a.(store.TouchLogger)
	if !ok {
		return
	}
	lb := lease(t, b, "b", term)
	log, err := logger.OpenTouchLog("a")
	must(t, err)
	for i, id := range []string{"s1", "s2"} {
		la := lease(t, a, "a", term)
		create(t, a, la, id)
		at := int64(500 + i)
		_, err := log.Write(0, id, at)
		must(t, err)
		must(t, a.Release(ctx, la))
		got, err := b.Claim(ctx, lb, 10)
		must(t, err)
		if len(got) != 1 || got[0].ID != id || got[0].Touched != at {
			t.Fatalf("turn %d: %+v", i, got)
		}
	}
	must(t, log.Close(true))
}

// claimCountsTheTouchLog holds of the stores that have one.
func claimCountsTheTouchLog(t *testing.T, a, b store.Store) {
	logger, ok := a.(store.TouchLogger)
	if !ok {
		return
	}
	la, lb := lease(t, a, "a", term), lease(t, b, "b", term)
	create(t, a, la, "s1", "s2", "s3", "s4")
	ending := row(la, "s4")
	ending.State = store.Ending
	commit(t, a, la, store.Change{Session: ending})
	log, err := logger.OpenTouchLog("a")
	must(t, err)
	note := func(place int64, id string, at int64) int64 {
		t.Helper()
		place, err := log.Write(place, id, at)
		must(t, err)
		return place
	}
	s1, s2 := note(0, "s1", 500), note(0, "s2", 600)
	if s1 == s2 || s1 == 0 || note(s1, "s1", 700) != s1 {
		t.Fatal(s1, s2)
	}
	log.Free(s2)
	note(0, "s3", 10) // before what is stored
	note(0, "s4", 800)
	if got := get(t, b, "s1"); got.Touched != 20 {
		t.Fatal("the log is the owner's alone until it is gone", got)
	}
	must(t, a.Release(ctx, la))
	got := map[string]int64{}
	for range 4 { // one by one: the log is read for each of them
		list, err := b.Claim(ctx, lb, 1)
		must(t, err)
		got[list[0].ID] = list[0].Touched
	}
	if got["s1"] != 700 || got["s2"] != 20 && got["s2"] != 600 || got["s3"] != 20 || got["s4"] != 20 {
		t.Fatal(got)
	}
	if got := get(t, b, "s1"); got.Touched != 700 {
		t.Fatal("claimed, and not stored", got)
	}
	must(t, log.Close(true))
	if _, err := log.Write(s1, "s1", 900); err == nil {
		t.Fatal("a closed log takes activities")
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
