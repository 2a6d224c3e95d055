package storetest

import (
	"slices"
	"testing"

	"github.com/exatlas/atlas/core/store"
)

func touchOnlyMovesForward(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	create(t, a, l, "s1", "s2")
	for _, at := range []int64{300, 200, 19} {
		gone, err := b.Touch(ctx, []store.Touch{{ID: "s1", At: at}, {ID: "nobody", At: at}})
		must(t, err)
		if !slices.Equal(gone, []string{"nobody"}) {
			t.Fatal(gone)
		}
	}
	if got := get(t, a, "s1"); got.Touched != 300 {
		t.Fatal(got.Touched)
	}
	if r := commit(t, a, l, store.Change{Session: row(l, "s1")}); r.Touched != 300 || get(t, b, "s1").Touched != 300 {
		t.Fatal("a change took the activity back", r)
	}
}

func wordsReachTheOwner(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	create(t, a, l, "s1", "s2")
	for id, want := range map[string]bool{"s1": true, "nobody": false} {
		if found, err := b.Ask(ctx, id, "stop", ""); err != nil || found != want {
			t.Fatal(id, found, err)
		}
	}
	words, err := a.Asked(ctx, "a")
	must(t, err)
	if !slices.Equal(words, []store.Word{{ID: "s1", Word: "stop"}}) {
		t.Fatal(words)
	}
	if words, err = a.Asked(ctx, "b"); err != nil || len(words) > 0 {
		t.Fatal(words, err)
	}
	commit(t, a, l, store.Change{Session: row(l, "s1"), Topic: "compute:m-s1", Events: []store.Event{{Name: "heartbeat"}}})
	if words, err = a.Asked(ctx, "a"); err != nil || len(words) != 1 {
		t.Fatal("a commit that knows nothing of the word clears it", words, err)
	}
	ended := row(l, "s1")
	ended.State, ended.Ended = store.Ended, 99
	commit(t, a, l, store.Change{Session: ended})
	if words, err = a.Asked(ctx, "a"); err != nil || len(words) > 0 {
		t.Fatal("the word outlives its answer", words, err)
	}
	if found, err := b.Ask(ctx, "s1", "stop", ""); err != nil || found {
		t.Fatal("an ended session was asked", found, err)
	}
}

// wordsReachTheEnding has a session's owner write between a word and its look at it.
func wordsReachTheEnding(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	create(t, a, l, "s1")
	ask := func(word, over string) {
		t.Helper()
		if found, err := b.Ask(ctx, "s1", word, over); err != nil || !found {
			t.Fatal(found, err)
		}
	}
	asked := func(want string) {
		t.Helper()
		words, err := a.Asked(ctx, "a")
		must(t, err)
		if got := append(words, store.Word{})[0].Word; got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	ask("stop", "")
	ending := row(l, "s1")
	ending.State = store.Ending
	commit(t, a, l, store.Change{Session: ending})
	asked("") // that was the answer
	ask("forget", "")
	commit(t, a, l, store.Change{Session: ending, Topic: "compute:m-s1", Events: []store.Event{{Name: "terminate_failed"}}})
	asked("forget")
	ask("", "forget")
	asked("")
	ask("forget", "")
	ending.State, ending.Ended = store.Ended, 99
	commit(t, a, l, store.Change{Session: ending})
	asked("")
}

// wordsReplaceTheirsAlone has two askers leave words for one session: whoever takes a
// word back, or leaves one that matters less, must not take the other's.
func wordsReplaceTheirsAlone(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	create(t, a, l, "s1")
	for _, step := range []struct{ word, over, want string }{
		{"", "forget", ""}, {"forget", "", "forget"}, {"", "", "forget"}, {"stop", "forget", "stop"},
		{"forget", "", "stop"}, {"", "forget", "stop"}, {"stop", "forget", "stop"}, {"", "stop", ""},
	} {
		if found, err := b.Ask(ctx, "s1", step.word, step.over); err != nil || !found {
			t.Fatal(step, found, err)
		}
		words, err := a.Asked(ctx, "a")
		must(t, err)
		if got := append(words, store.Word{})[0].Word; got != step.want {
			t.Fatalf("%q over %q left %q, want %q", step.word, step.over, got, step.want)
		}
	}
}
