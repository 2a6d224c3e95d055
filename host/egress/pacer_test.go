package egress

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// times reserves n places and returns when each is due, from now.
func times(a *account, now time.Time, n int, method, path string) []time.Duration {
	var all []time.Duration
	for range n {
		all = append(all, a.reserve(now, now, way{method: method, path: path}).Sub(now))
	}
	return all
}

func same(t *testing.T, got []time.Duration, want ...time.Duration) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("due after %v, want %v", got, want)
	}
}

const second = time.Second

func TestPacer_KeepsDeclaredLimits(t *testing.T) {
	now := time.Now()
	a := newAccount([]spec.RateLimit{{Requests: 2, WindowMS: 2000}})
	same(t, times(a, now, 4, "GET", "/"), 0, 0, second, 2*second)
	same(t, times(a, now.Add(3*second), 2, "GET", "/"), 0, second)
	same(t, times(a, now.Add(time.Hour), 3, "GET", "/"), 0, 0, second)

	smooth := newAccount([]spec.RateLimit{{Requests: 10, WindowMS: 10_000, Burst: 1}})
	same(t, times(smooth, now, 3, "GET", "/"), 0, second, 2*second)
}

func TestPacer_LimitsByMethodAndPath(t *testing.T) {
	now := time.Now()
	a := newAccount([]spec.RateLimit{{Method: "POST", Path: "/v2/pods", Requests: 1, WindowMS: 5000}, {Path: "/v2/", Requests: 1, WindowMS: 1000}})
	same(t, times(a, now, 2, "GET", "/other"), 0, 0)
	same(t, times(a, now, 2, "POST", "/v2/pods"), 0, 5*second)
	same(t, times(a, now, 1, "GET", "/v2/x"), 2*second)
}

func TestPacer_GivesPlacesBack(t *testing.T) {
	now := time.Now()
	a := newAccount([]spec.RateLimit{{Requests: 1, WindowMS: 1000}})
	same(t, times(a, now, 3, "GET", "/"), 0, second, 2*second)
	a.giveBack(way{method: "GET", path: "/"})
	same(t, times(a, now, 1, "GET", "/"), 2*second)
}

// A launch that the limit of all requests puts off by two seconds keeps the next
// launch 12 s away from when it goes out, and keeps nobody else from going out.
func TestPacer_CountsTheSlowestLimitFromWhenTheRequestGoesOut(t *testing.T) {
	now := time.Now()
	a := newAccount([]spec.RateLimit{{Requests: 1, WindowMS: 1000}, {Method: "POST", Path: "/launch", Requests: 1, WindowMS: 12_000}})
	same(t, times(a, now, 2, "GET", "/"), 0, 1*second)
	same(t, times(a, now, 2, "POST", "/launch"), 2*second, 14*second)
	same(t, times(a, now, 1, "GET", "/"), 4*second)
}

func TestPacer_LearnsWindows(t *testing.T) {
	now := time.Now()
	a := newAccount(nil)
	a.learn(now, origin{}, &limits{remaining: `"minute";r=2;t=12, "hour";r=2800;t=1812`, policy: `"minute";q=3;w=60, "hour";q=3000;w=3600`})
	same(t, times(a, now, 6, "GET", "/"), 0, 0, 12*second, 12*second, 12*second, 72*second)
	// An older answer, read late, does not bring places back.
	a.learn(now, origin{}, &limits{remaining: `"minute";r=2;t=12`, policy: `"minute";q=3;w=60`})
	same(t, times(a, now, 1, "GET", "/"), 72*second)
	// The next window begins.
	same(t, times(a, now.Add(13*second), 1, "GET", "/"), 59*second)
	same(t, times(a, now.Add(73*second), 1, "GET", "/"), 59*second)
	same(t, times(a, now.Add(10*time.Minute), 3, "GET", "/"), 0, 0, 0)
}

