package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// refusal is an answer that is no success.
type refusal struct {
	name   string
	status int
	wait   int64 // Retry-After in seconds; 0: none
	answer Answer
}

// refusals are the failures of clouds: each status with bodies of several
// shapes, and 429 and 503 with and without Retry-After.
func refusals() []refusal {
	var list []refusal
	bodies := []struct{ name, kind, text string }{
		{"no body", "", ""},
		{"a problem document", "application/problem+json", `{"title":"Refused","status":%d,"detail":"the cloud refused","type":"about:blank"}`},
		{"an error object", "application/json", `{"error":{"code":"refused","message":"the cloud refused"},"success":false,"msg":"the cloud refused"}`},
		{"an HTML page", "text/html", `<html><body><h1>%d</h1></body></html>`},
		{"rubbish", "application/json", `{"error":[{"a":` + "\x01"},
	}
	for _, status := range []int{302, 307, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 418, 422, 429, 451, 500, 501, 502, 503, 504, 520, 529} {
		for _, b := range bodies {
			text := b.text
			if text != "" && b.name != "an error object" && b.name != "rubbish" {
				text = fmt.Sprintf(text, status)
			}
			list = append(list, refusal{strconv.Itoa(status) + " with " + b.name, status, 0, Answer{Status: status, Headers: headers(b.kind, 0), Body: Body{text}}})
			if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
				const seconds = 7
				list = append(list, refusal{strconv.Itoa(status) + " with Retry-After and " + b.name, status, seconds, Answer{Status: status, Headers: headers(b.kind, seconds), Body: Body{text}}})
			}
		}
	}
	return list
}

func headers(kind string, wait int64) map[string]string {
	all := map[string]string{}
	if kind != "" {
		all["content-type"] = kind
	}
	if wait > 0 {
		all["retry-after"] = strconv.FormatInt(wait, 10)
	}
	return all
}

// breakages are answers that never come.
func breakages() map[string]func() *egress.Failure {
	return map[string]func() *egress.Failure{
		"the request is never sent": func() *egress.Failure { return transportFailure(false) },
		"the answer is lost":        func() *egress.Failure { return transportFailure(true) },
		"the answer comes too late": timeoutFailure,
	}
}

// checkAnyCloud lets a cloud that knows nothing answer every request of every
// operation in the same way.
func (s *suite) checkAnyCloud() {
	g := s.report.group("any cloud", "the same answer to everything, good, bad and broken")
	for _, operation := range s.manifest.Operations {
		request := s.request(operation)
		for _, r := range refusals() {
			laws := append(noRetry(r.status), follows(r.status), fails(operation, r.status))
			if r.wait > 0 {
				laws = append(laws, waits(r.wait))
			}
			s.judge(g, &trial{name: "everything answers " + r.name, operation: operation, request: request, cloud: always(r.answer)}, laws...)
		}
		for _, status := range []int{200, 201, 202, 204, 299, 100, 302} {
			for _, body := range append(rubbish(`{"id":"conformance-1","status":"running","items":[],"data":{}}`), mutation{name: "echo", text: string(request)}) {
				s.judge(g, &trial{name: fmt.Sprintf("everything answers %d with %s", status, body.name), operation: operation, request: request, raw: true,
					cloud: always(Answer{Status: status, Body: Body{body.text}})})
			}
		}
		if rule := map[string]string{spec.OpTerminate: lawConfirmed, spec.OpCleanUp: lawClean}[operation]; rule != "" {
			for name, answer := range strangers() {
				s.judge(g, &trial{name: "everything answers " + name, operation: operation, request: request, cloud: always(answer)}, confirmed(rule))
			}
		}
		if operation == spec.OpGet || lists(operation) {
			for name, answer := range strangers() {
				s.judge(g, &trial{name: "everything answers " + name, operation: operation, request: request, cloud: always(answer)}, fails(operation, 0), unseen())
			}
		}
		for name, failure := range breakages() {
			s.judge(g, &trial{name: name, operation: operation, request: request, cloud: broken(failure)}, append(noRetry(0), fails(operation, 0))...)
		}
	}
}

// strangers are answers of something between the plugin and its cloud.
func strangers() map[string]Answer {
	const page = "<html><body><h1>We will be back soon</h1></body></html>"
	return map[string]Answer{
		"200 with a page of something between":     {Status: http.StatusOK, Headers: headers("text/html", 0), Body: Body{page}},
		"200 with a document of something between": {Status: http.StatusOK, Headers: headers("application/json", 0), Body: Body{`{"message":"we will be back soon"}`}},
		"404 with a page of something between":     {Status: http.StatusNotFound, Headers: headers("text/html", 0), Body: Body{page}},
	}
}

// unseen is the law of a machine that something between does not know.
func unseen() law {
	return law{lawUnseen, func(o *outcome) string {
		if o.err != nil && o.err.Kind == spec.KindNotFound {
			return describe(o)
		}
		return ""
	}}
}

// confirmed is the law of what something between has answered: what believed it
// would leave a machine that costs, or what a create left beside one.
func confirmed(rule string) law {
	return law{rule, func(o *outcome) string {
		if len(o.sent) > 0 && o.err == nil {
			return describe(o)
		}
		return ""
	}}
}

