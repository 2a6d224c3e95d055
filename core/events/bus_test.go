package events

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func newBus(s Settings) *Bus { return NewBus(clock.System{}, s) }

func publish(t *testing.T, b *Bus, topic string, class Class, name string) {
	t.Helper()
	if err := b.Publish(context.Background(), topic, class, name, []byte(`{"n":1}`)); err != nil {
		t.Fatal(err)
	}
}

// take empties a subscription: the events' names and numbers.
func take(s *Subscription) string {
	var out []string
	for {
		e, _ := s.TakeEvent()
		if e == nil {
			return strings.Join(out, " ")
		}
		out = append(out, fmt.Sprintf("%s@%d", e.Name, e.Seq))
	}
}

func subscribe(t *testing.T, b *Bus, topic string, from uint64, told *int) *Subscription {
	t.Helper()
	s, err := b.Subscribe(topic, from, func(*Subscription) {
		if told != nil {
			*told++
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBus_NumbersEventsAndStartsWhereAsked(t *testing.T) {
	b := newBus(Settings{Retain: 3})
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		publish(t, b, "x", Lifecycle, name)
	}
	publish(t, b, "other", Lifecycle, "z")
	for _, row := range []struct {
		from, next uint64
		want       string
	}{
		{0, 6, "f@6"}, {1, 3, "c@3 d@4 e@5 f@6"}, {4, 4, "d@4 e@5 f@6"}, {6, 6, "f@6"}, {99, 6, "f@6"},
	} {
		s := subscribe(t, b, "x", row.from, nil)
		if s.Next != row.next {
			t.Errorf("from %d: next %d, want %d", row.from, s.Next, row.next)
		}
		defer func() {
			if got := take(s); got != row.want {
				t.Errorf("from %d: %s, want %s", row.from, got, row.want)
			}
		}()
	}
	publish(t, b, "x", Lifecycle, "f")
}

func TestBus_TellsAReaderOnceUntilItHasTakenAll(t *testing.T) {
	b := newBus(Settings{})
	told := 0
	s := subscribe(t, b, "x", 0, &told)
	publish(t, b, "x", Lifecycle, "a")
	if told != 0 {
		t.Fatal("told before it was started")
	}
	s.Start()
	publish(t, b, "x", Lifecycle, "b")
	if told != 1 {
		t.Fatalf("told %d times", told)
	}
	if _, more := s.Take(); !more {
		t.Fatal("the second event is there")
	}
	publish(t, b, "x", Lifecycle, "c")
	if told != 1 {
		t.Fatal("told though it has not taken all")
	}
	take(s)
	publish(t, b, "x", Lifecycle, "d")
	if told != 2 {
		t.Fatalf("told %d times", told)
	}
}

func TestBus_DropsLogLinesCountsThemAndNeverLifecycle(t *testing.T) {
	b := newBus(Settings{Pending: 2})
	s := subscribe(t, b, "x", 0, nil)
	for _, e := range []struct {
		class Class
		name  string
	}{{Log, "l1"}, {Log, "l2"}, {Log, "l3"}, {Log, "l4"}, {Lifecycle, "s1"}, {Log, "l5"}, {Lifecycle, "s2"}} {
		publish(t, b, "x", e.class, e.name)
	}
	var counts []string
	for {
		item, _ := s.Take()
		if item == nil {
			break
		}
		var e struct {
			Event string
			Data  struct{ Count int }
		}
		if err := json.Unmarshal(item, &e); err != nil {
			t.Fatal(err, string(item))
		}
		counts = append(counts, fmt.Sprint(e.Event, e.Data.Count))
	}
	if got := strings.Join(counts, " "); got != "l10 l20 dropped2 s10 dropped1 s20" {
		t.Error(got)
	}
}

func TestBus_DataWaitsForTheSlowestReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(Settings{Pending: 2})
		s := subscribe(t, b, "x", 0, nil)
		published := 0
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 5 {
				if b.Publish(context.Background(), "x", Data, "chunk", nil) == nil {
					published++
				}
			}
		})
		synctest.Wait()
		if published != 2 {
			t.Errorf("%d published into room for 2", published)
		}
		s.TakeEvent()
		synctest.Wait()
		if published != 3 {
			t.Errorf("%d published after one was taken", published)
		}
		b.Unsubscribe(s.ID)
		wg.Wait()
		if published != 5 {
			t.Errorf("%d published after the reader left", published)
		}
	})
}

