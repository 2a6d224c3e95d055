package events

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/spec"
)

func feed(t *testing.T, pending int) (*Bus, *Subscription, *int) {
	t.Helper()
	b := NewBus(clock.System{}, Settings{Pending: pending})
	told := 0
	s, err := b.Feed("f", func(*Subscription) { told++ }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b, s, &told
}

func raws(n int) []spec.Raw {
	out := make([]spec.Raw, n)
	for i := range out {
		out[i] = spec.Raw(`{}`)
	}
	return out
}

func TestFeed_OfferDropsCountsAndSays(t *testing.T) {
	_, s, told := feed(t, 3)
	if taken := s.Offer("line", raws(5)); taken != 3 || *told != 0 {
		t.Errorf("%d taken, told %d times before the start", taken, *told)
	}
	s.Start()
	s.Lose(4)
	if taken := s.Offer("line", raws(1)); taken != 0 || *told != 1 {
		t.Errorf("%d taken, told %d times", taken, *told)
	}
	for want := uint64(1); want <= 3; want++ {
		if e, more := s.TakeEvent(); e.Seq != want || e.Name != "line" || !more { // word of the dropped follows at once
			t.Errorf("%+v", e)
		}
	}
	s.Tell("error", spec.Raw(`{"final":true}`))
	e, more := s.TakeEvent()
	if e.Name != "dropped" || string(e.Data) != `{"count":7}` || e.Seq != 10 || !more {
		t.Errorf("%+v", e)
	}
	if e, _ := s.TakeEvent(); e.Name != "error" || e.Seq != 11 || *told != 1 {
		t.Errorf("%+v", e)
	}
}

func TestFeed_PutWaitsForRoomOrTheEnd(t *testing.T) {
	b, s, _ := feed(t, 1)
	s.Start()
	if err := s.Put(t.Context(), "line", spec.Raw(`{}`)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Put(t.Context(), "line", spec.Raw(`{}`)) }()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	s.TakeEvent()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, "line", spec.Raw(`{}`)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() { done <- s.Put(context.Background(), "line", spec.Raw(`{}`)) }()
	b.Unsubscribe(s.ID)
	if err := <-done; err == nil {
		t.Error("a feed that is over took an event")
	}
	if b.Live() != 0 {
		t.Error("it is still there")
	}
	b.Close()
	if _, err := b.Feed("f", nil, nil); err == nil {
		t.Error("a closed bus opened a feed")
	}
}

func TestFeed_IsFullWhereWhatWaitsIsTooLarge(t *testing.T) {
	b := newBus(Settings{PendingBytes: 2500})
	s, _ := b.Feed("f", func(*Subscription) {}, nil)
	large := make(spec.Raw, 1000)
	if taken := s.Offer("line", []spec.Raw{large, large, large, large, large}); taken != 3 {
		t.Errorf("%d lines were taken", taken)
	}
	if _, full := s.Progress(); !full {
		t.Error("it does not say that it is full")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(over, "chunk", large); !errors.Is(err, context.Canceled) {
		t.Errorf("put into a full feed: %v", err)
	}
	if err := s.Hand(t.Context(), Log, &Event{Topic: "f", Seq: 6, Name: "line"}); err != nil {
		t.Error(err)
	}
	s.Tell("status", large)
	if got := take(s); got != "line@1 line@2 line@3 dropped@6 status@7" {
		t.Error(got)
	}
	if err := s.Put(over, "chunk", large); err != nil {
		t.Errorf("put into an empty feed: %v", err)
	}
	b.Close()
}

// Of one event, one reader makes the source wait and the other loses it.
func TestFeed_HandKeepsTheNumbersOfItsSource(t *testing.T) {
	b, _, _ := feed(t, 2)
	at := func(seq uint64) *Event { return &Event{Topic: "f", Seq: seq, Name: "line"} }
	open := func(kept []*Event, last, next uint64) *Subscription {
		s, err := b.FeedFrom("f", kept, last, func(*Subscription) {}, nil)
		if err != nil || s.Next != next {
			t.Fatalf("%+v %v", s, err)
		}
		s.Start()
		return s
	}
	patient, hasty := open(nil, 6, 7), open([]*Event{at(5), at(6)}, 6, 5)
	for seq := uint64(7); seq <= 8; seq++ {
		if err := errors.Join(patient.Hand(t.Context(), Data, at(seq)), hasty.Hand(t.Context(), Log, at(seq))); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := patient.Hand(ctx, Data, at(9)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for s, want := range map[*Subscription][]Event{
		patient: {{Seq: 7, Name: "line"}, {Seq: 8, Name: "line"}, {Seq: 9, Name: "dropped", Data: spec.Raw(`{"count":1}`)}, {Seq: 10, Name: "end"}},
		hasty:   {{Seq: 5, Name: "line"}, {Seq: 6, Name: "line"}, {Seq: 9, Name: "dropped", Data: spec.Raw(`{"count":2}`)}, {Seq: 10, Name: "end"}},
	} {
		if err := s.Hand(t.Context(), Lifecycle, &Event{Seq: 10, Name: "end"}); err != nil {
			t.Error(err)
		}
		s.Finish()
		for _, w := range want {
			if e, _ := s.TakeEvent(); e == nil || e.Seq != w.Seq || e.Name != w.Name || string(e.Data) != string(w.Data) {
				t.Errorf("got %+v, want %+v", e, w)
			}
		}
		if s.Hand(t.Context(), Lifecycle, at(11)) == nil {
			t.Error("a feed that is over took an event")
		}
	}
}

// TestFeed_WhoHasTheLastEventFindsItEnded unsubscribes as soon as the last event is
// there to be taken; the word of what was lost comes before it.
func TestFeed_WhoHasTheLastEventFindsItEnded(t *testing.T) {
	for name, last := range map[string]func(*Subscription){
		"told":   func(s *Subscription) { s.TellLast("end", spec.Raw(`{}`)) },
		"handed": func(s *Subscription) { s.HandLast(&Event{Topic: "f", Seq: 5, Name: "end"}) },
	} {
		b := newBus(Settings{Pending: 1})
		found, got := true, ""
		s, err := b.Feed("f", func(s *Subscription) {
			got = take(s)
			found = b.Unsubscribe(s.ID)
		}, func() { t.Errorf("%s: there was a subscription to end", name) })
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		s.Lose(4)
		last(s)
		if got != "dropped@4 end@5" || found {
			t.Errorf("%s: took %q; a subscription was there: %v", name, got, found)
		}
		last(s)
		if e, _ := s.TakeEvent(); e != nil || b.Live() != 0 {
			t.Errorf("%s: after the end it got %+v", name, e)
		}
		b.Close()
	}
}