// noRetry is the law against sending the same again after a failure that may
// pass by itself; 0 is no answer at all. A plugin may look again for what does
// not show yet.
func noRetry(status int) []law {
	if status > 0 && status < 500 && status != http.StatusTooManyRequests {
		return nil
	}
	return []law{{lawNoRetry, func(o *outcome) string {
		for i := 1; i < len(o.sent); i++ {
			if o.sent[i] == o.sent[i-1] {
				return o.sent[i].method + " " + o.sent[i].url + " was sent twice in a row"
			}
		}
		return ""
	}}}
}

// checkStatuses replays every recorded case with one answer replaced by a failure.
func (s *suite) checkStatuses() {
	g := s.report.group("failures", "each recorded answer replaced by each failure, before and after its effect")
	s.eachExchange(func(c *Case, at int, where string) {
		x := &c.Exchanges[at].Request
		sole := len(c.Exchanges) == 1 || creates(c.Operation) && at == lastWrite(c) || lists(c.Operation)
		if c.Operation == spec.OpTerminate && at == endsAt(c) && !unknownThere(c) {
			for name, answer := range strangers() {
				s.judge(g, &trial{name: where + " answers " + name, operation: c.Operation, request: c.Request, cloud: playWith(c.Exchanges, at, always(answer))}, confirmed(lawConfirmed))
			}
		}
		if lists(c.Operation) {
			for name, answer := range strangers() {
				s.judge(g, &trial{name: where + " answers " + name, operation: c.Operation, request: c.Request, cloud: playWith(c.Exchanges, at, always(answer))}, fails(c.Operation, answer.Status))
			}
		}
		for _, r := range refusals() {
			laws := append(noRetry(r.status), follows(r.status))
			if creates(c.Operation) && at == lastWrite(c) {
				laws = append(laws, once(c, at))
			}
			if sole {
				laws = append(laws, fails(c.Operation, r.status))
			}
			if r.wait > 0 {
				laws = append(laws, waits(r.wait))
			}
			if at == lastWrite(c) && (r.status >= 500 || r.status == http.StatusRequestTimeout) {
				laws = append(laws, unsure(c.Operation, x.Method, x.URL))
			}
			if at == lastWrite(c) && at == firstWrite(c) && r.status < 500 && r.status != http.StatusRequestTimeout {
				laws = append(laws, sure(c.Operation))
			}
			s.judge(g, &trial{name: where + " answers " + r.name, operation: c.Operation, request: c.Request, cloud: playWith(c.Exchanges, at, always(r.answer))}, laws...)
		}
		for name, failure := range breakages() {
			laws := noRetry(0)
			if creates(c.Operation) && at == lastWrite(c) {
				laws = append(laws, once(c, at))
			}
			if sole {
				laws = append(laws, fails(c.Operation, 0))
			}
			if at == lastWrite(c) && failure().Sent {
				laws = append(laws, unsure(c.Operation, x.Method, x.URL))
			}
			s.judge(g, &trial{name: where + ": " + name, operation: c.Operation, request: c.Request, cloud: playWith(c.Exchanges, at, broken(failure))}, laws...)
		}
	})
}

// sure is the law of creates that the cloud refused.
func sure(operation string) law {
	return law{lawKnown, func(o *outcome) string {
		if creates(operation) && o.err != nil && o.err.UnknownOutcome {
			return describe(o)
		}
		return ""
	}}
}

// eachExchange visits the exchanges of the recording, one of those that stand at
// the same place of the same operation and succeed alike.
func (s *suite) eachExchange(visit func(c *Case, at int, where string)) {
	visited := map[string]bool{}
	for i := range s.recording.Cases {
		c := &s.recording.Cases[i]
		for at, x := range c.Exchanges {
			like := fmt.Sprint(c.Operation, at, len(c.Exchanges), x.Request.Method, x.Answer.Status)
			if s.ctx.Err() != nil {
				return
			} else if visited[like] {
				continue
			}
			visited[like] = true
			visit(c, at, fmt.Sprintf("%s: %s %s", c.Name, c.Exchanges[at].Request.Method, clip(c.Exchanges[at].Request.URL, 120)))
		}
	}
}

// lastWrite is the place of the exchange that creates, -1 where there is none.
func lastWrite(c *Case) int {
	for at := len(c.Exchanges) - 1; at >= 0; at-- {
		if writes(c.Exchanges[at].Request.Method) {
			return at
		}
	}
	return -1
}

// endsAt is the place of the exchange that ends a machine: the first DELETE, the
// last write where there is none.
func endsAt(c *Case) int {
	for at := range c.Exchanges {
		if c.Exchanges[at].Request.Method == http.MethodDelete {
			return at
		}
	}
	return lastWrite(c)
}

func firstWrite(c *Case) int {
	for at := range c.Exchanges {
		if writes(c.Exchanges[at].Request.Method) {
			return at
		}
	}
	return -1
}

func writes(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// garbled answers with changed text in place of a recorded answer.
func garbled(x *Exchange, text string) respond {
	a := x.Answer
	a.Body = Body{text}
	return func(context.Context, int, *egress.Request) (*egress.Response, *egress.Failure) {
		return a.response(), nil
	}
}

// jsonOperations answer what a cloud says in JSON about one thing, so that
// rubbish instead is a failure.
func jsonOperations(operation string) bool {
	switch operation {
	case spec.OpSpawn, spec.OpGet, spec.OpList, spec.OpFind, spec.OpRunJob, spec.OpGetJob, spec.OpListGPUTypes, spec.OpSearchOffers:
		return true
	}
	return false
}
