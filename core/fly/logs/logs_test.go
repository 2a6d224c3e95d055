package logs

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// during runs a test in virtual time.
func during(t *testing.T, c *cloud, queue int, test func(t *testing.T, s *Service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, c, Settings{}, queue)
		test(t, s)
		synctest.Wait()
	})
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestStream_LinesOnceWhateverTheyDo(t *testing.T) {
	for _, inclusive := range []bool{false, true} {
		t.Run(fmt.Sprint("inclusive=", inclusive), func(t *testing.T) {
			c := &cloud{inclusive: inclusive}
			during(t, c, 0, func(t *testing.T, s *Service) {
				c.write("my-api", written{at: time.Now().Add(-time.Minute), text: "before"})
				l := listen(t, s, SubscribeParams{})
				time.Sleep(time.Second)
				now := time.Now()
				c.write("my-api",
					written{at: now, text: "one"},
					written{at: now.Add(time.Millisecond), text: "late", visible: now.Add(4 * time.Second)},
					written{at: now.Add(2 * time.Millisecond), text: "two"},
					written{at: now.Add(2 * time.Millisecond), text: "two"},     // the same moment, the same text
					written{at: now.Add(2 * time.Millisecond), text: "another"}, // the same moment
					written{at: now.Add(-time.Second), text: "very late", visible: now.Add(3 * time.Second)})
				time.Sleep(2 * time.Second)
				same(t, l.texts(), "one", "two", "two", "another")
				c.write("my-api", written{at: time.Now(), text: "two"})
				time.Sleep(20 * time.Second)
				got := l.texts()
				slices.Sort(got)
				same(t, got, "late", "two", "very late")
				time.Sleep(time.Hour)
				same(t, l.texts())
				l.leave()
			})
		})
	}
}

// D4 and D5 of the seed: the streamer went on with nobody left, and two first
// subscribers at once could crash.
func TestStream_OneAnAppStartedByTheFirstStoppedByTheLast(t *testing.T) {
	c := &cloud{}
	during(t, c, 0, func(t *testing.T, s *Service) {
		var wg sync.WaitGroup
		all := make([]*listener, 50)
		for i := range all {
			wg.Go(func() { all[i] = listen(t, s, SubscribeParams{}) })
		}
		wg.Wait()
		if n := s.Streams(); n != 1 {
			t.Fatalf("%d streamers", n)
		}
		time.Sleep(time.Second)
		c.requests()
		time.Sleep(20 * time.Second)
		many := c.requests()
		for _, l := range all[1:] {
			l.leave()
		}
		time.Sleep(20 * time.Second)
		if one := c.requests(); many > one+2 || one == 0 {
			t.Errorf("%d requests for 50 readers, %d for one", many, one)
		}
		all[0].leave()
		synctest.Wait()
		if n := s.Streams(); n != 0 {
			t.Errorf("%d streamers for nobody", n)
		}
		c.requests()
		time.Sleep(time.Hour)
		if n := c.requests(); n != 0 {
			t.Errorf("%d requests for nobody", n)
		}
		l := listen(t, s, SubscribeParams{})
		time.Sleep(time.Second)
		if c.requests() == 0 || s.Streams() != 1 {
			t.Error("it does not start again")
		}
		l.leave()
	})
}

func TestStream_IsKindWhileNothingComes(t *testing.T) {
	c := &cloud{}
	during(t, c, 0, func(t *testing.T, s *Service) {
		l := listen(t, s, SubscribeParams{})
		time.Sleep(time.Minute)
		c.requests()
		time.Sleep(time.Minute)
		if n := c.requests(); n > 31 {
			t.Errorf("%d requests in a silent minute", n)
		}
		for range 300 { // 30 s of 10 lines a second
			c.write("my-api", written{at: time.Now(), text: "x"})
			time.Sleep(100 * time.Millisecond)
		}
		if n := c.requests(); n < 100 {
			t.Errorf("%d requests while lines come", n)
		}
		time.Sleep(5 * time.Second)
		if n := len(l.texts()); n != 300 {
			t.Errorf("%d lines", n)
		}
		l.leave()
	})
}

