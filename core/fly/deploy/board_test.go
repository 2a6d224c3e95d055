package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// shifted is the system's clock, some time on.
type shifted struct {
	clock.System
	mu sync.Mutex
	by time.Duration
}

func (c *shifted) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *shifted) on(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

// following is a reader of a deploy.
type following struct {
	*events.Subscription
	signal chan struct{}
}

func follow(t *testing.T, s *site, ticket string, from uint64) *following {
	t.Helper()
	f := &following{signal: make(chan struct{}, 1)}
	var err error
	if f.Subscription, err = s.Follow(ticket, from, f.ready); err != nil {
		t.Fatal(err)
	}
	f.Start()
	return f
}

func (f *following) ready(*events.Subscription) {
	select {
	case f.signal <- struct{}{}:
	default:
	}
}

// rest reads until the subscription is over.
func (f *following) rest() []*events.Event {
	var all []*events.Event
	for {
		if e, _ := f.TakeEvent(); e != nil {
			all = append(all, e)
			continue
		}
		select {
		case <-f.signal:
		case <-f.Done():
			for {
				e, _ := f.TakeEvent()
				if e == nil {
					return all
				}
				all = append(all, e)
			}
		}
	}
}

func names(list []*events.Event) string {
	var all []string
	for _, e := range list {
		all = append(all, fmt.Sprint(e.Seq, e.Name, string(e.Data)))
	}
	return strings.Join(all, "\n")
}

// The seed's subscribe_deploy took any number of subscribers, also before the
// start; here a deploy had one reader.
func TestFollow_AnyNumberBeforeWhileAndAfter(t *testing.T) {
	s := newSite(t, "pace:10")
	early := []*following{follow(t, s, "mine", 1), follow(t, s, "mine", 0)}
	other := follow(t, s, "other", 1)
	var during *following
	watch(t, s, Params{Path: s.folder, Ticket: "mine"}, func(e *events.Event) {
		if e.Topic != "fly.deploy:mine" {
			t.Errorf("topic %s", e.Topic)
		}
		if e.Name == EventPhase && during == nil {
			during = follow(t, s, "mine", 2)
		}
	})
	whole := follow(t, s, "mine", 1).rest()
	if len(whole) < 10 || whole[0].Name != EventStarted || whole[0].Seq != 1 || whole[len(whole)-1].Name != EventResult {
		t.Fatal(names(whole))
	}
	for i, f := range early {
		if got := f.rest(); names(got) != names(whole) {
			t.Errorf("early reader %d got\n%s", i, names(got))
		}
	}
	if got := during.rest(); during.Next != 2 || names(got) != names(whole[1:]) {
		t.Errorf("from %d:\n%s", during.Next, names(got))
	}
	last := whole[len(whole)-1].Seq
	if got := follow(t, s, "mine", last-1).rest(); names(got) != names(whole[len(whole)-2:]) {
		t.Error(names(got))
	}
	if got := follow(t, s, "mine", 0).rest(); names(got) != names(whole[len(whole)-1:]) { // it must not wait for ever
		t.Error(names(got))
	}
	if e, _ := other.TakeEvent(); e != nil {
		t.Errorf("another ticket got %s", e.Name)
	}
	s.Bus.Unsubscribe(other.ID)
	if s.Bus.Live() != 0 || len(s.board.tickets) != 1 {
		t.Errorf("%d subscriptions, %d tickets are left", s.Bus.Live(), len(s.board.tickets))
	}
}

func TestFollow_ADeployThatBlocksAndOneThatFails(t *testing.T) {
	s := newSite(t, "fail")
	early := follow(t, s, "ci-4711", 1)
	if _, err := s.Run(t.Context(), &Params{Path: s.folder, Ticket: "ci-4711"}); err == nil {
		t.Error("no error")
	}
	got := early.rest()
	if last := got[len(got)-1]; last.Name != EventError || !strings.HasPrefix(string(last.Data), `{"final":true,"error":{"kind":"provider"`) {
		t.Error(names(got))
	}
	if after := follow(t, s, "ci-4711", 1).rest(); names(after) != names(got) {
		t.Error(names(after))
	}
}

func TestTicket_IsRefusedWhileItsDeployRunsAndGoesOnAfterwards(t *testing.T) {
	s := newSite(t, "ok")
	for _, bad := range []string{"a b", "a:b", "ä", strings.Repeat("x", 65), "a/b"} {
		if _, err := s.Run(t.Context(), &Params{Path: s.folder, Ticket: bad}); spec.AsError(err).Kind != spec.KindValidation {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := s.Follow(bad, 0, nil); spec.AsError(err).Kind != spec.KindValidation {
			t.Errorf("%q: %v", bad, err)
		}
	}
	taken := false
	watch(t, s, Params{Path: s.folder, Ticket: "1"}, func(e *events.Event) {
		if e.Name != EventLine || taken {
			return
		}
		taken = true
		_, err := s.Run(t.Context(), &Params{Path: s.folder, Ticket: "1"})
		if e := spec.AsError(err); e == nil || e.Kind != spec.KindConflict || !strings.Contains(e.Hint, "fly.deploy:1") {
			t.Errorf("%v", err)
		}
	})
	last := follow(t, s, "1", 0).rest()[0].Seq
	next := follow(t, s, "1", last+1)                                                          // what it asks for is of the next deploy
	if second := watch(t, s, Params{Path: s.folder}, nil); second[0].Topic != "fly.deploy:2" { // 1 is taken
		t.Error(second[0].Topic)
	}
	third := watch(t, s, Params{Path: s.folder, Ticket: "1"}, nil)
	if third[0].Seq != last+1 || third[0].Name != EventStarted {
		t.Error(names(third))
	}
	if got := next.rest(); names(got) != names(third) {
		t.Error(names(got))
	}
	if again := follow(t, s, "1", 1); again.Next != last+1 {
		t.Errorf("the deploy before is still there: from %d", again.Next)
	}
}

// Who joined must not hold a deploy up. Lines drop, counted and said; the result
// does not.
func TestFollow_ASlowReaderLosesLinesAndNotTheResult(t *testing.T) {
	const count = 20_000
	s := newSite(t, "flood:"+strconv.Itoa(count))
	slow := follow(t, s, "mine", 1)
	out, err := s.Run(t.Context(), &Params{Path: s.folder, Ticket: "mine"})
	if err != nil || out.Lines < count {
		t.Fatalf("%+v %v", out, err)
	}
	got := slow.rest()
	lost, last := 0, got[len(got)-1]
	for _, e := range got {
		var d struct{ Count int }
		if e.Name == "dropped" && json.Unmarshal(e.Data, &d) == nil {
			lost += d.Count
		}
	}
	if last.Name != EventResult || lost == 0 || int(last.Seq) != lost+len(got)-1 || got[len(got)-2].Name != "dropped" {
		t.Errorf("%d events, %d lost, the last is %d %s", len(got), lost, last.Seq, last.Name)
	}
}

func TestFollow_LeavingLeavesTheDeployAlone(t *testing.T) {
	s := newSite(t, "hang")
	joined, left := follow(t, s, "1", 1), follow(t, s, "1", 1)
	f := &following{signal: make(chan struct{}, 1)}
	sub, err := s.Stream(t.Context(), &Params{Path: s.folder, Ticket: "1"}, f.ready)
	if err != nil {
		t.Fatal(err)
	}
	f.Subscription = sub
	f.Start()
	for name := ""; name != EventLine; {
		if e, _ := left.TakeEvent(); e == nil {
			<-left.signal
		} else {
			name = e.Name
		}
	}
	s.Bus.Unsubscribe(left.ID)
	if s.Running() != 1 {
		t.Error("it was cancelled by a reader who joined")
	}
	s.Bus.Unsubscribe(sub.ID) // the starter's
	all := joined.rest()
	if last := all[len(all)-1]; last.Name != EventError || !strings.Contains(string(last.Data), `"kind":"cancelled"`) {
		t.Error(names(all))
	}
	gone(t, s.record().PID)
}

func TestBoard_KeepsWithinItsBounds(t *testing.T) {
	s := newSite(t, "flood:3000")
	at := &shifted{}
	s.board.clock = at
	if _, err := s.Run(t.Context(), &Params{Path: s.folder, Ticket: "long"}); err != nil {
		t.Fatal(err)
	}
	if got := follow(t, s, "long", 1); got.Next < 2000 || len(got.rest()) != keptEvents {
		t.Errorf("kept from %d", got.Next)
	}
	large := s.board.ticket("large")
	large.running = true
	for range 100 {
		s.board.tell(context.Background(), large, events.Data, EventLine, spec.Raw(`"`+strings.Repeat("x", 64<<10)+`"`))
	}
	if len(large.kept) > 16 || large.bytes > keptBytes {
		t.Errorf("%d events of %d bytes are kept", len(large.kept), large.bytes)
	}
	s.board.end(large, EventResult, spec.Raw(`"`+strings.Repeat("x", 2*keptBytes)+`"`))
	if len(large.kept) != 1 {
		t.Errorf("the last event is not kept alone: %d", len(large.kept))
	}
	for i := range keptEnded {
		at.on(time.Second)
		done, err := s.board.claim("short-" + strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		s.board.end(done, EventResult, spec.Raw(`{}`))
	}
	if len(s.board.tickets) != keptEnded || s.board.tickets["long"] != nil || s.board.tickets["short-0"] == nil {
		t.Errorf("%d tickets are kept", len(s.board.tickets))
	}
	waiting := follow(t, s, "short-3", 100_000)
	at.on(keptFor)
	again := follow(t, s, "long", 1)
	if again.Next < 3000 {
		t.Errorf("numbers of a ticket that comes back begin at %d", again.Next)
	}
	s.Bus.Unsubscribe(again.ID)
	if left := s.board.tickets; len(left) != 1 || left["short-3"] == nil {
		t.Errorf("after an hour %d tickets are left", len(left))
	}
	s.Bus.Unsubscribe(waiting.ID)
	if len(s.board.tickets) != 0 {
		t.Error("nobody waits, and a ticket is left")
	}
}

func TestFollow_ManyReadersOfManyDeploysAtOnce(t *testing.T) {
	s := newSite(t, "flood:300,pace:1")
	var wg sync.WaitGroup
	for d := range 4 {
		ticket := "t" + strconv.Itoa(d)
		for range 8 {
			f := follow(t, s, ticket, 1)
			wg.Go(func() {
				got := f.rest()
				if last := got[len(got)-1]; last.Name != EventResult {
					t.Error(last.Name)
				}
				if !slices.IsSortedFunc(got, func(a, b *events.Event) int { return int(a.Seq) - int(b.Seq) }) {
					t.Error("out of order")
				}
			})
		}
		wg.Go(func() {
			if _, err := s.Run(t.Context(), &Params{Path: s.folder, Ticket: ticket}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := os.Remove(s.log); err != nil || s.Bus.Live() != 0 {
		t.Errorf("%v, %d subscriptions are left", err, s.Bus.Live())
	}
}

// TestBoard_WhoHasTheLastEventFindsItsFeedEnded looks as soon as the last event is
// there to be taken.
func TestBoard_WhoHasTheLastEventFindsItsFeedEnded(t *testing.T) {
	bus := events.NewBus(clock.System{}, events.Settings{})
	defer bus.Close()
	b := &board{clock: clock.System{}, bus: bus, tickets: map[string]*ticket{}}
	k, err := b.claim("a")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	look := func(s *events.Subscription) {
		for e, _ := s.TakeEvent(); e != nil; e, _ = s.TakeEvent() {
			select {
			case <-s.Done():
				seen++
			default:
				t.Errorf("it has %s and is not over", e.Name)
			}
		}
	}
	starter, err := b.start(k, look, func() { t.Error("there was a subscription to end") })
	if err != nil {
		t.Fatal(err)
	}
	reader, err := b.follow("a", 0, look)
	if err != nil {
		t.Fatal(err)
	}
	starter.Start()
	reader.Start()
	b.end(k, "done", spec.Raw(`{}`))
	if seen != 2 || bus.Unsubscribe(starter.ID) {
		t.Errorf("%d have the last event", seen)
	}
}
