package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/exatlas/atlas/core/store"
)

func getFindsByMachine(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	for i, id := range []string{"s2", "s1"} {
		r := row(l, id)
		r.ComputeID, r.Created = "pod", int64(10+i)
		commit(t, a, l, store.Change{Session: r, New: true})
	}
	if got := get(t, b, "pod"); got.ID != "s1" {
		t.Fatalf("not the latest: %s", got.ID)
	}
	ended := row(l, "s1") // another cloud's may have had the same identifier
	ended.ComputeID, ended.Created, ended.State, ended.Ended = "pod", 11, store.Ended, 30
	commit(t, a, l, store.Change{Session: ended})
	if got := get(t, b, "pod"); got.ID != "s2" {
		t.Fatalf("not the one that has not ended: %s", got.ID)
	}
	none := row(l, "s3")
	none.ComputeID = ""
	commit(t, a, l, store.Change{Session: none, New: true})
	if _, found, err := b.Get(ctx, ""); found || err != nil {
		t.Fatal("found by no identifier", found, err)
	}
}

func listFiltersAndPages(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	for i := range 12 {
		r := row(l, fmt.Sprintf("s%02d", i))
		r.State = store.State(i%4 + 1)
		r.UserID = []string{"u1", "u2"}[i%2]
		commit(t, a, l, store.Change{Session: r, New: true})
	}
	ids := func(f store.Filter) string {
		list, err := b.List(ctx, f)
		must(t, err)
		out := ""
		for _, s := range list {
			out += s.ID + " "
		}
		return out
	}
	for _, c := range []struct {
		f    store.Filter
		want string
	}{
		{store.Filter{Limit: 3}, "s00 s01 s02 "}, {store.Filter{After: "s09"}, "s10 s11 "},
		{store.Filter{States: []store.State{store.Live}}, "s01 s05 s09 "}, {store.Filter{States: []store.State{store.Live, store.Ended}, After: "s05"}, "s07 s09 s11 "},
		{store.Filter{UserID: "u2", Limit: 2}, "s01 s03 "}, {store.Filter{Owner: "a", Fence: l.Fence, Limit: 1}, "s00 "}, {store.Filter{Owner: "a", Fence: l.Fence + 1}, ""}, {store.Filter{Owner: "b"}, ""},
	} {
		if got := ids(c.f); got != c.want {
			t.Errorf("%+v: %s, want %s", c.f, got, c.want)
		}
	}
}

func eventsFromANumber(t *testing.T, a, b store.Store) {
	if list, last, err := a.Events(ctx, "t", 1, 10); err != nil || len(list) > 0 || last != 0 {
		t.Fatal(list, last, err)
	}
	for range 4 {
		_, err := a.Append(ctx, "t", []store.Event{{Time: 5, Name: "x", Data: []byte(`{}`)}, {Time: 5, Name: "y"}})
		must(t, err)
	}
	list, last, err := b.Events(ctx, "t", 4, 3)
	must(t, err)
	if len(list) != 3 || list[0].Seq != 4 || list[2].Seq != 6 || last != 8 {
		t.Fatal(list, last)
	}
}

func values(t *testing.T, a, b store.Store) {
	if _, found, err := a.GetValue(ctx, "s", "k"); found || err != nil {
		t.Fatal(found, err)
	}
	for _, v := range []string{"one", "", "\x00two"} {
		must(t, a.PutValue(ctx, "s", "k", []byte(v)))
		if got, found, err := b.GetValue(ctx, "s", "k"); !found || err != nil || string(got) != v {
			t.Fatalf("%q %v %v", got, found, err)
		}
	}
	if _, found, _ := a.GetValue(ctx, "other", "k"); found {
		t.Fatal("spaces mix")
	}
	must(t, b.DeleteValue(ctx, "s", "k"))
	must(t, b.DeleteValue(ctx, "s", "k"))
	if _, found, err := a.GetValue(ctx, "s", "k"); found || err != nil {
		t.Fatal(found, err)
	}
}

// oddNamesAreOfNobody looks for what callers may send and no store has given out: that
// there is none is certain, and an error would stand in the way of the names beside it.
func oddNamesAreOfNobody(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	create(t, a, l, "s1")
	for _, name := range []string{"\x00", "s1\x00", "\xff", "s1\xc0", "'", "%", "s1 "} {
		if _, found, err := b.Get(ctx, name); found || err != nil {
			t.Errorf("get %q: %v %v", name, found, err)
		}
		if gone, err := b.Touch(ctx, []store.Touch{{ID: "s1", At: 300}, {ID: name, At: 300}}); err != nil || !slices.Equal(gone, []string{name}) {
			t.Errorf("touch %q: %q %v", name, gone, err)
		}
		if found, err := b.Ask(ctx, name, "stop", ""); found || err != nil {
			t.Errorf("ask %q: %v %v", name, found, err)
		}
		if list, err := b.List(ctx, store.Filter{UserID: name}); err != nil || len(list) > 0 {
			t.Errorf("list of user %q: %v %v", name, list, err)
		}
		if list, last, err := b.Events(ctx, "compute:"+name, 1, 10); err != nil || len(list) > 0 || last > 0 {
			t.Errorf("events of %q: %v %d %v", name, list, last, err)
		}
	}
}
