package egress

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// busy is a server that answers 429 with a Retry-After as long as it says so.
type busy struct {
	mu    sync.Mutex
	after string // "": not busy
	seen  []string
}

func (b *busy) say(after string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.after = after
}

func (b *busy) requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.seen)
}

func (b *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, r.Method+" "+r.URL.Path)
	if b.after != "" {
		w.Header().Set("Retry-After", b.after)
		w.WriteHeader(429)
	}
}

func TestHold_OneAnswerKeepsTheAccountsOtherRequestsBack(t *testing.T) {
	clock := newFakeClock()
	server := &busy{after: "200"}
	url := serve(t, server.ServeHTTP)
	c := newClient(t, func(o *Options) { o.Clock = clock })
	p := operated(t, c, url)
	if got := mustDo(t, c, p, get(url)); got.Status != 429 {
		t.Fatalf("answered %d", got.Status)
	}
	for _, method := range []string{"GET", "GET", "DELETE", "POST"} {
		failure := mustFail(t, t.Context(), c, p, &Request{Method: method, URL: url + "/other"}, spec.KindRateLimited)
		if failure.Sent || !failure.Retryable || failure.Hint == "" || failure.RetryAfterMS < 200_000 || failure.RetryAfterMS > 200_001 {
			t.Errorf("%s: %+v", method, failure)
		}
	}
	if server.requests() != 1 || len(clock.pauses()) != 0 {
		t.Errorf("%d requests, paused %v", server.requests(), clock.pauses())
	}
	if got, failure := c.Do(t.Context(), p, spec.NewSecret("another key"), get(url)); failure != nil || got.Status != 429 {
		t.Errorf("another account: %+v %v", got, failure)
	}
	server.say("")
	clock.advance(200 * time.Second)
	if got := mustDo(t, c, p, get(url)); got.Status != 200 || len(clock.pauses()) != 0 {
		t.Errorf("after it: %d, paused %v", got.Status, clock.pauses())
	}
}

func TestHold_IsNeverLongerThanItsBound(t *testing.T) {
	clock := newFakeClock()
	server := &busy{after: "86400"}
	url := serve(t, server.ServeHTTP)
	c := newClient(t, func(o *Options) { o.Clock = clock })
	p := operated(t, c, url)
	if got := mustDo(t, c, p, get(url)); got.RetryAfter != 24*time.Hour {
		t.Errorf("whoever was answered is told %v", got.RetryAfter)
	}
	if failure := mustFail(t, t.Context(), c, p, &Request{Method: "DELETE", URL: url}, spec.KindRateLimited); failure.RetryAfterMS > longestShared.Milliseconds()+1 {
		t.Errorf("%+v", failure)
	}
	server.say("")
	clock.advance(longestShared)
	mustDo(t, c, p, &Request{Method: "DELETE", URL: url})
}

func TestHold_EndsACallAtOnceWhoseDeadlineComesFirst(t *testing.T) {
	clock := newFakeClock()
	server := &busy{after: "20"}
	url := serve(t, server.ServeHTTP)
	c := newClient(t, func(o *Options) { o.Clock = clock })
	p := operated(t, c, url)
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		got, failure := c.Do(ctx, p, secret(), get(url))
		cancel()
		if failure == nil && got.Status != 429 || failure != nil && (failure.Kind != spec.KindRateLimited || failure.RetryAfterMS < 19_000) {
			t.Errorf("%+v %+v", got, failure)
		}
	}
	if server.requests() != 1 || len(clock.pauses()) != 0 {
		t.Errorf("%d requests, paused %v", server.requests(), clock.pauses())
	}
}

// Three calls at once are refused at once; from then on one request at a time asks
// for all of them, and they give up together after as many rounds as one call
// alone has attempts.
func TestHold_OneRequestAsksForAllThatWait(t *testing.T) {
	const calls = 3
	server := &busy{after: "20"}
	timeless(t, serving(server.ServeHTTP), func(t *testing.T, m *memory) {
		c := newClient(t, func(o *Options) { o.Dial = m.dial })
		p := operated(t, c, memoryURL)
		start := time.Now()
		var all sync.WaitGroup
		for range calls {
			all.Go(func() {
				if got, failure := c.Do(t.Context(), p, secret(), get(memoryURL)); failure == nil && got.Status != 429 {
					t.Errorf("answered %d", got.Status)
				}
			})
		}
		synctest.Wait()
		first := server.requests()
		all.Wait()
		if after := server.requests() - first; first > calls || after > 4 {
			t.Errorf("%d requests at first, %d after them", first, after)
		}
		if took := time.Since(start); took < 60*time.Second || took > 80*time.Second {
			t.Errorf("they gave up after %v", took)
		}
	})
}

func TestHold_IsAsNarrowAsTheDeclaredLimits(t *testing.T) {
	clock := newFakeClock()
	server := &busy{after: "200"}
	url := serve(t, server.ServeHTTP)
	c := newClient(t, func(o *Options) { o.Clock = clock })
	p := mustPolicy(t, c, PolicySpec{Operator: []string{url}, RateLimits: []spec.RateLimit{
		{Requests: 1000, WindowMS: 1000}, {Method: "POST", Path: "/launch", Requests: 1000, WindowMS: 12_000}}})
	mustDo(t, c, p, &Request{Method: "POST", URL: url + "/launch"})
	mustFail(t, t.Context(), c, p, &Request{Method: "POST", URL: url + "/launch/again"}, spec.KindRateLimited)
	server.say("")
	mustDo(t, c, p, &Request{Method: "DELETE", URL: url + "/machine"})
	server.say("200")
	mustDo(t, c, p, get(url+"/machine")) // the limit of all requests
	for _, method := range []string{"GET", "DELETE", "POST"} {
		mustFail(t, t.Context(), c, p, &Request{Method: method, URL: url + "/x"}, spec.KindRateLimited)
	}
	elsewhere := &busy{}
	other := serve(t, elsewhere.ServeHTTP)
	p.operator = append(p.operator, mustPolicy(t, c, PolicySpec{Operator: []string{other}}).operator...)
	mustDo(t, c, p, get(other))
}

// A cloud that answers, but slowly, is not kept to one request in longestProbe: the
// answer to a request that asked ends the hold, though another asks meanwhile.
func TestHold_EndsWithAnAnswerThatTakesLongerThanTheOthersWait(t *testing.T) {
	const calls, slow = 8, longestProbe + time.Second
	var requests atomic.Int32
	timeless(t, serving(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(429)
			return
		}
		time.Sleep(slow)
	}), func(t *testing.T, m *memory) {
		c := newClient(t, func(o *Options) { o.Dial = m.dial })
		p := operated(t, c, memoryURL)
		if got := mustDo(t, c, p, &Request{Method: "GET", URL: memoryURL, Attempts: 1}); got.Status != 429 {
			t.Fatalf("answered %d", got.Status)
		}
		start := time.Now()
		var all sync.WaitGroup
		for range calls {
			all.Go(func() { mustDo(t, c, p, &Request{Method: "POST", URL: memoryURL}) })
		}
		all.Wait()
		if took := time.Since(start); took != 20*time.Second+slow+slow {
			t.Errorf("%d calls took %v", calls, took)
		}
	})
}
