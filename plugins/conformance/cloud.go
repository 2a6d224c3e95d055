package conformance

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// respond answers the n-th request of a call, counted from 0.
type respond func(ctx context.Context, n int, r *egress.Request) (*egress.Response, *egress.Failure)

// script is the cloud of one call. It travels in the call's context.
type script struct {
	respond respond

	mu   sync.Mutex
	seen []sent
}

// sent is a request that the plugin made.
type sent struct {
	method, url, body string
}

type scriptKey struct{}

// network stands in for the host's HTTP client: it decides where a request may
// go as that one does, and asks the script of the call for the answer.
type network struct {
	client *egress.Client
	once   sync.Once
}

func newNetwork() *network { return &network{client: egress.New(egress.Options{})} }

func (n *network) Policy(s egress.PolicySpec) (*egress.Policy, error) { return n.client.Policy(s) }
func (n *network) Check(p *egress.Policy, url string) error           { return n.client.Check(p, url) }
func (n *network) Close()                                             { n.once.Do(n.client.Close) }

func (n *network) Do(ctx context.Context, _ *egress.Policy, _ spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
	s, _ := ctx.Value(scriptKey{}).(*script)
	if s == nil { // a describe that asks; the host has refused it already
		return nil, transportFailure(false)
	}
	s.mu.Lock()
	at := len(s.seen)
	s.seen = append(s.seen, sent{r.Method, r.URL, string(r.Body)})
	s.mu.Unlock()
	return s.respond(ctx, at, r)
}

// response makes an answer as the host's client hands it on: header names in
// lower case, Retry-After in seconds.
func (a Answer) response() *egress.Response {
	out := &egress.Response{Status: a.Status, Body: []byte(a.Body.text)}
	typed := false
	for name, value := range a.Headers {
		out.Header = append(out.Header, egress.Header{Name: name, Value: value})
		typed = typed || name == "content-type"
		if seconds, err := strconv.Atoi(value); err == nil && name == "retry-after" {
			out.RetryAfter = time.Duration(seconds) * time.Second
		}
	}
	if !typed && a.Body.text != "" {
		out.Header = append(out.Header, egress.Header{Name: "content-type", Value: "application/json"})
	}
	return out
}

// always answers every request alike.
func always(a Answer) respond {
	return func(context.Context, int, *egress.Request) (*egress.Response, *egress.Failure) {
		return a.response(), nil
	}
}

// broken gives no answer.
func broken(failure func() *egress.Failure) respond {
	return func(context.Context, int, *egress.Request) (*egress.Response, *egress.Failure) { return nil, failure() }
}

func transportFailure(sent bool) *egress.Failure {
	return &egress.Failure{Sent: sent, Error: &spec.Error{Kind: spec.KindTransport, Message: "the connection broke", Retryable: true}}
}

func timeoutFailure() *egress.Failure {
	return &egress.Failure{Sent: true, Error: &spec.Error{Kind: spec.KindTimeout, Message: "out of time while waiting for the answer", Retryable: true}}
}

// hold waits for the end of the call, as a cloud does that never answers.
func hold(ctx context.Context, _ int, _ *egress.Request) (*egress.Response, *egress.Failure) {
	<-ctx.Done()
	kind, message := spec.KindCancelled, "cancelled while waiting for the answer"
	if ctx.Err() == context.DeadlineExceeded {
		kind, message = spec.KindTimeout, "out of time while waiting for the answer"
	}
	return nil, &egress.Failure{Sent: true, Error: &spec.Error{Kind: kind, Message: message, Err: ctx.Err()}}
}

// play answers as a recording does. A request that is not in it gets the last
// answer given to the same method and URL, or 404.
func play(exchanges []Exchange) respond { return playWith(exchanges, -1, nil) }

// playWith is play with the answer to the exchange at replaced.
func playWith(exchanges []Exchange, at int, instead respond) respond {
	used := make([]bool, len(exchanges))
	return func(ctx context.Context, n int, r *egress.Request) (*egress.Response, *egress.Failure) {
		found := -1
		for i := range exchanges {
			if exchanges[i].Request.Method != r.Method || exchanges[i].Request.URL != r.URL {
				continue
			}
			if found = i; !used[i] {
				break
			}
		}
		if found < 0 {
			return Answer{Status: http.StatusNotFound, Body: Body{`{"error":"the recording has no such request"}`}}.response(), nil
		}
		used[found] = true
		if found == at {
			return instead(ctx, n, r)
		}
		return exchanges[found].Answer.response(), nil
	}
}
