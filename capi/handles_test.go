package main

import (
	"math"
	"testing"
	"time"

	"github.com/exatlas/atlas"
)

// fake is a core whose queue holds what a test put there.
type fake struct {
	core   // panics where a test has not foreseen the call
	items  [][]byte
	closed bool
	notify func(bool)
}

func (f *fake) Close(time.Duration) atlas.Outcome { f.closed = true; return atlas.OK }

func (f *fake) NotifyQueue(changed func(bool)) {
	f.notify = changed
	if changed != nil {
		changed(len(f.items) > 0)
	}
}

func (f *fake) NextJSON(time.Duration) (atlas.Outcome, []byte) {
	if len(f.items) == 0 {
		return atlas.Closed, nil
	}
	item := f.items[0]
	f.items = f.items[1:]
	return atlas.OK, item
}

func (f *fake) PutBackJSON(item []byte) { f.items = append([][]byte{item}, f.items...) }

func outcomeOf(t *table, handle uint64) atlas.Outcome { _, outcome := t.find(handle); return outcome }

func TestHandles_AreNeverReusedAndTellClosedFromUnknown(t *testing.T) {
	var handles table
	first, second := handles.add(&fake{}), handles.add(&fake{})
	if first == 0 || first == second || second >= 1<<53 {
		t.Fatalf("handles %#x and %#x", first, second)
	}
	if got := handles.close(first, 0); got != atlas.OK {
		t.Fatalf("close: %d", got)
	}
	if got := handles.close(first, 0); got != atlas.OK {
		t.Errorf("closing twice: %d", got)
	}
	if third := handles.add(&fake{}); third == first {
		t.Error("a handle was reused")
	}
	for handle, want := range map[uint64]atlas.Outcome{first: atlas.Closed, second: atlas.OK, 0: atlas.BadClient, 1: atlas.BadClient,
		second + 5: atlas.BadClient, math.MaxUint64: atlas.BadClient} {
		if got := outcomeOf(&handles, handle); got != want {
			t.Errorf("find(%#x) = %d, want %d", handle, got, want)
		}
	}
	if got := handles.close(12345, 0); got != atlas.BadClient {
		t.Errorf("closing what never was: %d", got)
	}
	if live := handles.live.Load(); live != 2 {
		t.Errorf("%d live clients, want 2", live)
	}
}

func TestHandles_KeepTheLastItemsOfAClosedClientUntilTaken(t *testing.T) {
	var handles table
	handle := handles.add(&fake{items: [][]byte{[]byte("a")}})
	if got := handles.close(handle, 0); got != atlas.OK {
		t.Fatalf("close: %d", got)
	}
	c, _ := handles.find(handle)
	if c == nil {
		t.Fatal("the client went with an item in its queue")
	}
	if outcome, item := c.NextJSON(0); outcome != atlas.OK || string(item) != "a" {
		t.Fatalf("next: %d %s", outcome, item)
	}
	handles.drained(handle)
	if got := outcomeOf(&handles, handle); got != atlas.Closed {
		t.Errorf("after the last item: %d", got)
	}
}

func TestNext_LosesNoItemForWhichThereIsNoMemory(t *testing.T) {
	var handles table
	f := &fake{items: [][]byte{[]byte("a"), []byte("b")}}
	c, _ := handles.find(handles.add(f))
	var got []string
	memory := false
	hand := func(outcome atlas.Outcome, item []byte) atlas.Outcome {
		if item != nil && !memory {
			return atlas.NoMemory
		}
		got = append(got, string(item))
		return outcome
	}
	if outcome := c.next(0, hand); outcome != atlas.NoMemory {
		t.Errorf("without memory: %d", outcome)
	}
	memory = true
	for _, want := range []atlas.Outcome{atlas.OK, atlas.OK, atlas.Closed} {
		if outcome := c.next(0, hand); outcome != want {
			t.Errorf("next: %d, want %d", outcome, want)
		}
	}
	if len(got) != 3 || got[0] != "a" || got[1] != "b" {
		t.Errorf("handed out %q", got)
	}
}

func TestHandles_DropItemsNobodyTakes(t *testing.T) {
	var handles table
	first := handles.add(&fake{items: [][]byte{[]byte("a")}})
	handles.close(first, 0)
	for range mostUndrained {
		if got := outcomeOf(&handles, first); got != atlas.OK {
			t.Fatalf("dropped too early: %d", got)
		}
		handles.close(handles.add(&fake{items: [][]byte{[]byte("b")}}), 0)
	}
	if got := outcomeOf(&handles, first); got != atlas.Closed {
		t.Errorf("the oldest of %d undrained clients is still there: %d", mostUndrained+1, got)
	}
}

func TestDuration_IsBoundedAndForEverWhenNegative(t *testing.T) {
	for ms, want := range map[int64]time.Duration{0: 0, 7: 7 * time.Millisecond, -1: -1, math.MinInt64: -1, math.MaxInt64: -1} {
		if got := duration(ms); got != want {
			t.Errorf("duration(%d) = %v, want %v", ms, got, want)
		}
	}
	for ms, least := range map[int64]time.Duration{-1: 5 * time.Second, 0: 0, math.MaxInt64: math.MaxInt64 / 2} {
		if got := closeTimeout(ms); got < least {
			t.Errorf("closeTimeout(%d) = %v", ms, got)
		}
	}
}

// slow is a core whose first Close lasts until it is told, as one with calls that
// are still ending does.
type slow struct {
	fake
	closing, over chan struct{}
}

func (s *slow) Close(timeout time.Duration) atlas.Outcome {
	if timeout == 0 {
		return atlas.Timeout
	}
	close(s.closing)
	<-s.over
	return atlas.OK
}

func TestHandles_AClientIsKeptForWhoeverClosesItFirst(t *testing.T) {
	var handles table
	c := &slow{closing: make(chan struct{}), over: make(chan struct{})}
	handle := handles.add(c)
	first := make(chan atlas.Outcome)
	go func() { first <- handles.close(handle, time.Hour) }()
	<-c.closing
	if got := handles.close(handle, 0); got != atlas.Timeout {
		t.Errorf("the second close: %d", got)
	}
	if got := outcomeOf(&handles, handle); got != atlas.OK {
		t.Errorf("while the first close lasts the client is %d", got)
	}
	close(c.over)
	if got := <-first; got != atlas.OK {
		t.Errorf("the first close: %d", got)
	}
	if got := outcomeOf(&handles, handle); got != atlas.Closed || handles.live.Load() != 0 {
		t.Errorf("afterwards: %d, %d live", got, handles.live.Load())
	}
}
