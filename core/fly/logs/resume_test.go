package logs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// Lines that share the moment of a cursor are told apart by their marks: those not
// seen yet come, and those seen do not, whether Fly's cursors count their own
// moment in or not.
func TestSubscribe_ResumesInTheMiddleOfAMoment(t *testing.T) {
	for _, inclusive := range []bool{false, true} {
		t.Run(fmt.Sprint("inclusive=", inclusive), func(t *testing.T) {
			c := &cloud{inclusive: inclusive}
			during(t, c, 0, func(t *testing.T, s *Service) {
				first := listen(t, s, SubscribeParams{})
				time.Sleep(time.Second)
				moment := time.Now()
				c.write("my-api", written{at: moment, text: "a"}, written{at: moment, text: "b"}, written{at: moment, text: "b"},
					written{at: moment, text: "c", visible: moment.Add(20 * time.Second)}, written{at: moment, text: "b", visible: moment.Add(20 * time.Second)})
				time.Sleep(10 * time.Second)
				seen := first.lines()
				first.leave()
				if len(seen) != 3 {
					t.Fatalf("%+v", seen)
				}
				time.Sleep(time.Minute)
				for i, want := range []string{"b b b c", "b b c", "b c"} {
					l := listen(t, s, SubscribeParams{From: seen[i].Cursor})
					time.Sleep(30 * time.Second)
					got := l.texts()
					slices.Sort(got)
					if strings.Join(got, " ") != want {
						t.Errorf("behind line %d came %q, want %s", i, got, want)
					}
					l.leave()
					page, err := s.Fetch(t.Context(), &FetchParams{App: "my-api", NextToken: seen[i].Cursor})
					if err != nil || len(page.Items) != len(got) {
						t.Errorf("a page behind line %d: %+v %v", i, page, err)
					}
				}
			})
		})
	}
}

// Wherever a reader leaves, one that resumes there completes what it has seen.
func TestSubscribe_ResumesBehindEveryLine(t *testing.T) {
	for _, inclusive := range []bool{false, true} {
		c := &cloud{inclusive: inclusive}
		during(t, c, 100_000, func(t *testing.T, s *Service) {
			start := time.Now()
			total := 0
			for group := range 40 { // up to 37 lines a moment, every third of them equal to another
				for i := range 1 + group*7%37 {
					c.write("my-api", written{at: start.Add(time.Duration(group) * time.Millisecond), text: fmt.Sprint(group, " ", i/3)})
					total++
				}
			}
			time.Sleep(time.Minute)
			from := fmt.Sprint(start.UnixNano() - 1)
			whole := listen(t, s, SubscribeParams{From: from})
			time.Sleep(time.Second)
			all := whole.lines()
			whole.leave()
			if len(all) != total {
				t.Fatalf("%d lines of %d", len(all), total)
			}
			count, token := 0, from // and page by page
			for {
				page, err := s.Fetch(t.Context(), &FetchParams{App: "my-api", NextToken: token})
				if err != nil {
					t.Fatal(err)
				}
				for i, l := range page.Items {
					if count+i >= total || l.Message != all[count+i].Message {
						t.Fatalf("line %d by pages is %q", count+i, l.Message)
					}
				}
				if count += len(page.Items); len(page.Items) == 0 || page.NextToken == token {
					break
				}
				token = page.NextToken
			}
			if count != total {
				t.Errorf("%d lines of %d by pages", count, total)
			}
			for cut := 0; cut < total; cut += 13 {
				l := listen(t, s, SubscribeParams{From: all[cut].Cursor})
				time.Sleep(30 * time.Second)
				rest := l.lines()
				l.leave()
				if len(rest) != total-cut-1 {
					t.Fatalf("inclusive %v: %d lines behind line %d of %d", inclusive, len(rest), cut, total)
				}
				for i := range rest {
					if rest[i].Message != all[cut+1+i].Message {
						t.Fatalf("line %d behind line %d is %q", i, cut, rest[i].Message)
					}
				}
			}
		})
	}
}

