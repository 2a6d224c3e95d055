package lambdalabs

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/sim/lambda"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

// contract is the vendor's document. Every request of a test here is held
// against it, and every answer of the simulator's.
var contract = simtest.NewContract("lambda", "openapi-1.8.3.json", nil)

func TestRequests_AreHeldAgainstTheVendorsContract(t *testing.T) {
	contract.RefusesRequest(t, "POST", launchPath, `{"region_name":"us-west-1"}`)
}

// beyond are the statuses that the document leaves out and the fact sheet has:
// 429 has no documented shape (section 3), 5xx come with global/internal-error
// and global/unknown.
func beyond(status int) bool { return status == 429 || status >= 500 }

// wire is a Doer that speaks HTTP to a simulator, as the host would, without its
// paces.
type wire struct {
	t      testing.TB
	key    string
	client *http.Client

	mu   sync.Mutex
	sent []string // "METHOD /path"
	last map[string]string
}

func (w *wire) Do(r sdk.Request) (sdk.Response, *spec.Error) {
	at, err := url.Parse(r.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.sent = append(w.sent, r.Method+" "+at.Path)
	w.last[r.Method+" "+at.Path] = string(r.Body)
	w.mu.Unlock()
	contract.HeldRequest(w.t, r.Method, at.Path, at.RawQuery, r.Body)
	response, failure := simtest.Relay(w.client, "Bearer "+w.key, r)
	if failure == nil && !beyond(response.Status) {
		contract.Held(w.t, r.Method, at.Path, response.Status, []byte(response.Body))
	}
	return response, failure
}

// cloud is a simulator and the provider before it.
type cloud struct {
	*simkit.Server
	*wire
	env sdk.Env
	p   *sdk.Provider
}

var epoch = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func start(t testing.TB, o lambda.Options) *cloud {
	t.Helper()
	o.ManualClock, o.Start = true, epoch
	server, err := lambda.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	w := &wire{t: t, key: "secret_CANARY_k7", client: client, last: map[string]string{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		_ = server.Close()
		if n := server.Panics(); n != 0 {
			t.Errorf("%d requests ended in a defect of the simulator", n)
		}
	})
	urls := sdk.URLs{{Name: "api", URL: server.URL()}, {Name: "port", URL: server.URL() + "/proxy/{id}/{port}"}}
	return &cloud{Server: server, wire: w, env: sdk.Env{HTTP: w, URLs: urls, Config: map[string]string{}}, p: Provider()}
}

// a10 asks for the smallest machine with a container.
func a10() *spec.SpawnRequest {
	return &spec.SpawnRequest{RequestID: "0123456789abcdef0123", Name: "atlas-0123456789abcdef0123", GPU: "gpu_1x_a10", GPUCount: 1, Image: "ghcr.io/me/server:1"}
}

func (c *cloud) spawn(s *spec.SpawnRequest) *spec.Compute {
	c.t.Helper()
	compute, err := c.p.Spawn(c.env, s)
	if err != nil {
		c.t.Fatalf("spawn: %v (hint: %s)", err, err.Hint)
	}
	return compute
}

func (c *cloud) get(id string) *spec.Compute {
	c.t.Helper()
	compute, err := c.p.Get(c.env, &spec.IDRequest{ID: id})
	if err != nil {
		c.t.Fatalf("get: %v", err)
	}
	return compute
}

// refused spawns and wants an error of that kind.
func (c *cloud) refused(s *spec.SpawnRequest, kind spec.Kind, words ...string) *spec.Error {
	c.t.Helper()
	compute, err := c.p.Spawn(c.env, s)
	if err == nil {
		c.t.Fatalf("spawn rented %+v, want %s", compute, kind)
	}
	if err.Kind != kind {
		c.t.Errorf("spawn: kind %s (%v), want %s", err.Kind, err, kind)
	}
	for _, word := range words {
		if !strings.Contains(err.Message+" | "+err.Hint, word) {
			c.t.Errorf("spawn: %q, hint %q; want %q in it", err.Message, err.Hint, word)
		}
	}
	return err
}

// launched is the body of the last launch.
func (c *cloud) launched() string { return c.last["POST "+launchPath] }

// count counts the requests of a route.
func (c *cloud) count(route string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, one := range c.sent {
		if one == route {
			n++
		}
	}
	return n
}

// laidOut is a Doer with answers laid out beforehand, by method and path.
type laidOut struct {
	t       testing.TB
	answers map[string][]sdk.Response
	sent    []sdk.Request
}

func (s *laidOut) Do(r sdk.Request) (sdk.Response, *spec.Error) {
	s.sent = append(s.sent, r)
	key := r.Method + " " + strings.TrimPrefix(r.URL, defaultAPI+"/api/v1")
	list := s.answers[key]
	if len(list) == 0 {
		s.t.Fatalf("unexpected request %s", key)
	}
	s.answers[key] = list[1:]
	return list[0], nil
}

// scripted answers each route once with a status and a body: "GET /instances",
// "200 {…}".
func scripted(t testing.TB, pairs ...string) (sdk.Env, *laidOut) {
	s := &laidOut{t: t, answers: map[string][]sdk.Response{}}
	for i := 0; i < len(pairs); i += 2 {
		status := 0
		for _, d := range pairs[i+1][:3] {
			status = status*10 + int(d-'0')
		}
		s.answers[pairs[i]] = append(s.answers[pairs[i]], sdk.Response{Status: status, Body: strings.TrimSpace(pairs[i+1][3:])})
	}
	return sdk.Env{HTTP: s}, s
}

// post sends a request of the account that no operation sends.
func (c *cloud) post(path string, body io.Reader) (int, error) {
	request, err := http.NewRequest("POST", c.URL()+path, body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	response, err := c.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}
