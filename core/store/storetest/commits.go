package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/internal/safego"
)

func commitNeedsTheLease(t *testing.T, a, b store.Store) {
	short := lease(t, a, "a", 1)
	expire(t, a, short)
	if r := commit(t, a, short, store.Change{Session: row(short, "s1"), New: true, Topic: "compute:m-s1", Events: []store.Event{{Name: "x"}}}); r.Verdict != store.Lost {
		t.Fatalf("written under an expired lease: %+v", r)
	}
	if _, found, err := b.Get(ctx, "s1"); found || err != nil {
		t.Fatal(found, err)
	}
	if list, last, err := b.Events(ctx, "compute:m-s1", 1, 10); len(list) > 0 || last > 0 || err != nil {
		t.Fatal("its event was written", list, last, err)
	}
	never := store.Lease{Name: "node/x", Holder: "x", Fence: 99}
	if r := commit(t, a, never, store.Change{Session: row(never, "s2"), New: true}); r.Verdict != store.Lost {
		t.Fatal("written without a lease")
	}
}

func commitNeedsTheSession(t *testing.T, a, b store.Store) {
	la, lb := lease(t, a, "a", term), lease(t, b, "b", term)
	create(t, a, la, "s1")
	foreign := row(lb, "s1")
	foreign.Doc = []byte("{}")
	for _, by := range []store.Lease{la, lb} {
		if r := commit(t, b, by, store.Change{Session: foreign}); r.Verdict != store.Lost {
			t.Fatalf("another's session was changed: %+v", r)
		}
	}
	if r := commit(t, a, la, store.Change{Session: row(la, "nobody")}); r.Verdict != store.Lost {
		t.Fatal("a session that is not there was changed")
	}
	if got := get(t, b, "s1"); string(got.Doc) != `{"a":1}` || got.Owner != "a" {
		t.Fatalf("%+v", got)
	}
}

func commitNewOnce(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	create(t, a, l, "s1")
	if r := commit(t, a, l, store.Change{Session: row(l, "s1"), New: true}); r.Verdict != store.Lost {
		t.Fatal("made twice")
	}
	got := get(t, b, "s1")
	want := row(l, "s1")
	if !slices.Equal(got.Doc, want.Doc) {
		t.Fatalf("doc %s", got.Doc)
	}
	got.Doc, want.Doc = nil, nil
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%+v, want %+v", got, want)
	}
}

func commitWithoutDocKeepsIt(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	create(t, a, l, "s1")
	next := row(l, "s1")
	next.Doc, next.Touched = nil, 700
	if r := commit(t, a, l, store.Change{Session: next, Topic: "compute:m-s1", Events: []store.Event{{Name: "heartbeat"}}}); r.Verdict != store.Done || r.Last != 1 {
		t.Fatalf("%+v", r)
	}
	if got := get(t, b, "s1"); string(got.Doc) != `{"a":1}` || got.Touched != 700 {
		t.Fatalf("%+v", got)
	}
	next.Doc = []byte(`{"b":2}`)
	commit(t, a, l, store.Change{Session: next})
	if got := get(t, b, "s1"); string(got.Doc) != `{"b":2}` {
		t.Fatalf("%+v", got)
	}
}

func commitIsVoidWhenUsed(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	create(t, a, l, "s1")
	if gone, err := b.Touch(ctx, []store.Touch{{ID: "s1", At: 500}}); err != nil || len(gone) > 0 {
		t.Fatal(gone, err)
	}
	ending := row(l, "s1")
	ending.State = store.Ending
	c := store.Change{Session: ending, IdleSince: 20, Topic: "compute:m-s1", Events: []store.Event{{Name: "terminating"}}}
	if r := commit(t, a, l, c); r.Verdict != store.Used || r.Touched != 500 {
		t.Fatalf("%+v", r)
	}
	if got := get(t, a, "s1"); got.State != store.Live {
		t.Fatal("ended though it was used")
	}
	c.IdleSince = 500
	if r := commit(t, a, l, c); r.Verdict != store.Done || r.Last != 1 || r.Touched != 500 {
		t.Fatalf("%+v", r)
	}
	if gone, err := b.Touch(ctx, []store.Touch{{ID: "s1", At: 900}}); err != nil || len(gone) != 1 {
		t.Fatal("an ending session was touched", gone, err)
	}
}

func commitNumbersEvents(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	create(t, a, l, "s1")
	for i := range 5 {
		list := []store.Event{{Time: int64(i), Name: "one", Data: []byte(`{"n":1}`)}, {Time: int64(i), Name: "two"}}
		if r := commit(t, a, l, store.Change{Session: row(l, "s1"), Topic: "compute:m-s1", Events: list}); r.Last != uint64(2*i+2) {
			t.Fatalf("%+v", r)
		}
	}
	list, last, err := b.Events(ctx, "compute:m-s1", 1, 100)
	must(t, err)
	if len(list) != 10 || last != 10 {
		t.Fatal(len(list), last)
	}
	for i, e := range list {
		if e.Seq != uint64(i+1) || e.Time != int64(i/2) || e.Name != []string{"one", "two"}[i%2] || string(e.Data) != []string{`{"n":1}`, `{}`}[i%2] && i%2 == 0 {
			t.Fatalf("%+v", e)
		}
	}
}

func commitsAtOnce(t *testing.T, a, b store.Store) {
	la, lb := lease(t, a, "a", term), lease(t, b, "b", term)
	const each = 100
	var wg sync.WaitGroup
	errs := make(chan error, 4*each)
	for w := range 4 {
		safego.Go(&wg, nil, func() {
			s, l := a, la
			if w%2 == 1 {
				s, l = b, lb
			}
			for i := range each {
				r, err := s.Commit(ctx, l, []store.Change{{Session: row(l, fmt.Sprintf("w%d-%d", w, i)), New: true, Topic: "compute:shared", Events: []store.Event{{Name: "x"}}}})
				if err == nil && r[0].Verdict != store.Done {
					err = fmt.Errorf("verdict %d", r[0].Verdict)
				}
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		must(t, err)
	}
	list, last, err := a.Events(ctx, "compute:shared", 1, 10*each)
	must(t, err)
	if len(list) != 4*each || last != 4*each {
		t.Fatal(len(list), last)
	}
	for i, e := range list {
		if e.Seq != uint64(i+1) {
			t.Fatalf("number %d at %d", e.Seq, i)
		}
	}
}