// Room is asked for before an event is there, so the one that fills a subscription
// may be of any size, and none is too large ever to pass.
func TestBus_DataWaitsWhereWhatWaitsIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(Settings{PendingBytes: 2500})
		s := subscribe(t, b, "x", 0, nil)
		published := 0
		var wg sync.WaitGroup
		wg.Go(func() {
			for _, size := range []int{1000, 1000, 1000, 1000, 9000, 10} {
				if b.Publish(context.Background(), "x", Data, "chunk", make([]byte, size)) == nil {
					published++
				}
			}
		})
		for taken, want := range []int{3, 4, 5, 5, 5, 6} {
			if synctest.Wait(); published != want {
				t.Errorf("%d published after %d were taken, want %d", published, taken, want)
			}
			s.TakeEvent()
		}
		b.Unsubscribe(s.ID)
		wg.Wait()
	})
}

func TestBus_LinesDropAndLifecycleStaysWhereWhatWaitsIsTooLarge(t *testing.T) {
	b := newBus(Settings{PendingBytes: 2500})
	s := subscribe(t, b, "x", 0, nil)
	for _, e := range []struct {
		class Class
		name  string
		size  int
	}{{Log, "l1", 5000}, {Log, "l2", 1}, {Lifecycle, "s1", 5000}, {Log, "l3", 1}, {Lifecycle, "s2", 5000}} {
		if err := b.Publish(context.Background(), "x", e.class, e.name, make([]byte, e.size)); err != nil {
			t.Fatal(err)
		}
	}
	if got := take(s); got != "l1@1 dropped@2 s1@3 dropped@4 s2@5" {
		t.Error(got)
	}
	publish(t, b, "x", Log, "l4")
	if got := take(s); got != "l4@6" {
		t.Errorf("emptied, it gets %q", got)
	}
}

func TestBus_APublisherThatWaitsEndsWithItsContextAndWithTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(Settings{Pending: 1})
		subscribe(t, b, "x", 0, nil)
		publish(t, b, "x", Data, "a")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := b.Publish(ctx, "x", Data, "b", nil); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		var last error
		var wg sync.WaitGroup
		wg.Go(func() { last = b.Publish(context.Background(), "x", Data, "c", nil) })
		synctest.Wait()
		b.Close()
		wg.Wait()
		if last == nil {
			t.Error("published on a closed bus")
		}
	})
}

func TestBus_ForgetsIdleTopicsAndNeverReusesNumbers(t *testing.T) {
	b := newBus(Settings{Topics: 2})
	held := subscribe(t, b, "held", 0, nil)
	publish(t, b, "held", Lifecycle, "h")
	for i := range 5 {
		publish(t, b, "a", Lifecycle, fmt.Sprint(i))
	}
	publish(t, b, "b", Lifecycle, "x")
	publish(t, b, "c", Lifecycle, "x")
	if len(b.topics) != 3 {
		t.Fatalf("%d topics kept", len(b.topics))
	}
	s := subscribe(t, b, "a", 1, nil)
	publish(t, b, "a", Lifecycle, "again")
	if got := take(s); got != "again@6" {
		t.Error(got)
	}
	if got := take(held); got != "h@1" {
		t.Error(got)
	}
}

