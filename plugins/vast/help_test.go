package vast

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/sim/simkit"
	simvast "github.com/exatlas/atlas/sim/vast"
)

func TestMain(m *testing.M) { leak.Main(m) }

// contract is the vendor's document.
var contract = simtest.NewContract("vast", "openapi.yaml", nil)

// held holds a request against the contract, but for what the fact sheet
// overrules: paths end in a slash; env is an object, the contract's string of
// docker's flags is wrong; the official client sends {} with a DELETE; gpu_types
// and the file of a log are in no contract.
func held(t testing.TB, method, target, body string) {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/api/") {
		return
	}
	if !strings.HasSuffix(path, "/") {
		t.Errorf("%s %s has no slash at its end", method, path)
	}
	path = strings.TrimSuffix(path, "/")
	switch {
	case path == "/api/v0/gpu_types":
		return
	case method == "DELETE" && body == "{}":
		body = ""
	case strings.HasPrefix(path, "/api/v0/asks/"):
		var fields map[string]any
		if err := json.Unmarshal([]byte(body), &fields); err != nil {
			t.Fatal(err)
		}
		if _, object := fields["env"].(map[string]any); !object {
			t.Errorf("env is no object in %s", body)
		}
		fields["env"] = "-e A=b"
		if _, template := fields["template_hash_id"]; template && fields["image"] == nil {
			fields["image"] = "the template's" // the contract demands one all the same
		}
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		body = string(text)
	}
	contract.HeldRequest(t, method, path, query, []byte(body))
}

func TestRequests_AreHeldAgainstTheVendorsContract(t *testing.T) {
	contract.RefusesRequest(t, "PUT", "/api/v0/asks/1", `{"image":5}`)
}

// sent is a request that went out.
type sent struct {
	method, path, body string
	aside, undo        bool
}

// relay carries a provider's requests to a simulator, as the host would, but
// without retries and paces, and holds each against the contract.
type relay struct {
	t      testing.TB
	url    string
	client *http.Client
	key    string
	sent   []sent
}

func (r *relay) Do(request sdk.Request) (sdk.Response, *spec.Error) {
	target := strings.TrimPrefix(request.URL, r.url)
	r.sent = append(r.sent, sent{request.Method, target, string(request.Body), request.Aside, request.Undo})
	held(r.t, request.Method, target, string(request.Body))
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

func newRig(t testing.TB, o simvast.Options) *rig {
	t.Helper()
	o.ManualClock = true
	o.Start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	server, err := simvast.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	carrier := &relay{t: t, url: server.URL(), client: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}, key: "Bearer key-1"}
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
	r.env = sdk.Env{HTTP: carrier, URLs: sdk.URLs{{Name: "api", URL: server.URL()}, {Name: "direct", URL: server.URL() + "/proxy/{host}/{port}"}}}
	return r
}

// requests are the methods and paths that went out, without queries.
func (r *rig) requests() string {
	var list []string
	for _, s := range r.sent {
		path, _, _ := strings.Cut(s.path, "?")
		list = append(list, s.method+" "+path)
	}
	return strings.Join(list, "\n")
}

// last is the last request of a method whose path begins so.
func (r *rig) last(method, start string) sent {
	for i := len(r.sent) - 1; i >= 0; i-- {
		if r.sent[i].method == method && strings.HasPrefix(r.sent[i].path, start) {
			return r.sent[i]
		}
	}
	return sent{}
}

const requestID = "0123456789abcdef0123"

// request is a spawn of a usual machine.
func request() *spec.SpawnRequest {
	return &spec.SpawnRequest{RequestID: requestID, Name: "my machine", GPU: "RTX 4090", GPUCount: 1, Image: "img:1",
		Ports: []spec.PortRequest{{Internal: 8000, Protocol: spec.ProtocolHTTP}, {Internal: 9000, Protocol: spec.ProtocolTCP}}, Env: map[string]string{"TOKEN": "sesame-canary"}}
}

func (r *rig) spawn(s *spec.SpawnRequest) *spec.Compute {
	r.Helper()
	c, err := spawn(r.env, s)
	if err != nil {
		r.Fatalf("spawn: %v (%s)\n%s", err, err.Hint, r.requests())
	}
	return c
}

func (r *rig) get(id string) *spec.Compute {
	r.Helper()
	c, err := get(r.env, &spec.IDRequest{ID: id})
	if err != nil {
		r.Fatalf("get: %v", err)
	}
	return c
}

func (r *rig) offers(q *spec.OffersRequest) []spec.Offer {
	r.Helper()
	list, err := searchOffers(r.env, q)
	if err != nil {
		r.Fatalf("search: %v", err)
	}
	return list.Items
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

// play answers with what it is given, in order.
type play struct {
	t       testing.TB
	answers []sdk.Response
	sent    []sent
}

func (s *play) Do(request sdk.Request) (sdk.Response, *spec.Error) {
	s.sent = append(s.sent, sent{request.Method, strings.TrimPrefix(request.URL, defaultAPI), string(request.Body), request.Aside, request.Undo})
	if len(s.answers) == 0 {
		s.t.Fatalf("one request too many: %s %s", request.Method, request.URL)
	}
	response := s.answers[0]
	s.answers = s.answers[1:]
	if response.Status == 0 {
		return response, &spec.Error{Kind: spec.KindTransport, Message: "the connection broke"}
	}
	return response, nil
}

func say(status int, body string) sdk.Response {
	return sdk.Response{Status: status, Body: body}
}

// scripted is an environment whose cloud answers these.
func scripted(t testing.TB, answers ...sdk.Response) (sdk.Env, *play) {
	s := &play{t: t, answers: answers}
	return sdk.Env{HTTP: s}, s
}