// A line that is late says where the reader is, not where the line would have been:
// resuming there repeats nothing.
func TestSubscribe_ALateLinesCursorDoesNotGoBack(t *testing.T) {
	c := &cloud{}
	during(t, c, 0, func(t *testing.T, s *Service) {
		l := listen(t, s, SubscribeParams{})
		time.Sleep(time.Second)
		now := time.Now()
		c.write("my-api", written{at: now, text: "one"}, written{at: now.Add(time.Millisecond), text: "late", visible: now.Add(3 * time.Second)}, written{at: now.Add(2 * time.Millisecond), text: "two"})
		time.Sleep(20 * time.Second)
		got := l.lines()
		l.leave()
		if len(got) != 3 || got[2].Message != "late" || got[2].Cursor != got[1].Cursor {
			t.Fatalf("%+v", got)
		}
		again := listen(t, s, SubscribeParams{From: got[2].Cursor})
		time.Sleep(20 * time.Second)
		same(t, again.texts())
		again.leave()
	})
}

// Lines that were on their way when the reader came back come, too, though they
// are older than what the streamer began with. One that begins anew does not get
// them.
func TestSubscribe_LateLinesReachWhoResumes(t *testing.T) {
	c := &cloud{}
	during(t, c, 0, func(t *testing.T, s *Service) {
		now := time.Now()
		c.write("my-api", written{at: now, text: "seen"}, written{at: now.Add(time.Second), text: "late", visible: now.Add(4 * time.Second)}, written{at: now.Add(2 * time.Second), text: "newest"})
		time.Sleep(3 * time.Second)
		l, plain := listen(t, s, SubscribeParams{From: fmt.Sprint(now.UnixNano())}), listen(t, s, SubscribeParams{})
		recent := listen(t, s, SubscribeParams{Recent: true})
		time.Sleep(30 * time.Second)
		same(t, l.texts(), "newest", "late")
		same(t, recent.texts(), "seen", "newest", "late")
		same(t, plain.texts())
		for _, l := range []*listener{l, plain, recent} {
			l.leave()
		}
	})
}

// A reader that vanishes while it catches up, without a word, holds nothing for
// ever.
func TestSubscribe_WhoVanishesWhileCatchingUpIsGivenUp(t *testing.T) {
	c := &cloud{}
	during(t, c, 100, func(t *testing.T, s *Service) {
		start := time.Now()
		for i := range 1000 {
			c.write("my-api", written{at: start.Add(time.Duration(i) * time.Millisecond), text: fmt.Sprint(i)})
		}
		time.Sleep(time.Minute)
		l := listen(t, s, SubscribeParams{From: fmt.Sprint(start.UnixNano() - 1)})
		slow := listen(t, s, SubscribeParams{From: fmt.Sprint(start.UnixNano() - 1)})
		read := 0
		for range 100 { // 10 lines a minute are progress
			time.Sleep(time.Minute)
			for range 10 {
				if e, _ := slow.TakeEvent(); e != nil {
					read++
				}
			}
		}
		if n := len(slow.texts()) + read; n < 1000 {
			t.Errorf("the slow one was given up after %d lines", n)
		}
		slow.leave()
		synctest.Wait()
		if n := s.Streams(); n != 0 {
			t.Errorf("%d streamers for nobody", n)
		}
		got := l.texts()
		if last := got[len(got)-1]; !strings.Contains(last, "nothing was read") {
			t.Errorf("%q", last)
		}
	})
}

