package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host"
	"github.com/exatlas/atlas/host/egress"
)

// Plugin is what is tested: a module, and the addresses it is to use.
type Plugin struct {
	Module  []byte
	BaseURL string            // replaces the manifest's, as an operator's base_url does
	Config  map[string]string // the operator's public settings
	Key     spec.Secret       // of the account, for Record
}

// Scenario is one operation with the exchanges it takes when all goes well.
type Scenario struct {
	Operation string          `json:"operation"`
	Request   json.RawMessage `json:"request"`
	Exchanges []Exchange      `json:"exchanges"`
}

// Failure is one case that went wrong.
type Failure struct {
	Case    string `json:"case"`
	Problem string `json:"problem"`
}

// Report is what a run found.
type Report struct {
	Provider string         `json:"provider"`
	Cases    int            `json:"cases"`
	By       map[string]int `json:"by_operation"`
	Failures []Failure      `json:"failures"`
}

// String is for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d cases, %d failed\n", r.Provider, r.Cases, len(r.Failures))
	for i, f := range r.Failures {
		if i == 40 {
			fmt.Fprintf(&b, "  … and %d more\n", len(r.Failures)-i)
			break
		}
		fmt.Fprintf(&b, "  FAIL %s\n       %s\n", f.Case, f.Problem)
	}
	return b.String()
}

// caseTime bounds one call: nothing in a case waits for anything.
const caseTime = 30 * time.Second

// suite is one run over one plugin.
type suite struct {
	plugin   Plugin
	host     *host.Host
	wire     *wire
	manifest *spec.Manifest
	report   *Report
}

// open loads the plugin into a host of its own.
func open(ctx context.Context, p Plugin, live bool) (*suite, error) {
	// The manifest names the provider whose settings apply, so it is read first.
	name, err := nameOf(ctx, p)
	if err != nil {
		return nil, err
	}
	w := &wire{Client: egress.New(egress.Options{}), live: live}
	h, err := host.New(host.Options{Network: w, WatchEvery: -1, Providers: map[string]host.ProviderOptions{name: {BaseURL: p.BaseURL, Config: p.Config}}})
	if err != nil {
		return nil, err
	}
	file, end, err := temporary(p.Module)
	if err != nil {
		return nil, err
	}
	defer end()
	if _, err := h.Load(ctx, file, ""); err != nil { // as anybody's plugin: one that loops is stopped
		return nil, err
	}
	s := &suite{plugin: p, host: h, wire: w, report: &Report{Provider: name, By: map[string]int{}, Failures: []Failure{}}}
	if s.manifest, err = h.Manifest(ctx, name); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *suite) close() {
	ctx, cancel := context.WithTimeout(context.Background(), caseTime)
	defer cancel()
	_ = s.host.Close(ctx) // it has no call in flight
}

func (s *suite) call(ctx context.Context, operation string, request json.RawMessage) (spec.Raw, *spec.Error) {
	ctx, cancel := context.WithTimeout(ctx, caseTime)
	defer cancel()
	value, err := s.host.Call(ctx, spec.Call{Provider: s.report.Provider, Operation: operation, Request: spec.Raw(request), Key: s.plugin.Key})
	if err != nil {
		return nil, spec.AsError(err)
	}
	return value, nil
}

func (s *suite) note(operation, what, problem string) {
	s.report.Cases++
	s.report.By[operation]++
	if problem != "" {
		s.report.Failures = append(s.report.Failures, Failure{Case: operation + ": " + what, Problem: problem})
	}
}

// Run holds a plugin against all scenarios, and against itself. Without scenarios
// of an operation, one is made up whose cloud answers with an empty object.
func Run(ctx context.Context, p Plugin, scenarios []Scenario) (*Report, error) {
	s, err := open(ctx, p, false)
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.describes(ctx)
	have := map[string]bool{}
	for i := range scenarios {
		have[scenarios[i].Operation] = true
	}
	for _, operation := range s.manifest.Operations {
		if !have[operation] {
			made := Scenario{Operation: operation, Request: made(operation, s.manifest), Exchanges: []Exchange{{Method: "GET", Status: 200, Body: "{}"}}}
			s.scenario(ctx, &made, false)
		}
	}
	for i := range scenarios {
		s.scenario(ctx, &scenarios[i], true)
	}
	s.strangeRequests(ctx)
	return s.report, ctx.Err()
}

