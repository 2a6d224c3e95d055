package runpod

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// hears is a cloud that keeps what it is asked and rents whatever it is.
type hears struct{ bodies []string }

func (h *hears) Do(request sdk.Request) (sdk.Response, *spec.Error) {
	h.bodies = append(h.bodies, string(request.Body))
	return sdk.Response{Status: 201, Body: `{"id":"p1","status":"PROVISIONING"}`}, nil
}

// machine is a spawn of a small pod with a GPU.
func machine(change func(*spec.SpawnRequest)) *spec.SpawnRequest {
	s := &spec.SpawnRequest{RequestID: "r1", Name: "n", GPU: "NVIDIA L4", GPUCount: 1, Image: "img:1"}
	change(s)
	return s
}

func TestSpawn_AsksInRunPodsWords(t *testing.T) {
	for _, row := range []struct {
		change func(*spec.SpawnRequest)
		member string
		want   string
	}{
		{func(s *spec.SpawnRequest) { s.RegionHints = []string{"us-ks-2", "EU-RO-1"} }, "dataCenterIds", "[US-KS-2 EU-RO-1]"},
		{func(s *spec.SpawnRequest) { s.SSHKey = "ssh-ed25519 AAAA me" }, "ports", "[22/tcp]"},
		{func(s *spec.SpawnRequest) {
			s.SSHKey, s.Ports = "ssh-ed25519 AAAA me", []spec.PortRequest{{Internal: 8000}}
		}, "ports", "[8000/http 22/tcp]"},
		{func(s *spec.SpawnRequest) {
			s.SSHKey, s.Ports = "ssh-ed25519 AAAA me", []spec.PortRequest{{Internal: 22, Protocol: spec.ProtocolTCP}}
		}, "ports", "[22/tcp]"},
		{func(s *spec.SpawnRequest) { s.SSHKey, s.TemplateID = "ssh-ed25519 AAAA me", "t1" }, "ports", "<nil>"},
		{func(s *spec.SpawnRequest) {
			s.SSHKey, s.TemplateID, s.Ports = "ssh-ed25519 AAAA me", "t1", []spec.PortRequest{{Internal: 80}}
		}, "ports", "[80/http 22/tcp]"},
		{func(s *spec.SpawnRequest) { s.Ports = []spec.PortRequest{{Internal: 80}} }, "ports", "[80/http]"},
		{func(s *spec.SpawnRequest) { s.GPU, s.CPU = "", &spec.CPU{Flavor: "cpu5m", VCPUCount: 4, MemoryGB: 32} }, "cpu", "map[id:cpu5m vcpuCount:4]"},
		{func(s *spec.SpawnRequest) { s.GPU, s.CPU = "", &spec.CPU{MemoryGB: 16} }, "cpu", "map[id:cpu3m vcpuCount:2]"},
		{func(s *spec.SpawnRequest) { s.GPUCount, s.Options = 4, spec.Raw(`{"gpu":{"minCudaVersion":"12.8"}}`) }, "gpu", "map[count:4 id:NVIDIA L4 minCudaVersion:12.8]"},
		{func(s *spec.SpawnRequest) {
			s.GPUCount, s.Options = 4, spec.Raw(`{"gpu":{"id":"NVIDIA A30"},"disk":5}`)
		}, "gpu", "map[count:4 id:NVIDIA A30]"},
		{func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"gpu":null,"cpu":{"id":"cpu5c","vcpuCount":2}}`) }, "gpu", "<nil>"},
	} {
		cloud := &hears{}
		s := machine(row.change)
		if _, err := spawn(sdk.Env{HTTP: cloud}, s); err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(cloud.bodies[0]), &body); err != nil || fmt.Sprint(body[row.member]) != row.want {
			t.Errorf("%v %v, want %s %s", err, cloud.bodies, row.member, row.want)
		}
	}
}

func TestSpawn_RefusesWhatRunPodWouldPassOver(t *testing.T) {
	for _, change := range []func(*spec.SpawnRequest){
		func(s *spec.SpawnRequest) { s.SSHKey = "my-key" },
		func(s *spec.SpawnRequest) { s.GPU, s.CPU = "", &spec.CPU{Flavor: "cpu3c", VCPUCount: 2, MemoryGB: 5} },
		func(s *spec.SpawnRequest) { s.GPU, s.CPU = "", &spec.CPU{Flavor: "cpu3m", MemoryGB: 17} },
		func(s *spec.SpawnRequest) { s.GPU, s.CPU = "", &spec.CPU{Flavor: "cpu9x", VCPUCount: 2, MemoryGB: 4} },
		func(s *spec.SpawnRequest) { s.GPU, s.CPU = "", &spec.CPU{MemoryGB: 17} },
	} {
		cloud := &hears{}
		s := machine(change)
		if _, err := spawn(sdk.Env{HTTP: cloud}, s); err == nil || err.Kind != spec.KindValidation || err.Hint == "" || len(cloud.bodies) != 0 {
			t.Errorf("%+v: %v, sent %v", s, err, cloud.bodies)
		}
	}
}

func TestSpawn_TellsWhatIsNamedAndNotThereFromAMachineThatIsGone(t *testing.T) {
	cloud := says{404, `{"title":"Not Found","status":404,"detail":"network volume not found"}`}
	s := machine(func(s *spec.SpawnRequest) { s.NetworkVolumeID = "v" })
	if _, err := spawn(sdk.Env{HTTP: cloud}, s); err == nil || err.Kind != spec.KindValidation || err.Status != 404 || err.Retryable {
		t.Errorf("%+v", err)
	}
}

// RunPod's document tells of 400: a rule that is broken, or no room, without a word
// that tells which; try the next candidate.
func TestSpawn_SaysWhenARefusalMayBeAShortage(t *testing.T) {
	for _, row := range []struct {
		answer    says
		kind      spec.Kind
		retryable bool
	}{
		{says{400, `{"title":"Bad Request","status":400,"detail":"this configuration could not be scheduled"}`}, spec.KindValidation, true},
		{says{400, `{"title":"Bad Request","status":400,"detail":"There are no instances currently available"}`}, spec.KindCapacity, true},
		{says{422, `{"title":"Unprocessable Entity","status":422,"detail":"Request validation failed.","errors":["$.disk: 0 is too little"]}`}, spec.KindValidation, false},
	} {
		_, err := spawn(sdk.Env{HTTP: row.answer}, machine(func(*spec.SpawnRequest) {}))
		if err == nil || err.Kind != row.kind || err.Retryable != row.retryable {
			t.Errorf("%+v: %+v", row.answer, err)
		}
	}
}