func TestStream_ARefusedTokenIsReplacedOnceThenItEnds(t *testing.T) {
	c := &cloud{tokens: []string{"old", "new"}, good: "old"}
	during(t, c, 0, func(t *testing.T, s *Service) {
		l, other := listen(t, s, SubscribeParams{}), listen(t, s, SubscribeParams{})
		time.Sleep(time.Second)
		c.mu.Lock()
		c.good = "new"
		c.mu.Unlock()
		c.write("my-api", written{at: time.Now(), text: "under the new one"})
		time.Sleep(5 * time.Second)
		same(t, l.texts(), "under the new one")
		_, refused := c.past()
		same(t, refused, "old")
		c.mu.Lock()
		c.good = "neither"
		c.mu.Unlock()
		time.Sleep(5 * time.Second)
		for _, l := range []*listener{l, other} {
			got := l.texts()
			if last := got[len(got)-1]; !strings.HasPrefix(last, `error {"final":true,"error":{"kind":"unauthorized"`) {
				t.Errorf("%q", got)
			}
			select {
			case <-l.Done():
			default:
				t.Error("the subscription is not over")
			}
		}
		c.requests()
		time.Sleep(time.Hour)
		if n := c.requests(); n != 0 || s.Streams() != 0 {
			t.Errorf("%d requests after the end", n)
		}
	})
}

func TestStream_EndsForAnAppThatIsNotThereOrAnothers(t *testing.T) {
	for status, kind := range map[int]string{404: "not_found", 403: "forbidden"} {
		c := &cloud{answers: []*Answer{{Status: status, RequestID: "01REQ"}}}
		during(t, c, 0, func(t *testing.T, s *Service) {
			l := listen(t, s, SubscribeParams{})
			time.Sleep(time.Minute)
			got := l.texts()
			if len(got) != 1 || !strings.Contains(got[0], `"kind":"`+kind+`"`) || !strings.Contains(got[0], "01REQ") {
				t.Errorf("%d: %q", status, got)
			}
			if n := c.requests(); n != 1 {
				t.Errorf("%d: %d requests", status, n)
			}
		})
	}
}

// TestStream_TellsAtOnceOfALongPause: five of them could be an hour.
func TestStream_TellsAtOnceOfALongPause(t *testing.T) {
	c := &cloud{answers: []*Answer{nil, {Status: 429, RetryAfter: 10 * time.Minute}}}
	during(t, c, 0, func(t *testing.T, s *Service) {
		l := listen(t, s, SubscribeParams{})
		time.Sleep(time.Minute)
		if got := l.texts(); len(got) != 1 || !strings.HasPrefix(got[0], "stalled ") || !strings.Contains(got[0], `"retry_after_ms":600000`) {
			t.Errorf("%q", got)
		}
		time.Sleep(10 * time.Minute)
		if got := l.texts(); !slices.Equal(got, []string{"resumed {}"}) {
			t.Errorf("%q", got)
		}
	})
}

func TestStream_WaitsOutLimitsAndFailures(t *testing.T) {
	c := &cloud{answers: []*Answer{nil, {Status: 429, RetryAfter: 20 * time.Second}}}
	for range 8 {
		c.answers = append(c.answers, &Answer{Status: 503})
	}
	c.answers = append(c.answers, &Answer{Status: 200, Body: []byte("<html>")})
	during(t, c, 0, func(t *testing.T, s *Service) {
		l := listen(t, s, SubscribeParams{})
		time.Sleep(time.Second)
		c.write("my-api", written{at: time.Now(), text: "meanwhile"})
		time.Sleep(5 * time.Minute)
		got := l.texts()
		if len(got) != 3 || !strings.HasPrefix(got[0], "stalled ") || got[1] != "resumed {}" && got[2] != "resumed {}" || !slices.Contains(got, "meanwhile") {
			t.Errorf("%q", got)
		}
		times, _ := c.past()
		if pause := times[2].Sub(times[1]); pause < 20*time.Second {
			t.Errorf("asked again %v after a Retry-After of 20 s", pause)
		}
		if grown := times[9].Sub(times[8]); grown < 20*time.Second {
			t.Errorf("the pause has not grown: %v", grown)
		}
		l.leave()
	})
}

