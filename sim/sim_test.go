package sim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestStart_ServesEveryCloudByName(t *testing.T) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, name := range sim.Names() {
		server, err := sim.Start(name, sim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Get(server.URL() + "/_sim/state")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		var state simkit.State
		if err := json.Unmarshal(text, &state); err != nil || state.Machines == nil || len(state.Machines) != 0 {
			t.Errorf("%s: %v in %s", name, err, text)
		}
		client.CloseIdleConnections()
		for range 2 {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	for _, name := range []string{"runpod", "fly", "lambda_labs", "mock", "acme"} {
		if !slices.Contains(sim.Names(), name) {
			t.Errorf("%s is not among %v", name, sim.Names())
		}
	}
}

func TestStart_RefusesWhatItDoesNotKnow(t *testing.T) {
	if _, err := sim.Start("atlantis", sim.Options{}); err == nil {
		t.Error("an unknown cloud was started")
	}
	for _, name := range sim.Names() {
		if _, err := sim.Start(name, sim.Options{Settings: []byte(`{"bogus":1}`)}); err == nil {
			t.Errorf("%s: an unknown setting was accepted", name)
		}
		if _, err := sim.Start(name, sim.Options{Options: simkit.Options{Faults: []simkit.Fault{{Effect: "explode"}}}}); err == nil {
			t.Errorf("%s: an unknown fault was accepted", name)
		}
	}
	s, err := sim.Start("runpod", sim.Options{Settings: []byte(`{"boot_ms":500,"seed":9,"faults":[{"method":"POST","path":"/v2/pods","every":3,"effect":"lost_answer"}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Options.Seed != 9 || len(s.Faults.List()) != 1 {
		t.Errorf("settings did not arrive: seed %d, faults %v", s.Options.Seed, s.Faults.List())
	}
}