func TestPacer_HoldsWhenAWindowIsExhausted(t *testing.T) {
	now := time.Now()
	a := newAccount(nil)
	if a.learn(now, origin{}, &limits{remaining: `"minute";r=1;t=12`}); a.active.Load() {
		t.Error("a window that is not exhausted and has no quota limits the account")
	}
	a.learn(now, origin{}, &limits{remaining: `"minute";r=0;t=12, "hour";r=5;t=1000`})
	same(t, times(a, now, 2, "GET", "/"), 12*second, 12*second)
	same(t, times(a, now.Add(12*second), 2, "GET", "/"), 0, 0)
}

// A window of a day keeps nothing back for longer than an answer may, so that a
// machine can be given back as soon as the server lets it.
func TestPace_AsksAgainBeforeALongWindowOpens(t *testing.T) {
	for name, header := range map[string]string{
		"used up":               `"minute";r=50;t=12, "day";r=0;t=45012`,
		"used up by the counts": `"minute";r=50;t=12, "day";r=1;t=45012`,
	} {
		clock := newFakeClock()
		requests := 0
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if requests++; requests < 3 {
				w.Header().Set("RateLimit", header)
				w.Header().Set("RateLimit-Policy", `"minute";q=60;w=60, "day";q=50000;w=86400`)
			}
		})
		c := newClient(t, func(o *Options) { o.Clock = clock })
		p := operated(t, c, url)
		mustDo(t, c, p, get(url))
		if name == "used up" {
			failure := mustFail(t, t.Context(), c, p, &Request{Method: "DELETE", URL: url}, spec.KindRateLimited)
			if failure.RetryAfterMS > longestShared.Milliseconds()+1 {
				t.Errorf("%s: %+v", name, failure)
			}
			clock.advance(longestShared)
		} else {
			mustDo(t, c, p, get(url)) // the last one that is counted
		}
		mustDo(t, c, p, &Request{Method: "DELETE", URL: url})
		if len(clock.pauses()) != 0 {
			t.Errorf("%s: paused %v", name, clock.pauses())
		}
	}
}

// The windows of one API of an account say nothing of another's.
func TestPacer_KeepsTheWindowsOfOriginsApart(t *testing.T) {
	now, machines, jobs := time.Now(), origin{host: "api"}, origin{host: "jobs"}
	a := newAccount(nil)
	a.learn(now, machines, &limits{remaining: `"minute";r=1;t=12`, policy: `"minute";q=60;w=60`})
	next := func(at origin) time.Duration {
		return a.reserve(now, now, way{to: at, method: "GET", path: "/"}).Sub(now)
	}
	same(t, []time.Duration{next(jobs), next(jobs), next(machines), next(machines), next(jobs)}, 0, 0, 0, 12*second, 0)
	a.giveBack(way{to: jobs})
	same(t, []time.Duration{next(machines)}, 12*second)
	a.learn(now, machines, &limits{remaining: `"minute";r=0;t=13`})
	same(t, []time.Duration{next(machines), next(jobs)}, 13*second, 0)
	a.learn(now, jobs, &limits{remaining: `"minute";r=0;t=14`})
	a.learn(now, jobs, &limits{remaining: `"minute";r=0;t=2`})
	same(t, []time.Duration{next(machines), next(jobs)}, 13*second, 14*second)
}

func TestPacer_KeepsAccountsApart(t *testing.T) {
	c := newClient(t)
	p := mustPolicy(t, c, PolicySpec{RateLimits: []spec.RateLimit{{Requests: 1, WindowMS: 1000}}})
	if p.account("one") != p.account("one") || p.account("one") == p.account("two") {
		t.Error("accounts are not kept by key")
	}
	for i := range 2 * mostAccounts {
		p.account(fmt.Sprint(i))
	}
	if len(p.accounts) > mostAccounts {
		t.Errorf("%d accounts are kept", len(p.accounts))
	}
}

