package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/store"
)

// Open makes a fresh store and returns two handles on it, as two processes have.
type Open func(t *testing.T) (a, b store.Store)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, a, b store.Store)
	}{
		{"LeaseIsOnesAtATime", leaseIsOnesAtATime}, {"LeaseExpiresOnTheStoresClock", leaseExpires}, {"FencesOnlyRise", fencesOnlyRise},
		{"CommitNeedsTheLease", commitNeedsTheLease}, {"CommitNeedsTheSession", commitNeedsTheSession}, {"CommitNewOnce", commitNewOnce},
		{"CommitIsVoidWhenUsedMeanwhile", commitIsVoidWhenUsed}, {"CommitNumbersEventsWithoutAGap", commitNumbersEvents}, {"CommitsAtOnce", commitsAtOnce},
		{"TouchOnlyMovesForward", touchOnlyMovesForward}, {"WordsReachTheOwner", wordsReachTheOwner},
		{"ClaimTakesFromTheGone", claimTakesFromTheGone}, {"ClaimIsShared", claimIsShared}, {"ClaimTakesOwnOldOnes", claimTakesOwnOldOnes},
		{"GetFindsByMachine", getFindsByMachine}, {"ListFiltersAndPages", listFiltersAndPages},
		{"EventsFromANumber", eventsFromANumber}, {"PruneForgetsTheEnded", pruneForgetsTheEnded}, {"Values", values},
		{"ClosedCannotTell", closedCannotTell}, {"CancelledCannotTell", cancelledCannotTell},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := open(t)
			c.run(t, a, b)
		})
	}
}

const term = 60_000 // ms; nothing expires in a test by itself

var ctx = context.Background()

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func lease(t *testing.T, s store.Store, holder string, ttl int64) store.Lease {
	t.Helper()
	l, mine, err := s.Lease(ctx, "node/"+holder, holder, ttl)
	must(t, err)
	if !mine {
		t.Fatal("the lease is another's")
	}
	return l
}

func row(l store.Lease, id string) store.Session {
	return store.Session{ID: id, Owner: l.Holder, Fence: l.Fence, State: store.Live, Provider: "mock", ComputeID: "m-" + id, UserID: "u", Created: 10, Touched: 20, Doc: []byte(`{"a":1}`)}
}

func commit(t *testing.T, s store.Store, by store.Lease, c store.Change) store.Result {
	t.Helper()
	r, err := s.Commit(ctx, by, []store.Change{c})
	must(t, err)
	if len(r) != 1 {
		t.Fatalf("%d results of one change", len(r))
	}
	return r[0]
}

func create(t *testing.T, s store.Store, l store.Lease, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if r := commit(t, s, l, store.Change{Session: row(l, id), New: true}); r.Verdict != store.Done {
			t.Fatalf("a new session: verdict %d", r.Verdict)
		}
	}
}

func get(t *testing.T, s store.Store, id string) store.Session {
	t.Helper()
	got, found, err := s.Get(ctx, id)
	must(t, err)
	if !found {
		t.Fatalf("session %s is not there", id)
	}
	return got
}

// expire waits until a lease of 1 ms is over.
func expire(t *testing.T, s store.Store, l store.Lease) {
	t.Helper()
	for range 2000 {
		now, err := s.Now(ctx)
		must(t, err)
		if now > l.Expires {
			return
		}
		time.Sleep(time.Millisecond) // the store's clock is real
	}
	t.Fatal("the store's clock stands still")
}

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
		wg.Add(1)
		go func() {
			defer wg.Done()
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
		}()
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
		if found, err := b.Ask(ctx, id, "stop"); err != nil || found != want {
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
	ended := row(l, "s1")
	ended.State, ended.Ended = store.Ended, 99
	commit(t, a, l, store.Change{Session: ended})
	if words, err = a.Asked(ctx, "a"); err != nil || len(words) > 0 {
		t.Fatal("the word outlives its answer", words, err)
	}
	if found, err := b.Ask(ctx, "s1", "stop"); err != nil || found {
		t.Fatal("an ended session was asked", found, err)
	}
}

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
		wg.Add(1)
		go func() {
			defer wg.Done()
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
		}()
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

func pruneForgetsTheEnded(t *testing.T, a, b store.Store) {
	l := lease(t, a, "a", term)
	for id, ended := range map[string]int64{"old": 100, "young": 5000, "live": 0} {
		r := row(l, id)
		if r.Ended = ended; ended > 0 {
			r.State = store.Ended
		}
		commit(t, a, l, store.Change{Session: r, New: true, Topic: "compute:m-" + id, Events: []store.Event{{Time: 50, Name: "x"}}})
	}
	if n, err := b.Prune(ctx, 1000); err != nil || n != 1 {
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
	_, ask := s.Ask(c, "s1", "stop")
	_, add := s.Append(c, "t", []store.Event{{Name: "x"}})
	_, prune := s.Prune(c, 1)
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
