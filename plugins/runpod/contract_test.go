package runpod

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/openapicheck"
	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/plugins/sdk"
	simrunpod "github.com/exatlas/atlas/sim/runpod"
	"github.com/exatlas/atlas/sim/simkit"
)

// contract is the vendor's document of REST v2. The job API has none.
var contract = simtest.NewContract("runpod", "rest-v2.openapi.json", func(doc *openapicheck.Doc) {
	doc.AllowQuery("GET", "/v2/pods", "cursor") // published in September 2026
})

func TestRequests_AreHeldAgainstTheVendorsContract(t *testing.T) {
	contract.RefusesRequest(t, "POST", "/v2/pods", `{"name":"n","image":"i","gpu":{"id":"g"},"interruptible":true}`)
}

// relay carries the plugin's requests to a simulator and holds each, and its answer,
// against the contract.
type relay struct {
	testing.TB
	url    string
	client *http.Client
	sent   map[string]int // by method
}

func (r *relay) Do(request sdk.Request) (sdk.Response, *spec.Error) {
	target := strings.TrimPrefix(request.URL, r.url)
	path, query, _ := strings.Cut(target, "?")
	if strings.HasSuffix(path, "/logs") { // held open, and no JSON: the request alone
		contract.HeldRequest(r, request.Method, path, query, nil)
		return sdk.Response{Status: 200}, nil
	}
	response, err := simtest.Relay(r.client, "Bearer key-1", request)
	if err != nil || !strings.HasPrefix(path, "/v2/") {
		return response, err
	}
	contract.HeldRequest(r, request.Method, path, query, request.Body)
	contract.Held(r, request.Method, path, response.Status, []byte(response.Body))
	r.sent[request.Method]++
	return response, nil
}

// held is the plugin in front of a simulator.
func held(t *testing.T) (*simkit.Server, *relay, sdk.Env) {
	t.Helper()
	server, err := simrunpod.Start(simrunpod.Options{Options: simkit.Options{ManualClock: true, Start: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}})
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{TB: t, url: server.URL(), client: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}, sent: map[string]int{}}
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, r, sdk.Env{HTTP: r, URLs: sdk.URLs{{Name: "api", URL: server.URL()}, {Name: "jobs", URL: server.URL() + "/jobs"}}}
}

// made makes something at the simulator beside the plugin, and returns its identifier.
func (r *relay) made(path, body string) string {
	r.Helper()
	request := sdk.Request{Method: "POST", URL: r.url + path, Body: []byte(body), Header: []sdk.Header{{Name: "content-type", Value: "application/json"}}}
	response, err := simtest.Relay(r.client, "Bearer key-1", request)
	if err != nil || response.Status != 201 {
		r.Fatalf("%s: %d %s %v", path, response.Status, response.Body, err)
	}
	return simtest.Read(r, []byte(response.Body)).Text("id")
}

func TestSpawn_AsksAsRunPodsContractWantsIt(t *testing.T) {
	_, r, env := held(t)
	volume := r.made("/v2/network-volumes", `{"name":"v","size":50,"dataCenter":"US-KS-2"}`)
	template := r.made("/v2/templates", `{"name":"t","image":"i:1","category":"NVIDIA"}`)
	for name, change := range map[string]func(*spec.SpawnRequest){
		"plain": func(*spec.SpawnRequest) {},
		"ports": func(s *spec.SpawnRequest) {
			s.Ports = []spec.PortRequest{{Internal: 8000}, {Internal: 22, Protocol: spec.ProtocolTCP}, {Symmetric: true}, {Symmetric: true}}
		},
		"environment": func(s *spec.SpawnRequest) { s.Env = map[string]string{"A": "b\n\"c\"", "ÄÖ": ""} },
		"command": func(s *spec.SpawnRequest) {
			s.Entrypoint, s.Command = []string{"/bin/sh", "-c"}, []string{"echo \"$A\"", "x"}
		},
		"disks":   func(s *spec.SpawnRequest) { s.VolumeGB, s.VolumeMountPath, s.ContainerDiskGB = 10, "/data", 5 },
		"network": func(s *spec.SpawnRequest) { s.GPU, s.NetworkVolumeID = "NVIDIA GeForce RTX 4090", volume },
		"region":  func(s *spec.SpawnRequest) { s.RegionHints = []string{"us-ks-2", "EU-RO-1"} },
		"tier":    func(s *spec.SpawnRequest) { s.GPU, s.CloudType = "NVIDIA GeForce RTX 4090", spec.CloudCommunity },
		"several": func(s *spec.SpawnRequest) { s.GPUCount = 2 },
		"cpu": func(s *spec.SpawnRequest) {
			s.GPU, s.GPUCount, s.CPU = "", 0, &spec.CPU{VCPUCount: 4, MemoryGB: 16}
		},
		"template": func(s *spec.SpawnRequest) { s.Image, s.TemplateID = "", template },
		"login":    func(s *spec.SpawnRequest) { s.SSHKey = "ssh-ed25519 AAAA me" },
		"options": func(s *spec.SpawnRequest) {
			s.Options = spec.Raw(`{"gpu":{"minCudaVersion":"12.1"},"startJupyter":true,"globalNetworking":true}`)
		},
	} {
		s := machine(change)
		s.RequestID = "r-" + name
		if c, err := spawn(env, s); err != nil || c.ID == "" || c.RequestID != s.RequestID {
			t.Errorf("%s: %+v %v", name, c, err)
		}
	}
}

