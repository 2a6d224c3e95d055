package fly

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/internal/openapicheck"
	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/plugins/sdk"
	simfly "github.com/exatlas/atlas/sim/fly"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

// contract is the vendor's document. The query parameters are those that the
// fact sheet has from flyctl and from Fly's prose.
var contract = simtest.NewContract("fly", "machines-openapi.json", func(doc *openapicheck.Doc) { doc.AllowQuery("POST", "/apps", "wait") })

func TestRequests_AreHeldAgainstTheVendorsContract(t *testing.T) {
	contract.RefusesRequest(t, "POST", "/apps/a/machines", `{"config":{"guest":{"cpus":"many"}}}`)
}

// sent is a request that went out.
type sent struct{ method, path, body, nonce string }

// relay carries a provider's requests to a simulator, as the host would, but
// without retries, and holds each against the contract.
type relay struct {
	t      testing.TB
	url    string
	client *http.Client
	key    string
	sent   []sent
	before func(sdk.Request) // called before each request
}

func (r *relay) Do(request sdk.Request) (sdk.Response, *spec.Error) {
	if r.before != nil {
		r.before(request)
	}
	target := strings.TrimPrefix(request.URL, r.url)
	one := sent{method: request.Method, path: target, body: string(request.Body)}
	for _, h := range request.Header {
		if h.Name == "fly-machine-lease-nonce" {
			one.nonce = h.Value
		}
	}
	r.sent = append(r.sent, one)
	path, query, _ := strings.Cut(strings.TrimPrefix(target, "/v1"), "?")
	contract.HeldRequest(r.t, request.Method, path, query, request.Body)
	return simtest.Relay(r.client, r.key, request)
}

// rig is a provider in front of a simulator.
type rig struct {
	testing.TB
	*simkit.Server
	*relay
	env sdk.Env
}

func (r *rig) URL() string { return r.Server.URL() }

func newRig(t testing.TB, o simfly.Options) *rig {
	t.Helper()
	if !o.ManualClock && o.ClockFactor == 0 {
		o.ManualClock = true
	}
	o.Start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	server, err := simfly.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	carrier := &relay{t: t, url: server.URL(), client: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}, key: "Bearer fo1_key"}
	t.Cleanup(func() {
		carrier.client.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if server.Panics() != 0 {
			t.Error("the simulator has a defect")
		}
	})
	r := &rig{TB: t, Server: server, relay: carrier}
	r.env = sdk.Env{HTTP: carrier, URLs: sdk.URLs{{Name: "api", URL: server.URL()}, {Name: "app", URL: server.URL() + "/proxy/{app}/443"}, {Name: "app_port", URL: server.URL() + "/proxy/{app}/{port}"}}}
	return r
}

// apps counts the apps at the cloud.
func (r *rig) apps() int { return len(r.Cloud().(*simfly.Cloud).Apps()) }

// requests lists the methods and paths that went out.
func (r *rig) requests() string {
	var list []string
	for _, s := range r.sent {
		list = append(list, s.method+" "+s.path)
	}
	return strings.Join(list, "\n")
}

// last is the body of the last request of a method whose path ends so.
func (r *rig) last(method, end string) string {
	for i := len(r.sent) - 1; i >= 0; i-- {
		if r.sent[i].method == method && strings.HasSuffix(r.sent[i].path, end) {
			return r.sent[i].body
		}
	}
	return ""
}

const requestID = "0123456789abcdef0123"

// request is a spawn of the smallest machine.
func request() *spec.SpawnRequest {
	return &spec.SpawnRequest{RequestID: requestID, Name: "my machine", CPU: &spec.CPU{}, Image: "img:1"}
}

func (r *rig) spawn(s *spec.SpawnRequest) *spec.Compute {
	r.Helper()
	c, err := spawn(r.env, s)
	if err != nil {
		r.Fatalf("spawn: %v (%s)\n%s", err, err.Hint, r.requests())
	}
	return c
}

func (r *rig) fault(f simkit.Fault) {
	r.Helper()
	if _, err := r.AddFault(f); err != nil {
		r.Fatal(err)
	}
}

// at reads a value of a JSON text by a path of names and indices.
func at(t testing.TB, text string, path ...any) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, step := range path {
		switch s := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[s]
		case int:
			list, _ := v.([]any)
			if s >= len(list) {
				return nil
			}
			v = list[s]
		}
	}
	return v
}

// script answers with what it is given, in order.
type script struct {
	t       testing.TB
	answers []sdk.Response
	asked   []sdk.Request
}

func (s *script) Do(request sdk.Request) (sdk.Response, *spec.Error) {
	s.asked = append(s.asked, request)
	if len(s.answers) == 0 {
		s.t.Errorf("not in the script: %s %s", request.Method, request.URL)
		return sdk.Response{}, &spec.Error{Kind: spec.KindTransport, Message: "the script is over"}
	}
	next := s.answers[0]
	s.answers = s.answers[1:]
	return next, nil
}

func scripted(t testing.TB, answers ...sdk.Response) (*script, sdk.Env) {
	s := &script{t: t, answers: answers}
	return s, sdk.Env{HTTP: s}
}

func says(status int, body string, headers ...string) sdk.Response {
	return sdk.Response{Status: status, Body: body, Lookup: func(name string) string {
		for i := 0; i < len(headers); i += 2 {
			if headers[i] == name {
				return headers[i+1]
			}
		}
		return ""
	}}
}
