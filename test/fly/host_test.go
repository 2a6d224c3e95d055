package fly

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/sim/flycli"
)

// roleHost makes this binary a program that deploys the folder it names.
const roleHost = "TEST_FLY_HOST"

func host(folder string) {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	client, err := atlas.Open(atlas.Config{
		Settings: atlas.Settings{Store: atlas.StoreSettings{URL: "sqlite:" + filepath.Join(folder, "host.db")}, Fly: atlas.FlySettings{CLI: self}},
		Environ: func() []string {
			return []string{"HOME=" + folder, "FLY_API_TOKEN=" + canary + "host", flycli.EnvScenario + "=hang,deaf", flycli.EnvLog + "=" + filepath.Join(folder, "runs")}
		},
	})
	if err != nil {
		panic(err)
	}
	_, _ = client.Fly.Deploy.Run(context.Background(), atlas.FlyDeployParams{Path: folder}) // it is killed before it ends
	os.Exit(3)
}

// A deploy does not outlive the program that Atlas is in, however that ends, and
// its token is in nobody's list of processes.
func TestDeploy_LeavesNoProcessWhenItsProgramIsKilled(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "fly.toml"), []byte(`app = "my-api"`), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := exec.Command(self)
	program.Env = []string{roleHost + "=" + folder, "HOME=" + folder}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	var r flycli.Record
	for deadline := time.Now().Add(20 * time.Second); r.PID == 0; time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(folder, "runs"))
		_ = json.Unmarshal(text, &r)
		if time.Now().After(deadline) {
			_ = program.Process.Kill()
			t.Fatal("nothing was deployed")
		}
	}
	line, err := os.ReadFile("/proc/" + strconv.Itoa(r.PID) + "/cmdline")
	if err != nil || !strings.Contains(string(line), "deploy") || strings.Contains(string(line), "canary") || r.Token != flycli.Hash(canary+"host") {
		t.Errorf("%q %v", line, err)
	}
	_ = program.Process.Kill()
	_ = program.Wait()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(r.PID) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it lives: %s", stat)
		}
	}
}

// Fly's API has limits, which the seed did not know: finding apps asks nothing, and
// an organization is asked for again when Fly says so, not at once, and not in vain.
func TestAPI_IsAskedAtItsPace(t *testing.T) {
	var mu sync.Mutex
	var asked []time.Time
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if asked = append(asked, time.Now()); len(asked) == 1 {
			w.Header().Set("Retry-After", "1")
			http.Error(w, `{"error":"rate limit exceeded"}`, http.StatusTooManyRequests)
			return
		}
		_, _ = w.Write([]byte(`{"id":"1","name":"my-api","organization":{"name":"Mine","slug":"mine"}}`))
	}))
	defer cloud.Close()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "fly.toml"), []byte(`app = "my-api"`), 0o600); err != nil {
		t.Fatal(err)
	}
	client := open(t, folder, cloud.URL, "FLY_API_TOKEN="+canary+"refused", flycli.EnvScenario+"=ok", flycli.EnvLog+"="+filepath.Join(folder, "runs"))
	if found, err := client.Fly.Apps.Discover(t.Context(), atlas.FlyAppsParams{Path: folder}); err != nil || len(found.Items) != 1 {
		t.Fatalf("%+v %v", found, err)
	}
	if _, err := client.Fly.Tokens.Invalidate(t.Context(), atlas.FlyTokenInvalidateParams{App: "my-api", Token: spec.NewSecret(canary + "refused")}); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 0 {
		t.Errorf("%d requests for what is on this machine", len(asked))
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if out, err := client.Fly.Tokens.Get(t.Context(), atlas.FlyTokenParams{App: "my-api"}); err != nil || out.Source != "cli" || !strings.Contains(out.Token, "readonly") {
				t.Errorf("%v %v", out, err)
			}
		})
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(asked) != 2 || asked[1].Sub(asked[0]) < 900*time.Millisecond {
		t.Errorf("asked at %v", asked)
	}
}