func TestOperations_AskAsRunPodsContractWantsIt(t *testing.T) {
	server, r, env := held(t)
	c, err := spawn(env, machine(func(*spec.SpawnRequest) {}))
	if err != nil {
		t.Fatal(err)
	}
	one := &spec.IDRequest{ID: c.ID}
	for name, ask := range map[string]func() *spec.Error{
		"get":   func() *spec.Error { _, err := get(env, one); return err },
		"list":  func() *spec.Error { _, err := list(env, &spec.ListRequest{}); return err },
		"find":  func() *spec.Error { _, err := find(env, &spec.FindRequest{RequestIDs: []string{"r1"}}); return err },
		"types": func() *spec.Error { _, err := listGPUTypes(env, &spec.GPUTypesRequest{GPUCount: 2}); return err },
		"log": func() *spec.Error {
			_, err := getLogs(env, &spec.LogsRequest{ID: c.ID, Source: "system", Tail: 9000})
			return err
		},
		"log since": func() *spec.Error {
			_, err := getLogs(env, &spec.LogsRequest{ID: c.ID, Since: "2026-06-01T12:00:00Z"})
			return err
		},
		"bill": func() *spec.Error { _, err := getBill(env, &spec.BillRequest{ID: c.ID}); return err },
		"bill from": func() *spec.Error {
			_, err := getBill(env, &spec.BillRequest{ID: c.ID, From: "2026-06-01T12:00:00Z"})
			return err
		},
		"stop, start": func() *spec.Error { return inTurn(stop, start)(env, one) },
	} {
		if err := ask(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range 1100 { // more than one page
		if _, err := spawn(env, machine(func(*spec.SpawnRequest) {})); err != nil {
			t.Fatal(err)
		}
	}
	page, err := list(env, &spec.ListRequest{})
	if err == nil && page.Next != "" {
		_, err = list(env, &spec.ListRequest{Cursor: page.Next})
	}
	if err != nil || r.sent["GET"] < 8 {
		t.Errorf("%d %v", r.sent["GET"], err)
	}
	if _, err := terminate(env, one); err != nil || len(server.Machines()) != 1100 {
		t.Error(err)
	}
	if _, err := get(env, one); err == nil || err.Kind != spec.KindNotFound {
		t.Error(err)
	}
	if _, err := get(env, &spec.IDRequest{ID: "a/../b c?x=" + url.QueryEscape("&")}); err == nil || err.Kind != spec.KindNotFound {
		t.Error(err)
	}
}

// inTurn does one thing after the other.
func inTurn(acts ...func(sdk.Env, *spec.IDRequest) (*spec.Compute, *spec.Error)) func(sdk.Env, *spec.IDRequest) *spec.Error {
	return func(env sdk.Env, request *spec.IDRequest) *spec.Error {
		for _, act := range acts {
			if _, err := act(env, request); err != nil {
				return err
			}
		}
		return nil
	}
}
