package vast

import (
	"testing"

	"github.com/exatlas/atlas/core/spec"
	simvast "github.com/exatlas/atlas/sim/vast"
)

func TestPorts_ShowTheNumberOfASymmetricOneOnceItIsChosen(t *testing.T) {
	r := newRig(t, simvast.Options{LoadMS: 60_000})
	s := request()
	s.Ports = []spec.PortRequest{{Internal: 8000, Protocol: spec.ProtocolHTTP}, {Internal: 7000, Protocol: spec.ProtocolTCP, Symmetric: true}, {Internal: 7001, Symmetric: true}}
	c := r.spawn(s)
	awaited := spec.Port{Protocol: spec.ProtocolTCP, Symmetric: true}
	for what, got := range map[string]*spec.Compute{"rented": c, "loading": r.get(c.ID)} {
		if len(got.Ports) != 3 || got.Ports[0].Internal != 8000 || got.Ports[1] != awaited || got.Ports[2] != awaited {
			t.Errorf("%s: %+v", what, got.Ports)
		}
	}
	body := r.last("PUT", "/api/v0/asks/").body
	for key, want := range map[string]any{"-p 8000:8000": "1", "-p 70001:70001": "1", "-p 70002:70002": "1", "-p 7000:7000": nil, portsVariable: "8000/http"} {
		if got := at(t, body, "env", key); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	r.Advance(120e9)
	got := r.get(c.ID)
	if got.Status != spec.StatusRunning || len(got.Ports) != 3 {
		t.Fatalf("%s %+v", got.Status, got.Ports)
	}
	for _, p := range got.Ports[1:] {
		if !p.Symmetric || p.Internal == 0 || p.Internal > 65535 || p.Internal != p.External || p.URL == "" {
			t.Errorf("%+v", p)
		}
	}
	if p := got.Ports[0]; p.Symmetric || p.Internal != 8000 || p.External == 0 {
		t.Errorf("%+v", p)
	}
}

func TestPorts_AreKeptWhereTheyAreMany(t *testing.T) {
	r := newRig(t, simvast.Options{})
	s := request()
	s.Ports = nil
	for i := range 60 {
		s.Ports = append(s.Ports, spec.PortRequest{Internal: 20000 + i, Protocol: []spec.Protocol{spec.ProtocolHTTP, spec.ProtocolTCP}[i%2]})
	}
	got := r.get(r.spawn(s).ID)
	for i, p := range s.Ports {
		if len(got.Ports) != len(s.Ports) || got.Ports[i].Internal != p.Internal || got.Ports[i].Protocol != p.Protocol {
			t.Fatalf("%d ports: %+v", len(got.Ports), got.Ports)
		}
	}
	for _, name := range []string{portsVariable, portsVariable + "_2", portsVariable + "_3"} {
		if text, _ := at(t, r.last("PUT", "/api/v0/asks/").body, "env", name).(string); text == "" || len(name)+1+len(text) > maxEntry {
			t.Errorf("%s is %q", name, text)
		}
	}
}
