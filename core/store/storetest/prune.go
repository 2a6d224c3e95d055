package storetest

import (
	"fmt"
	"testing"

	"github.com/exatlas/atlas/core/store"
)

func pruneForgetsTheEnded(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	for id, ended := range map[string]int64{"old": 100, "young": 5000, "live": 0} {
		r := row(l, id)
		if r.Ended = ended; ended > 0 {
			r.State = store.Ended
		}
		commit(t, a, l, store.Change{Session: r, New: true, Topic: "compute:m-" + id, Events: []store.Event{{Time: 50, Name: "x"}}})
	}
	if n, err := b.Prune(ctx, 1000, 100); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if _, found, err := a.Get(ctx, "old"); found || err != nil {
		t.Fatal(found, err)
	}
	for id, events := range map[string]int{"old": 0, "young": 1, "live": 1} {
		list, last, err := a.Events(ctx, "compute:m-"+id, 1, 10)
		must(t, err)
		if len(list) != events || last != 1 {
			t.Errorf("%s: %d events, last %d", id, len(list), last)
		}
	}
	if last, err := a.Append(ctx, "compute:m-old", []store.Event{{Time: 2000, Name: "y"}}); err != nil || last != 2 {
		t.Fatal("a number was given twice", last, err)
	}
}

// numbers are those of the events that a topic still has.
func numbers(t *testing.T, s store.Store, topic string) string {
	t.Helper()
	list, last, err := s.Events(ctx, topic, 1, 1000)
	must(t, err)
	out := fmt.Sprint(last, ":")
	for _, e := range list {
		out += fmt.Sprint(" ", e.Name, e.Seq)
	}
	return out
}

func pruneForgetsPassing(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	for i, id := range []string{"living", "ending", "ended"} {
		r := row(l, id)
		if r.State = store.Live + store.State(i); r.State == store.Ended {
			r.Ended = 1500
		}
		commit(t, a, l, store.Change{Session: r, New: true, Topic: "compute:m-" + id, Events: []store.Event{
			{Time: 10, Name: "ready"}, {Time: 20, Name: "beat", Passing: true}, {Time: 30, Name: "beat", Passing: true}, {Time: 1000, Name: "beat", Passing: true}, {Time: 40, Name: "end"}}})
	}
	_, err := a.Append(ctx, "of nobody", []store.Event{{Time: 20, Name: "x"}, {Time: 1000, Name: "y"}})
	must(t, err)
	if n, err := b.Prune(ctx, 1000, 100); err != nil || n != 7 {
		t.Fatal(n, err)
	}
	for topic, want := range map[string]string{"compute:m-living": "5: ready1 beat4 end5", "compute:m-ending": "5: ready1 beat4 end5", "compute:m-ended": "5: ready1 beat4 end5", "of nobody": "2: y2"} {
		if got := numbers(t, a, topic); got != want {
			t.Errorf("%s: %s, want %s", topic, got, want)
		}
	}
	if list, _, err := a.Events(ctx, "compute:m-living", 2, 10); err != nil || len(list) != 2 || list[0].Seq != 4 {
		t.Error("read from a number that is not kept: not the next one that is", list, err)
	}
	if r := commit(t, a, l, store.Change{Session: row(l, "living"), Topic: "compute:m-living", Events: []store.Event{{Name: "beat", Passing: true}}}); r.Last != 6 {
		t.Error("a number was given twice, or left out", r)
	}
}

func pruneIsInSteps(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	for i := range 5 {
		r := row(l, fmt.Sprint("s", i))
		if r.State, r.Ended = store.Ended, 50; i == 4 { // the machine of this one had another session, which lives
			r.ComputeID = "shared"
		}
		commit(t, a, l, store.Change{Session: r, New: true, Topic: "compute:" + r.ComputeID, Events: []store.Event{{Time: 10, Name: "ready"}, {Time: 20, Name: "beat", Passing: true}, {Time: 30, Name: "beat", Passing: true}}})
	}
	living := row(l, "living")
	living.ComputeID = "shared"
	commit(t, a, l, store.Change{Session: living, New: true})
	total := 0
	for step := 0; ; step++ {
		n, err := []store.Store{a, b}[step%2].Prune(ctx, 1000, 4)
		must(t, err)
		if n > 4 {
			t.Fatalf("%d in a step of 4", n)
		}
		if total += n; n < 4 {
			break
		}
	}
	rows, err := b.List(ctx, store.Filter{})
	must(t, err)
	if total != 10+5 || len(rows) != 1 {
		t.Fatalf("%d events and sessions forgotten, %d sessions left", total, len(rows))
	}
	for topic, want := range map[string]string{"compute:m-s0": "3:", "compute:m-s3": "3:", "compute:shared": "3: ready1"} {
		if got := numbers(t, b, topic); got != want {
			t.Errorf("%s: %s, want %s", topic, got, want)
		}
	}
}