func TestPace_ServesInOrderOfArrival(t *testing.T) {
	clock := newFakeClock()
	var mu sync.Mutex
	var order []string
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		order = append(order, r.URL.Path)
		mu.Unlock()
	})
	c := newClient(t, func(o *Options) { o.Clock = clock })
	p := mustPolicy(t, c, PolicySpec{Operator: []string{url}, RateLimits: []spec.RateLimit{{Requests: 1, WindowMS: 1000}}})
	mustDo(t, c, p, get(url+"/0"))
	var all sync.WaitGroup
	for i := 1; i <= 3; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if _, failure := c.Do(t.Context(), p, secret(), get(url+"/"+fmt.Sprint(i))); failure != nil {
				t.Error(failure.Error)
			}
		}()
		clock.pending(i)
	}
	for i := 1; i <= 3; i++ {
		clock.advance(time.Second)
		for served := 0; served < i+1; { // the one that is due arrives before the clock moves on
			mu.Lock()
			served = len(order)
			mu.Unlock()
		}
	}
	all.Wait()
	if fmt.Sprint(order) != "[/0 /1 /2 /3]" {
		t.Errorf("served %v", order)
	}
}

func TestPace_HoldsOtherRequestsOfTheAccount(t *testing.T) {
	clock := newFakeClock()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("RateLimit", `"minute";r=0;t=12`) })
	c := newClient(t, func(o *Options) { o.Clock = skipping{clock} })
	p := operated(t, c, url)
	mustDo(t, c, p, get(url))
	if len(clock.pauses()) != 0 {
		t.Errorf("the first request waits %v", clock.pauses())
	}
	mustDo(t, c, p, get(url))
	if got := clock.pauses(); len(got) != 1 || got[0] != 12*second {
		t.Errorf("the second request waits %v", got)
	}
	if _, failure := c.Do(t.Context(), p, spec.NewSecret("another key"), get(url)); failure != nil || len(clock.pauses()) != 1 {
		t.Errorf("another account waits: %v %v", failure, clock.pauses())
	}
}

func TestPace_RefusesWhatWouldComeTooLate(t *testing.T) {
	clock := newFakeClock()
	var requests atomic.Int32
	url := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	c := newClient(t, func(o *Options) { o.Clock, o.MaxWait = clock, 2*time.Minute })
	p := mustPolicy(t, c, PolicySpec{Operator: []string{url}, RateLimits: []spec.RateLimit{{Requests: 1, WindowMS: 60_000}}})
	mustDo(t, c, p, get(url))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 3 { // each gives its place back
		failure := mustFail(t, ctx, c, p, &Request{Method: "POST", URL: url}, spec.KindRateLimited)
		if failure.Sent || !failure.Retryable || failure.RetryAfterMS < 60_000 || failure.RetryAfterMS > 60_001 {
			t.Errorf("%+v", failure)
		}
	}
	if requests.Load() != 1 || len(clock.pauses()) != 0 {
		t.Errorf("%d requests, paused %v", requests.Load(), clock.pauses())
	}
}

func TestPace_EndsWithItsContext(t *testing.T) {
	clock := newFakeClock()
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := newClient(t, func(o *Options) { o.Clock = clock })
	p := mustPolicy(t, c, PolicySpec{Operator: []string{url}, RateLimits: []spec.RateLimit{{Requests: 1, WindowMS: 1000}}})
	mustDo(t, c, p, get(url))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		clock.pending(1)
		cancel()
	}()
	if failure := mustFail(t, ctx, c, p, &Request{Method: "POST", URL: url}, spec.KindCancelled); failure.Sent {
		t.Error("sent")
	}
	same(t, times(p.account(canary), clock.Now(), 1, "GET", "/"), second)
}

func TestLimits_AreReadLeniently(t *testing.T) {
	got := ""
	for w := range windows(`"minute";r=0;t=12 , hour; r=2800 ;t=1812,,"bad";r=x;t=1,"half";r=1, "huge";r=1;t=99999999999`) {
		got += fmt.Sprintf("%s %d %v|", w.name, w.count, w.span)
	}
	if want := "minute 0 12s|hour 2800 30m12s|huge 1 168h0m0s|"; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	for text, want := range map[string]time.Duration{"": 0, "0": 0, "1.5": 1500 * time.Millisecond, "NaN": 0, "1e99": longestHold, "-1": 0, "Inf": longestHold, "soon": 0} {
		if got := retryAfter(text, time.Now()); got != want {
			t.Errorf("Retry-After %q: %v, want %v", text, got, want)
		}
	}
}