// describes checks the manifest.
func (s *suite) describes(ctx context.Context) {
	again, err := s.host.Manifest(ctx, s.report.Provider)
	one, _ := json.Marshal(s.manifest) // both were read from JSON
	two, _ := json.Marshal(again)
	problem := ""
	if err != nil || string(one) != string(two) {
		problem = "describe answers something else the second time"
	}
	s.note("describe", "twice", problem)
	exported := map[string]bool{}
	for _, operation := range s.manifest.Operations {
		exported[operation] = true
	}
	for _, operation := range []string{spec.OpSpawn, spec.OpGet, spec.OpList, spec.OpTerminate} {
		problem = ""
		if !exported[operation] {
			problem = "the plugin does not export " + operation
		}
		s.note("describe", operation, problem)
	}
}

// scenario runs every case of one operation. Where it was recorded, the good case
// must succeed.
func (s *suite) scenario(ctx context.Context, c *Scenario, recorded bool) {
	good, failure := s.replay(ctx, c, c.Exchanges)
	if recorded {
		problem := ""
		switch {
		case failure != nil:
			problem = "it failed on the recorded answers: " + failure.Error()
		default:
			problem = wellFormed(c.Operation, good)
		}
		s.note(c.Operation, "as recorded", problem)
		if problem != "" {
			return
		}
	}
	s.endless(ctx, c)
	for k := range c.Exchanges {
		for _, status := range []int{400, 401, 402, 403, 404, 408, 409, 410, 413, 422, 429, 500, 502, 503, 504, 418, 302, 204} {
			s.status(ctx, c, k, status)
		}
		s.broken(ctx, c, k)
		for _, m := range mutants(c.Exchanges[k].Body) {
			s.mutant(ctx, c, k, m, good, recorded)
		}
	}
}

// replay carries out the operation against these answers.
func (s *suite) replay(ctx context.Context, c *Scenario, answers []Exchange) (spec.Raw, *spec.Error) {
	s.wire.set(answers)
	return s.call(ctx, c.Operation, c.Request)
}

// with is the scenario's answers with the one at k replaced.
func with(c *Scenario, k int, e Exchange) []Exchange {
	out := append([]Exchange(nil), c.Exchanges[:k+1]...)
	e.Method, e.URL = c.Exchanges[k].Method, c.Exchanges[k].URL
	out[k] = e
	return append(out, c.Exchanges[k+1:]...)
}

// status has the cloud answer with an HTTP status, in the ways that clouds do.
func (s *suite) status(ctx context.Context, c *Scenario, k, status int) {
	bodies := []struct{ name, body string }{{"JSON", `{"error":"something happened","message":"something happened"}`}, {"HTML", "<html>oops</html>"}, {"nothing", ""},
		{"problem+json", `{"type":"about:blank","title":"something","detail":"something happened","status":` + fmt.Sprint(status) + `}`}, {"half a JSON", `{"error":`}}
	for _, b := range bodies {
		for _, wait := range []int{0, 7} {
			if wait != 0 && status != 429 && status != 503 {
				continue
			}
			value, e := s.replay(ctx, c, with(c, k, Exchange{Status: status, Body: b.body, RetryAfter: wait}))
			problem := s.judge(c.Operation, value, e)
			if problem == "" && e != nil && k == 0 {
				problem = fitting(c.Operation, status, wait, e)
			}
			if problem == "" && e == nil && k == 0 && (status == 401 || status == 403 || status == 429 || status >= 500) {
				problem = fmt.Sprintf("the answer %d became a value", status)
			}
			s.note(c.Operation, fmt.Sprintf("%s answered %d with %s, Retry-After %d", place(k, c.Exchanges[k]), status, b.name, wait), problem)
		}
	}
}

// endless has the cloud say for ever that there is more to come.
func (s *suite) endless(ctx context.Context, c *Scenario) {
	if len(c.Exchanges) == 0 || c.Operation != spec.OpList && c.Operation != spec.OpFind && c.Operation != spec.OpSearchOffers && c.Operation != spec.OpListGPUTypes {
		return
	}
	for _, token := range []string{`"again"`, `true`, `{"token":"again"}`} {
		answers := append([]Exchange(nil), c.Exchanges...)
		last := &answers[len(answers)-1]
		if !strings.HasPrefix(last.Body, "{") || strings.HasPrefix(last.Body, "{}") {
			return
		}
		more := ""
		for _, name := range []string{"next", "next_token", "nextToken", "next_page", "next_cursor", "cursor", "has_more", "hasMore", "pageToken", "after"} {
			more += `"` + name + `":` + token + `,`
		}
		last.Body = "{" + more + last.Body[1:]
		s.wire.set(answers)
		s.wire.repeat = true
		value, e := s.call(ctx, c.Operation, c.Request)
		s.note(c.Operation, "a cloud that says for ever that there is more ("+token+")", s.judge(c.Operation, value, e))
	}
}

