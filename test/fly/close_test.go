package fly

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/flycli"
)

// A deploy that does not heed that it is to end is waited for until it is killed. That
// keeps no session from being ended.
func TestClose_GivesMachinesBackWhileADeployTakesItsTime(t *testing.T) {
	folder := place(t)
	runs := filepath.Join(folder, "runs")
	cloud, err := sim.Start("runpod", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	at, err := url.Parse(cloud.URL())
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(at)
	var closing atomic.Pointer[atlas.Client]
	var beside atomic.Int64 // deploys that ran while the machine was given back
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			beside.Store(closing.Load().Info().Live["fly_deploys"])
			end(t, runs)
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	fly := start(t, `{}`)
	client, err := atlas.Open(atlas.Config{
		Settings: atlas.Settings{
			Providers: map[string]atlas.ProviderSettings{"runpod": {APIKey: atlas.NewSecret("key"), BaseURL: front.URL}},
			Store:     atlas.StoreSettings{URL: "sqlite:" + filepath.Join(folder, "atlas.db")},
			Fly:       atlas.FlySettings{APIURL: fly, MachinesURL: fly, CLI: self},
		},
		Environ: func() []string {
			return []string{"HOME=" + folder, "FLY_API_TOKEN=FlyV1 " + canary, flycli.EnvScenario + "=deaf,hang", flycli.EnvLog + "=" + runs}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	closing.Store(client)
	if _, err := client.Orchestrator.Spawn(t.Context(), atlas.SessionSpawnParams{
		SpawnParams: atlas.SpawnParams{Targets: atlas.Targets{Provider: []string{"runpod"}}, GPU: []string{"rtx_4090"}, Image: "img:1"}, OnExit: "terminate"}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Fly.Deploy.Stream(t.Context(), atlas.FlyDeployParams{Path: folder}); err != nil {
		t.Fatal(err)
	}
	for len(deploys(runs)) == 0 {
		time.Sleep(time.Millisecond)
	}
	if outcome := client.Close(time.Minute); outcome != atlas.OK {
		t.Errorf("close: %d", outcome)
	}
	if beside.Load() != 1 {
		t.Error("the machine was given back when the deploy had ended")
	}
	if err := leak.Gauges(client.Info().Live); err != nil {
		t.Error(err)
	}
}

// deploys lists the processes of the runs that a log tells of.
func deploys(log string) (pids []int) {
	f, err := os.Open(log)
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := json.NewDecoder(f); ; {
		var run flycli.Record
		if lines.Decode(&run) != nil {
			return pids
		}
		pids = append(pids, run.PID)
	}
}

// end kills them.
func end(t *testing.T, log string) {
	for _, pid := range deploys(log) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Log(err) // it has ended
		}
	}
}