func TestSubscribe_FiltersAndResumes(t *testing.T) {
	c := &cloud{}
	during(t, c, 0, func(t *testing.T, s *Service) {
		start := time.Now()
		for i := range 250 {
			c.write("my-api", written{at: start.Add(time.Duration(i) * time.Millisecond), text: fmt.Sprint("old ", i), region: []string{"ord", "ams"}[i%2], instance: fmt.Sprint("m", i%5)})
		}
		time.Sleep(time.Minute)
		whole := listen(t, s, SubscribeParams{From: fmt.Sprint(start.Add(49 * time.Millisecond).UnixNano())})
		ams := listen(t, s, SubscribeParams{Region: "ams"})
		one := listen(t, s, SubscribeParams{Instance: "m3", Recent: true})
		recent := listen(t, s, SubscribeParams{Recent: true})
		time.Sleep(10 * time.Second)
		got := whole.texts()
		if len(got) != 200 || got[0] != "old 50" || got[199] != "old 249" {
			t.Errorf("resumed with %d lines: %q", len(got), got[:min(3, len(got))])
		}
		if got := one.texts(); len(got) != 50 || got[0] != "old 3" {
			t.Errorf("one machine: %d lines", len(got))
		}
		if got := recent.texts(); len(got) != 100 || got[0] != "old 150" {
			t.Errorf("recent: %d lines", len(got))
		}
		now := time.Now()
		c.write("my-api", written{at: now, text: "a", region: "ams", instance: "m3"}, written{at: now.Add(1), text: "b", region: "ord", instance: "m3"}, written{at: now.Add(2), text: "c", region: "ams", instance: "m1"})
		time.Sleep(30 * time.Second)
		same(t, whole.texts(), "a", "b", "c")
		same(t, ams.texts(), "a", "c")
		same(t, one.texts(), "a", "b")
		same(t, recent.texts(), "a", "b", "c")
		for _, l := range []*listener{whole, ams, one, recent} {
			l.leave()
		}
		for _, p := range []SubscribeParams{{App: "../x"}, {App: "a", Region: "a b"}, {App: "a", From: "a b"}, {App: "a", Instance: "x&y"}} {
			if _, err := s.Subscribe(t.Context(), &p, nil); spec.AsError(err).Kind != spec.KindValidation {
				t.Errorf("%+v: %v", p, err)
			}
		}
	})
}

func TestSubscribe_CatchesUpWhileLinesCome(t *testing.T) {
	c := &cloud{}
	during(t, c, 100_000, func(t *testing.T, s *Service) {
		keeper := listen(t, s, SubscribeParams{})
		time.Sleep(time.Second)
		start := time.Now().UnixNano()
		var late *listener
		for i := range 3000 {
			c.write("my-api", written{at: time.Now(), text: fmt.Sprint(i), visible: time.Now().Add(time.Duration(i%7) * 300 * time.Millisecond)})
			time.Sleep(2 * time.Millisecond)
			if i == 2000 {
				late = listen(t, s, SubscribeParams{From: fmt.Sprint(start - 1)})
			}
		}
		time.Sleep(time.Minute)
		for name, l := range map[string]*listener{"from the start": keeper, "resumed": late} {
			got := l.texts()
			seen := map[string]int{}
			for _, text := range got {
				seen[text]++
			}
			if len(got) != 3000 || len(seen) != 3000 {
				t.Errorf("%s: %d lines, %d of them different", name, len(got), len(seen))
			}
			l.leave()
		}
	})
}

func TestSubscribe_TheSlowLoseCountedLinesAndHoldUpNobody(t *testing.T) {
	c := &cloud{}
	during(t, c, 100, func(t *testing.T, s *Service) {
		quick, slow := listen(t, s, SubscribeParams{}), listen(t, s, SubscribeParams{})
		time.Sleep(time.Second)
		total := 0
		for range 50 {
			for range 20 {
				c.write("my-api", written{at: time.Now(), text: fmt.Sprint(total)})
				total++
				time.Sleep(time.Millisecond)
			}
			time.Sleep(500 * time.Millisecond)
			if got := quick.texts(); len(got) == 0 {
				t.Fatal("the slow one holds up the quick one")
			}
		}
		first := slow.texts()
		if len(first) != 101 || first[100] != `dropped {"count":900}` { // told at once, not with the next line
			t.Fatalf("%d events, the last %q", len(first), first[len(first)-1])
		}
		c.write("my-api", written{at: time.Now(), text: "after"})
		time.Sleep(5 * time.Second)
		same(t, slow.texts(), "after")
		// One that is never read again is given up.
		for range 1000 {
			c.write("my-api", written{at: time.Now(), text: "x"})
			time.Sleep(time.Second)
			quick.texts()
		}
		got := slow.texts()
		if last := got[len(got)-1]; !strings.Contains(last, "nothing was read") {
			t.Errorf("%q", last)
		}
		quick.leave()
	})
}