// broken breaks the connection, before and after the request was sent.
func (s *suite) broken(ctx context.Context, c *Scenario, k int) {
	for _, f := range []struct {
		what    string
		failure egress.Failure
	}{
		{"the connection was refused", egress.Failure{Error: &spec.Error{Kind: spec.KindTransport, Message: "connection refused", Retryable: true}}},
		{"the answer was lost", egress.Failure{Error: &spec.Error{Kind: spec.KindTransport, Message: "connection reset", Retryable: true}, Sent: true}},
		{"no answer came in time", egress.Failure{Error: &spec.Error{Kind: spec.KindTimeout, Message: "no answer in time", Retryable: true}, Sent: true}},
		{"the caller cancelled", egress.Failure{Error: &spec.Error{Kind: spec.KindCancelled, Message: "cancelled"}, Sent: true}},
	} {
		value, e := s.replay(ctx, c, with(c, k, Exchange{Failure: &f.failure}))
		problem := s.judge(c.Operation, value, e)
		method := c.Exchanges[k].Method
		switch {
		case problem != "":
		case e == nil && k == 0:
			problem = "it became a value"
		case e != nil && k == 0 && e.Kind != f.failure.Kind:
			problem = fmt.Sprintf("a failure of kind %s became %s", f.failure.Kind, e.Kind)
		case e != nil && c.Operation == spec.OpSpawn && f.failure.Sent && method == "POST" && !e.UnknownOutcome:
			problem = "a create may have happened, and the error does not say so (unknown_outcome)"
		}
		s.note(c.Operation, place(k, c.Exchanges[k])+": "+f.what, problem)
	}
}

// mutant has the cloud answer with a body that differs in one thing.
func (s *suite) mutant(ctx context.Context, c *Scenario, k int, m mutant, good spec.Raw, recorded bool) {
	e := c.Exchanges[k]
	e.Body = m.body
	value, failure := s.replay(ctx, c, with(c, k, e))
	problem := s.judge(c.Operation, value, failure)
	if problem == "" && m.same && recorded {
		switch {
		case failure != nil:
			problem = "it failed, though nothing that matters was different: " + failure.Error()
		case !equal(value, good):
			problem = "the value is another one, though nothing that matters was different"
		}
	}
	s.note(c.Operation, place(k, e)+" answered with "+m.what, problem)
}

func (s *suite) judge(operation string, value spec.Raw, e *spec.Error) string {
	if e != nil {
		return sane(e)
	}
	return wellFormed(operation, value)
}

// strangeRequests asks for what no core would, and for identifiers that are meant
// to lead elsewhere.
func (s *suite) strangeRequests(ctx context.Context) {
	for _, operation := range s.manifest.Operations {
		for _, request := range []string{`{}`, `{"id":""}`, `{"id":"../../v1/keys"}`, `{"id":"a/b?c=d#e"}`, `{"id":"x\r\nX-Evil: 1"}`, `{"id":"é ☃"}`,
			`{"id":"` + strings.Repeat("x", 5000) + `"}`, `{"endpoint":"../admin","id":"..","input":null}`, `{"name":"x","gpu":"none such","image":"i","request_id":"r","unknown":[1]}`} {
			s.wire.set([]Exchange{{Status: 200, Body: "{}"}})
			value, e := s.call(ctx, operation, json.RawMessage(request))
			problem := ""
			if e != nil && strings.Contains(e.Message, "a URL that is refused") {
				e = nil // by the host, before anything was sent
			} else if e != nil {
				problem = sane(e)
			} else {
				problem = wellFormed(operation, value)
			}
			for _, r := range s.wire.requests() {
				path, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(r.URL, "https://"), "http://"), "?")
				if strings.Contains(path+"/", "/../") || strings.Contains(path+"/", "/./") || strings.ContainsAny(r.URL, "\r\n #") {
					problem = "an identifier led to another address: " + r.URL
				}
			}
			if len(request) > 100 {
				request = request[:100] + "…"
			}
			s.note(operation, "asked with "+request, problem)
		}
	}
}
