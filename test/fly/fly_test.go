package fly

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/flycli"
)

// TestMain is also the stand-in for flyctl.
func TestMain(m *testing.M) {
	if folder := os.Getenv(roleHost); folder != "" {
		host(folder)
	}
	if _, ok := os.LookupEnv(flycli.EnvScenario); ok {
		os.Exit(flycli.Main(os.Args[1:]))
	}
	leak.Main(m)
}

// canary begins every token of these tests.
const canary = "fm2_canary"

// open opens a client on a simulated Fly.
func open(t *testing.T, folder, cloud string, env ...string) *atlas.Client {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	client, err := atlas.Open(atlas.Config{
		Settings: atlas.Settings{
			Store: atlas.StoreSettings{URL: "sqlite:" + filepath.Join(folder, "atlas.db")},
			Fly:   atlas.FlySettings{APIURL: cloud, MachinesURL: cloud, CLI: self, LogOverlapMS: 500},
		},
		Environ: func() []string { return append([]string{"HOME=" + folder}, env...) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close(-1)
		if err := leak.Gauges(client.Info().Live); err != nil {
			t.Error(err)
		}
	})
	return client
}

func start(t *testing.T, settings string) string {
	t.Helper()
	cloud, err := sim.Start("fly", sim.Options{Settings: json.RawMessage(settings)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	return cloud.URL()
}

// D3 of the seed: after a 401 it asked again with the token that had been refused.
// Here every token wears out after some requests, and no line is lost.
func TestLogs_GoOnOverRefusedTokensWithoutLosingALine(t *testing.T) {
	folder := t.TempDir()
	cloud := start(t, `{"log_token_uses":6,"logs":[{"app":"my-api","every_ms":5,"late_every":20,"late_ms":300}]}`)
	log := filepath.Join(folder, "runs")
	client := open(t, folder, cloud, "FLY_API_TOKEN=FlyV1 "+canary+"environment", flycli.EnvScenario+"=ok", flycli.EnvLog+"="+log)
	var wg sync.WaitGroup
	for range 3 {
		sub, err := client.Fly.Logs.Subscribe(t.Context(), atlas.FlyLogsSubscribeParams{App: "my-api"})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			defer sub.Close()
			seen := map[int]bool{}
			low, high := -1, -1
			for len(seen) < 1000 {
				e, err := sub.Next(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				var line atlas.FlyLogLine
				var n int
				if e.Name != "line" || json.Unmarshal(e.Data, &line) != nil {
					t.Errorf("%s %s", e.Name, e.Data)
					return
				}
				if _, err := fmt.Sscanf(line.Message, "line %d", &n); err != nil || seen[n] {
					t.Errorf("%q again", line.Message)
					return
				}
				if seen[n] = true; low < 0 || n < low {
					low = n
				}
				high = max(high, n)
			}
			missing := 0
			for n := low; n < high-400; n++ { // the latest may still be late
				if !seen[n] {
					missing++
				}
			}
			if missing > 4 { // lines that were late when this began
				t.Errorf("%d lines of %d to %d are missing", missing, low, high)
			}
		})
	}
	wg.Wait()
	runs, _ := os.ReadFile(log)
	if n := strings.Count(string(runs), "\n"); n < 2 {
		t.Errorf("flyctl made %d tokens", n)
	}
}

// A token is in the answer of fly.tokens.get and nowhere else.
func TestTokens_AreSecretEverywhereElse(t *testing.T) {
	folder := t.TempDir()
	cloud := start(t, `{"logs":[{"app":"my-api","every_ms":10}]}`)
	log := filepath.Join(folder, "runs")
	if err := os.WriteFile(filepath.Join(folder, "fly.toml"), []byte(`app = "my-api"`), 0o600); err != nil {
		t.Fatal(err)
	}
	client := open(t, folder, cloud, flycli.EnvScenario+"=echo,fail", flycli.EnvLog+"="+log)
	var said strings.Builder
	say := func(v ...any) { fmt.Fprintf(&said, "%+v\n", v) }
	fail := func(err error) {
		e := spec.AsError(err)
		if e == nil {
			t.Error("no error")
			return
		}
		say(e, string(e.Details), string(e.Raw), e.Hint)
	}
	ctx := t.Context()
	if _, err := client.Fly.Tokens.SetManual(ctx, atlas.FlyTokenManualParams{App: "my-api", Token: spec.NewSecret("FlyV1 " + canary + "manual")}); err != nil {
		t.Fatal(err)
	}
	got, err := client.Fly.Tokens.Get(ctx, atlas.FlyTokenParams{App: "my-api"})
	if err != nil || got.Token != canary+"manual" {
		t.Fatalf("%v", err)
	}
	_, err = client.Fly.Deploy.Run(ctx, atlas.FlyDeployParams{Path: folder})
	fail(err)
	_, err = client.Fly.Deploy.Run(ctx, atlas.FlyDeployParams{Path: folder, Env: map[string]string{"A": canary + "value"}})
	fail(err)
	_, err = client.Fly.Deploy.Run(ctx, atlas.FlyDeployParams{Path: folder, Args: []string{"--access-token", canary + "value"}})
	fail(err)
	_, err = client.Fly.Tokens.SetManual(ctx, atlas.FlyTokenManualParams{App: "my-api", Token: spec.NewSecret(canary + " and a space")})
	fail(err)
	stream, err := client.Fly.Deploy.Stream(ctx, atlas.FlyDeployParams{Path: folder})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range stream.All(ctx) {
		say(err, e.Name, string(e.Data))
	}
	// A refused manual token, and one that the cloud refuses in its own words.
	for _, bad := range []string{"fm2_invalid" + canary} {
		_, _ = client.Fly.Tokens.SetManual(ctx, atlas.FlyTokenManualParams{App: "my-api", Token: spec.NewSecret(bad)})
	}
	_, err = client.Fly.Logs.Fetch(ctx, atlas.FlyLogsParams{App: "my-api"})
	say(err)
	sub, err := client.Fly.Logs.Subscribe(ctx, atlas.FlyLogsSubscribeParams{App: "my-api", Recent: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		e, err := sub.Next(ctx)
		if err != nil {
			break
		}
		say(e.Name, string(e.Data))
	}
	sub.Close()
	out, err := client.Fly.Tokens.Invalidate(ctx, atlas.FlyTokenInvalidateParams{App: "my-api"})
	say(out, err)
	if strings.Contains(said.String(), "canary") {
		t.Errorf("a token was told: %s", said.String())
	}
	client.Close(10 * time.Second)
	// Files: the log of the stand-in holds every argument list.
	err = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "canary") {
			t.Errorf("%s holds a token", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if runs, _ := os.ReadFile(log); !strings.Contains(string(runs), `"args":["deploy"`) {
		t.Error("the stand-in has not run")
	}
}

func TestSettings_SendTokensToFlyAlone(t *testing.T) {
	for address, right := range map[string]bool{
		"https://api.fly.io": true, "http://127.0.0.1:1": true, "http://[::1]:1": true, "http://localhost:1": true,
		"http://api.fly.io": false, "https://fly.io.example.com": false, "https://example.com": false, "https://evilfly.io": false, "ftp://x": false, "http://10.0.0.1": false,
	} {
		client, err := atlas.Open(atlas.Config{Settings: atlas.Settings{Fly: atlas.FlySettings{APIURL: address}}})
		if (err == nil) != right {
			t.Errorf("%s: %v", address, err)
		}
		if client != nil {
			client.Close(0)
		}
	}
}
