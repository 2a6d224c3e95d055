package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/clock"
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
		{"TouchOnlyMovesForward", touchOnlyMovesForward}, {"CommitWithoutDocKeepsIt", commitWithoutDocKeepsIt}, {"WordsReachTheOwner", wordsReachTheOwner}, {"WordsToAnEndingSessionReachTheOwner", wordsReachTheEnding},
		{"WordsReplaceTheirsAlone", wordsReplaceTheirsAlone},
		{"ClaimTakesFromTheGone", claimTakesFromTheGone}, {"ClaimCountsTheTouchLog", claimCountsTheTouchLog}, {"ClaimReadsTheTouchLogAnew", claimReadsTheLogAnew}, {"ClaimIsShared", claimIsShared}, {"ClaimTakesOwnOldOnes", claimTakesOwnOldOnes},
		{"GetFindsByMachine", getFindsByMachine}, {"ListFiltersAndPages", listFiltersAndPages}, {"OddNamesAreOfNobody", oddNamesAreOfNobody},
		{"EventsFromANumber", eventsFromANumber}, {"PruneForgetsTheEnded", pruneForgetsTheEnded}, {"PruneForgetsPassingEventsOfTheLiving", pruneForgetsPassing}, {"PruneIsInSteps", pruneIsInSteps}, {"Values", values},
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
		must(t, clock.System{}.Wait(ctx, time.Millisecond)) // the store's clock is real
	}
	t.Fatal("the store's clock stands still")
}