// Nothing is asked any more for a reader that left while it could not catch up.
func TestSubscribe_WhoLeavesWhileCatchingUpIsAskedForNoMore(t *testing.T) {
	c := &cloud{down: "ams"}
	during(t, c, 0, func(t *testing.T, s *Service) {
		keeper := listen(t, s, SubscribeParams{})
		l := listen(t, s, SubscribeParams{Region: "ams", Recent: true})
		time.Sleep(time.Minute)
		l.leave()
		synctest.Wait()
		c.mu.Lock()
		before := c.regional
		c.mu.Unlock()
		time.Sleep(time.Hour)
		c.mu.Lock()
		defer c.mu.Unlock()
		if before == 0 || c.regional != before {
			t.Errorf("%d requests, and %d after it left", before, c.regional-before)
		}
		c.mu.Unlock()
		keeper.leave()
		c.mu.Lock()
	})
}

// Where more lines come within the overlap than a ledger counts, none is doubled.
func TestStream_ReadsNoFurtherBackThanItRemembers(t *testing.T) {
	c := &cloud{}
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, c, Settings{Overlap: 10 * time.Second}, 10_000)
		s.counted = 50
		l := listen(t, s, SubscribeParams{})
		time.Sleep(time.Second)
		for i := range 2000 {
			c.write("my-api", written{at: time.Now(), text: fmt.Sprint(i)})
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		got := l.texts()
		if slices.Sort(got); len(got) != 2000 || len(slices.Compact(got)) != 2000 {
			t.Errorf("%d lines", len(got))
		}
		l.leave()
		synctest.Wait()
	})
}

func TestResume_RefusesWhatIsNoCursor(t *testing.T) {
	s := newService(t, &cloud{}, Settings{}, 0)
	for _, bad := range []string{"12.", "12.abc", "12.abcde+", "x.abcdef", "0.abcdef", "-5.abcdef", ".abcdef"} {
		if _, err := s.Fetch(t.Context(), &FetchParams{App: "my-api", NextToken: bad}); spec.AsError(err) == nil || spec.AsError(err).Kind != spec.KindValidation {
			t.Errorf("%s: %v", bad, err)
		}
	}
	p := place{}
	for range mostMarks + 5 {
		p.pass(&Line{at: 1 << 60, Message: "x"})
	}
	if text := p.cursor(); len(text) > 512 {
		t.Errorf("%d characters", len(text))
	}
}

func TestFetch_FiltersWhatFlyDoesNot(t *testing.T) {
	c := &cloud{}
	s := newService(t, c, Settings{}, 0)
	c.write("my-api", written{at: time.Now().Add(-time.Second), text: "x", region: "ord", instance: "m1"})
	if out, err := s.Fetch(t.Context(), &FetchParams{App: "my-api", Region: "ams", Instance: "m1"}); err != nil || len(out.Items) != 0 {
		t.Errorf("%+v %v", out, err)
	}
}

// What comes for a reader that is catching up waits for it, as much as may, and the rest
// is counted: of the lines that it asked for.
func TestStreamer_CountsWhatItCannotHoldForWhoCatchesUp(t *testing.T) {
	bus := events.NewBus(clock.System{}, events.Settings{})
	defer bus.Close()
	sub, fault := bus.Feed("fly.logs:my-api", func(*events.Subscription) {}, nil)
	if fault != nil {
		t.Fatal(fault)
	}
	sub.Start()
	r := &reader{sub: sub, filter: filter{instance: "a"}}
	st := &streamer{readers: map[*reader]struct{}{}}
	st.join(r, true)
	lines := func(n int, instance string) (out []entry) {
		for range n {
			out = append(out, entry{Line: &Line{Instance: instance}})
		}
		return out
	}
	st.spread(append(lines(100, "b"), lines(mostHeld-5, "a")...))
	if _, full := sub.Progress(); len(r.held) != mostHeld-5 || full {
		t.Fatalf("%d lines are held", len(r.held))
	}
	st.spread(append(lines(12, "a"), lines(1000, "b")...))
	st.spread(lines(3, "a"))
	sub.Tell("after", nil)
	e, _ := sub.TakeEvent()
	if len(r.held) != mostHeld || e == nil || e.Name != "dropped" || string(e.Data) != `{"count":10}` {
		t.Errorf("%d lines are held; %+v", len(r.held), e)
	}
}