func TestFetch_PagesAndErrors(t *testing.T) {
	c := &cloud{}
	s := newService(t, c, Settings{}, 0)
	start := time.Now().Add(-time.Hour)
	for i := range 150 {
		c.write("my-api", written{at: start.Add(time.Duration(i)), text: fmt.Sprint(i)})
	}
	out, err := s.Fetch(t.Context(), &FetchParams{App: "my-api", NextToken: fmt.Sprint(start.UnixNano() - 1), Region: "ord", Instance: "148e290"})
	if err != nil || len(out.Items) != 100 || out.Items[0].Message != "0" || out.Items[0].Source != "app" || out.Items[0].Cursor == "" {
		t.Fatalf("%+v %v", out, err)
	}
	if strings.Contains(c.lastURL, "region=") {
		t.Errorf("the region is sent beside the machine: %s", c.lastURL)
	}
	out, err = s.Fetch(t.Context(), &FetchParams{App: "my-api", NextToken: out.NextToken})
	if err != nil || len(out.Items) != 50 {
		t.Fatalf("%+v %v", out, err)
	}
	for status, kind := range map[int]spec.Kind{403: spec.KindForbidden, 404: spec.KindNotFound, 429: spec.KindRateLimited, 500: spec.KindProvider} {
		c.answers = []*Answer{{Status: status, RetryAfter: time.Second}}
		if _, err := s.Fetch(t.Context(), &FetchParams{App: "my-api"}); spec.AsError(err).Kind != kind || spec.AsError(err).RetryAfterMS != 1000 {
			t.Errorf("%d: %v", status, err)
		}
	}
	c.answers = []*Answer{{Status: 401}, {Status: 401}}
	c.requests()
	if _, err := s.Fetch(t.Context(), &FetchParams{App: "my-api"}); spec.AsError(err).Kind != spec.KindUnauthorized || c.requests() != 2 {
		t.Errorf("%v", err)
	}
}

func TestParse_BothShapes(t *testing.T) {
	stream := `{"event":{"provider":"app"},"fly":{"app":{"instance":"m1","name":"a"},"region":"iad"},"host":"h","log":{"level":"info"},"message":"hello","timestamp":"2026-01-01T00:00:00.5Z"}`
	for name, body := range map[string]string{
		"lines":         stream + "\nnot json\n\n" + stream + "\n",
		"list":          "[" + stream + "," + stream + "]",
		"document":      `{"data":[{"id":"1","type":"log","attributes":{"timestamp":"2026-01-01T00:00:00.5Z","message":"hello","level":"info","meta":{"instance":"m1","region":"iad","event":{"provider":"app"}}}},` + stream + `],"meta":{"next_token":1779235200000000000}}`,
		"missing parts": `{"data":[{"attributes":{"timestamp":"2026-01-01T00:00:00.5Z","message":"hello","level":"info","instance":"m1","region":"iad","meta":{"event":{"provider":"app"},"error":null}}},` + stream + `,{},null,7]}`,
	} {
		out, ok := parse("a", []byte(body))
		if !ok || len(out.lines) != 2 {
			t.Errorf("%s: %+v", name, out)
			continue
		}
		want := Line{App: "a", Timestamp: "2026-01-01T00:00:00.5Z", Message: "hello", Level: "info", Region: "iad", Instance: "m1", Source: "app", at: 1767225600500000000}
		for _, l := range out.lines {
			if l != want {
				t.Errorf("%s: %+v", name, l)
			}
		}
	}
	if out, ok := parse("a", []byte(`{"data":[],"meta":{"next_token":"5"}}`)); !ok || out.next != "5" {
		t.Error("an empty page")
	}
	for _, bad := range []string{"<html>", `{"error":"x"}`, "{"} {
		if _, ok := parse("a", []byte(bad)); ok {
			t.Errorf("%s is a page", bad)
		}
	}
}

// TestStream_WhoHasTheLastEventFindsItsSubscriptionEnded looks as soon as it is there
// to be taken, whichever part of the stream gives up: the catching up or the reading.
func TestStream_WhoHasTheLastEventFindsItsSubscriptionEnded(t *testing.T) {
	for name, row := range map[string]struct {
		answers []*Answer
		from    string
	}{
		"catching up": {[]*Answer{nil, {Status: 404}}, "1700000000000000000"},
		"reading":     {[]*Answer{{Status: 404}}, ""},
	} {
		c := &cloud{answers: row.answers}
		during(t, c, 0, func(t *testing.T, s *Service) {
			seen := 0
			sub, err := s.Subscribe(t.Context(), &SubscribeParams{App: "my-api", From: row.from}, func(sub *events.Subscription) {
				for e, _ := sub.TakeEvent(); e != nil; e, _ = sub.TakeEvent() {
					select {
					case <-sub.Done():
						seen++
					default:
						t.Errorf("%s: it has %s %s and is not over", name, e.Name, e.Data)
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			sub.Start()
			time.Sleep(time.Second)
			synctest.Wait()
			if seen != 1 {
				t.Errorf("%s: %d last events", name, seen)
			}
		})
	}
}