func TestBus_KeepsNoMoreOfATopicThanMayBe(t *testing.T) {
	b := newBus(Settings{Retain: 4, TopicBytes: 3 * (128 + 1000)})
	give := func(name string, size int) {
		t.Helper()
		if err := b.Publish(context.Background(), "x", Data, name, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name string
		size int
		want string
	}{
		{"a", 1000, "a@1"}, {"b", 1000, "a@1 b@2"}, {"c", 1000, "a@1 b@2 c@3"},
		{"d", 1000, "b@2 c@3 d@4"},                                                        // too large together, though not too many
		{"e", 0, "c@3 d@4 e@5"}, {"f", 0, "c@3 d@4 e@5 f@6"}, {"g", 0, "d@4 e@5 f@6 g@7"}, // the ring is full
		{"h", 100_000, "h@8"}, // the latest is kept, however large
		{"i", 1000, "i@9"}, {"j", 10, "i@9 j@10"},
	} {
		give(step.name, step.size)
		s := subscribe(t, b, "x", 1, nil)
		if got := take(s); got != step.want {
			t.Errorf("after %s: %q, want %q", step.name, got, step.want)
		}
		b.Unsubscribe(s.ID)
	}
}

func TestBus_KeepsNoMoreOfIdleTopicsThanMayBe(t *testing.T) {
	const most = 100_000
	b := newBus(Settings{IdleBytes: most})
	held := subscribe(t, b, "held", 0, nil)
	for i := range 200 {
		topic := fmt.Sprint("job ", i)
		s := subscribe(t, b, topic, 0, nil)
		for range 5 {
			for range 2 {
				if err := b.Publish(context.Background(), topic, Data, "chunk", make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
			}
			take(s)
		}
		if i%2 == 0 {
			s.Finish()
		} else {
			b.Unsubscribe(s.ID)
		}
		publish(t, b, topic, Lifecycle, "late") // to an idle one
		publish(t, b, "held", Lifecycle, "h")
	}
	idle, all := 0, 0
	for _, topic := range b.topics {
		size := 0
		for _, e := range topic.kept {
			size += e.size()
		}
		if all += size; topic.idleAt != nil {
			idle += size
		}
	}
	if idle != b.idleBytes || idle > most+1000 || all <= idle {
		t.Errorf("idle topics keep %d bytes, counted as %d, of %d", idle, b.idleBytes, all)
	}
	if got := strings.Fields(take(subscribe(t, b, "job 199", 1, nil))); len(got) != 11 {
		t.Error("of the latest topic are kept: ", got)
	}
	if got := strings.Fields(take(held)); len(got) != 200 {
		t.Errorf("%d events of a topic that is subscribed to", len(got))
	}
}

func TestBus_FinishKeepsWhatWasNotTakenAndUnsubscribeDropsIt(t *testing.T) {
	b := newBus(Settings{})
	ended := 0
	s, _ := b.Subscribe("x", 0, func(*Subscription) {}, func() { ended++ })
	publish(t, b, "x", Lifecycle, "a")
	s.Finish()
	publish(t, b, "x", Lifecycle, "b")
	if got := take(s); got != "a@1" || b.Live() != 0 || b.Unsubscribe(s.ID) || ended != 0 {
		t.Error(got, b.Live(), ended)
	}
	s, _ = b.Subscribe("x", 1, func(*Subscription) {}, func() { ended++ })
	if !b.Unsubscribe(s.ID) || b.Unsubscribe(s.ID) || take(s) != "" || ended != 1 {
		t.Error("unsubscribe")
	}
	select {
	case <-s.Done():
	default:
		t.Error("not done")
	}
}

func TestEvent_IsJSONWhateverItsTopic(t *testing.T) {
	e := Event{Topic: "a\"\\\n\x01é\xff", Seq: 7, Time: time.Unix(0, 5).UTC(), Name: "n", Data: nil}
	var back map[string]any
	if err := json.Unmarshal(e.Append(nil, "sub-1"), &back); err != nil || back["topic"] != "a\"\\\n\x01é\ufffd" || back["seq"] != 7.0 {
		t.Errorf("%v %v", back, err)
	}
}

// TestBus_WhoHasTheLastEventFindsTheSubscriptionEnded unsubscribes as soon as the
// last event is there to be taken.
func TestBus_WhoHasTheLastEventFindsTheSubscriptionEnded(t *testing.T) {
	b := newBus(Settings{})
	defer b.Close()
	found, got := true, ""
	s, err := b.Subscribe("t", 0, func(s *Subscription) {
		got = take(s)
		found = b.Unsubscribe(s.ID)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	b.PublishLast("t", "result", spec.Raw(`{"final":true}`), slices.Values([]*Subscription{s}))
	if got != "result@1" || found {
		t.Errorf("took %q; a subscription was there: %v", got, found)
	}
	select {
	case <-s.Done():
	default:
		t.Error("it is not over")
	}
}
