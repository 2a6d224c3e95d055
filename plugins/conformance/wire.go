package conformance

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// Exchange is one request to the cloud and its answer.
type Exchange struct {
	Method     string          `json:"method"`
	URL        string          `json:"url"`
	Status     int             `json:"status"`
	Header     []egress.Header `json:"header,omitempty"`
	Body       string          `json:"body"`
	RetryAfter int             `json:"retry_after,omitempty"` // s

	Failure *egress.Failure `json:"-"` // instead of an answer
}

// wire is the network of the plugin under test: it answers what its case says and
// keeps what was asked. What a plugin asks beyond its case is not there.
type wire struct {
	*egress.Client // of which only the policies are used

	mu      sync.Mutex
	answers []Exchange
	asked   []egress.Request
	repeat  bool // the last answer is every further one
	live    bool // answers come from the network, and are kept in answers
}

func (w *wire) set(answers []Exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers, w.asked, w.repeat = answers, nil, false
}

func (w *wire) requests() []egress.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// Do answers one request.
func (w *wire) Do(ctx context.Context, p *egress.Policy, key spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
	if w.live {
		return w.record(ctx, p, key, r)
	}
	if err := w.Check(p, r.URL); err != nil {
		return nil, &egress.Failure{Error: spec.AsError(err)}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.asked)
	w.asked = append(w.asked, *r)
	if n >= len(w.answers) && w.repeat && n > 0 {
		n = len(w.answers) - 1
	}
	if n >= len(w.answers) {
		return &egress.Response{Status: 404, Body: []byte(`{"error":"not found"}`)}, nil
	}
	a := w.answers[n]
	if a.Failure != nil {
		return nil, a.Failure
	}
	if a.RetryAfter > 0 {
		a.Header = append(a.Header[:len(a.Header):len(a.Header)], egress.Header{Name: "retry-after", Value: strconv.Itoa(a.RetryAfter)})
	}
	out := &egress.Response{Status: a.Status, Header: a.Header, Body: []byte(a.Body), RetryAfter: time.Duration(a.RetryAfter) * time.Second}
	return out, nil
}

func (w *wire) record(ctx context.Context, p *egress.Policy, key spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
	got, failure := w.Client.Do(ctx, p, key, r)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, *r)
	e := Exchange{Method: r.Method, URL: r.URL, Failure: failure}
	if got != nil {
		e.Status, e.Header, e.Body = got.Status, got.Header, string(got.Body)
	}
	w.answers = append(w.answers, e)
	return got, failure
}
