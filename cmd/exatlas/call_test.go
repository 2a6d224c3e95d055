package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/sim"
)

// canary is a key that no output may hold.
const canary = "canary-4c1f-key"

// runpodPlace is a simulated RunPod that EXATLAS_CONFIG leads to.
func runpodPlace(t *testing.T) {
	t.Helper()
	cloud, err := sim.Start("runpod", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	t.Setenv("EXATLAS_CONFIG", fmt.Sprintf(`{"default_provider":"runpod","providers":{"runpod":{"api_key":%q,"base_url":%q}}}`, canary, cloud.URL()))
}

func TestCall_TellsMistakesWithoutShowingKeys(t *testing.T) {
	runpodPlace(t)
	for _, row := range []struct {
		args []string
		code int
		said string
	}{
		{[]string{"call"}, 2, "an argument is missing\nusage: exatlas call METHOD"},
		{[]string{"call", "compute.list", "--bogus"}, 2, "no flag --bogus"},
		{[]string{"call", "compute.list", "{}", "{}"}, 2, "one argument too many: {}"},
		{[]string{"call", "compute.list", "--timeout", "5"}, 2, `invalid value "5" for --timeout: not a time such as 30s`},
		{[]string{"call", "compute.list", "--timeout"}, 2, "an argument is missing for --timeout"},
		{[]string{"call", "compute.list", `{"api_key":"` + canary + `",}`}, 2, "the parameters are not JSON"},
		{[]string{"call", "compute.lst"}, 16, "validation: request.method: no such method\n  did you mean compute.list?"},
		{[]string{"call", "compute.get", `{"id":"nope"}`}, 12, "runpod: not_found: "},
		{[]string{"call", "compute.list", `{"provider":"vast"}`}, 10, "set VAST_API_KEY"},
		{[]string{"call", "compute.spawn", `{"gpu":"rtx_4090","image":"i","spot":true}`}, 15, "runpod: unsupported: "},
		{[]string{"call", "compute.list", "--config", "@/nowhere"}, 1, "no such file"},
		{[]string{"call", "compute.list", "--config", `{"providers":{"runpod":{"api_key":["` + canary + `"]}}}`}, 16, "config.providers.runpod.api_key"},
		{[]string{"call", "compute.list", "--follow"}, 2, "compute.list subscribes to nothing"},
		{[]string{"call", "events.subscribe", `{"topic":"providers"}`}, 0, "--follow prints its events"},
		{[]string{"clal"}, 2, `no command "clal"`},
		{nil, 2, "usage: exatlas COMMAND"},
		{[]string{"plugin", "tset"}, 2, "there is new, test, record"},
		{[]string{"fly"}, 2, "what to do is missing: apps, logs, deploy, token"},
		{[]string{"sim", "atlantis"}, 1, `no simulated cloud "atlantis"`},
	} {
		code, out, problem := exatlas(t.Context(), "", row.args...)
		if code != row.code || !strings.Contains(problem, row.said) {
			t.Errorf("%q: %d %s", row.args, code, problem)
		}
		if strings.Contains(out+problem, canary) {
			t.Errorf("%q shows the key: %s%s", row.args, out, problem)
		}
	}
}

// TestCall_TellsWhatAPluginLogged builds a plugin on Extism's PDK that logs a line
// and writes another to its standard error.
func TestCall_TellsWhatAPluginLogged(t *testing.T) {
	folder := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(folder, "pdk.wasm"), "../../test/guests/pdk")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	config := fmt.Sprintf(`{"default_provider":"pdk","plugins":{"dir":%q},"providers":{"pdk":{"api_key":%q}}}`, folder, canary)
	code, out, problem := exatlas(t.Context(), "", "call", "compute.get", `{"id":"log hello there"}`, "--config", config)
	for _, want := range []string{`"level":"warn","line":"hello there"`, `"level":"info","line":"standard error: hello there"`} {
		if !strings.Contains(problem, want) || strings.Contains(out+problem, canary) {
			t.Errorf("%d %s%s", code, out, problem)
		}
	}
	if code, _, problem := exatlas(t.Context(), "", "call", "events.subscribe", `{"topic":"providers.log"}`, "--config", config); code != 0 || strings.Contains(problem, "plugin's log") {
		t.Errorf("%d %s", code, problem)
	}
}

func TestConfiguration_SaysWhereItIsWrongAndShowsNoneOfIt(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"good.json":  `{"default_provider":"mock"}`,
		"comma.json": "{\n  \"providers\": {\"runpod\": {\"api_key\": \"" + canary + "\"}},\n}\n",
		"plain.yaml": "default_provider: " + canary + "\n",
		"empty.json": "\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct{ config, said string }{
		{"@comma.json", "validation: comma.json is not JSON: line 3: "},
		{"@plain.yaml", "plain.yaml is not JSON: line 1: "},
		{"@empty.json", "empty.json is empty"},
		{"good.json", "the configuration is no JSON object\n  @good.json means that file"},
		{canary, "the configuration is no JSON object\n  give a JSON object, or @FILE"},
		{"[]", "config: expected an object, got an array"},
	} {
		for _, args := range [][]string{{"call", "atlas.info"}, {"dashboard"}, {"fly", "token", "app"}} {
			code, out, problem := exatlas(t.Context(), "", append(args, "--config", row.config)...)
			if code != 16 || !strings.Contains(problem, row.said) || strings.Contains(out+problem, canary) {
				t.Errorf("%q with %s: %d %s%s", args, row.config, code, out, problem)
			}
		}
		t.Setenv("EXATLAS_CONFIG", row.config)
		if code, out, problem := exatlas(t.Context(), "", "call", "atlas.info"); code != 16 || !strings.Contains(problem, row.said) {
			t.Errorf("EXATLAS_CONFIG=%s: %d %s%s", row.config, code, out, problem)
		}
		t.Setenv("EXATLAS_CONFIG", "")
	}
	if code, out, problem := exatlas(t.Context(), "", "call", "atlas.info", "--config", "@good.json"); code != 0 {
		t.Errorf("%d %s%s", code, out, problem)
	}
}

func TestHelp_IsOnStandardOutputAndShowsNoKey(t *testing.T) {
	runpodPlace(t)
	for _, args := range [][]string{{"help"}, {"-h"}, {"help", "call"}, {"call", "--help"}, {"call", "compute.list", "-h"}, {"demo", "--help"}, {"fly", "--help"}, {"fly", "logs", "--help"},
		{"help", "fly", "deploy"}, {"plugin", "--help"}, {"plugin", "new", "--help"}, {"plugin", "record", "--help"}, {"sim", "--help"}, {"version", "--help"}} {
		code, out, problem := exatlas(t.Context(), "", args...)
		if code != 0 || problem != "" || !strings.Contains(out, "usage: exatlas ") || strings.Contains(out, canary) || strings.Contains(out, "victim") {
			t.Errorf("%q: %d %s%s", args, code, out, problem)
		}
	}
	if code, out, _ := exatlas(t.Context(), "", "--version"); code != 0 || !strings.HasPrefix(out, "exatlas ") {
		t.Errorf("%d %s", code, out)
	}
}

func TestCall_FollowsAJobToItsEnd(t *testing.T) {
	runpodPlace(t)
	for _, row := range []struct {
		endpoint, last, problem string
		code                    int
	}{{"stream-2", `"event":"result"`, "", 0}, {"fail", `"event":"error"`, "runpod: provider: the job failed", 17}} {
		code, id, problem := exatlas(t.Context(), `{"endpoint":"`+row.endpoint+`","input":{}}`, "call", "jobs.run", "-")
		_, id, ok := strings.Cut(id, `"id": "`)
		id, _, _ = strings.Cut(id, `"`)
		if code != 0 || !ok {
			t.Fatal(code, problem)
		}
		code, out, problem := exatlas(t.Context(), "", "call", "jobs.stream", `{"endpoint":"`+row.endpoint+`","id":"`+id+`"}`, "--follow")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if code != row.code || !strings.Contains(lines[len(lines)-1], row.last) || !strings.Contains(problem, row.problem) {
			t.Errorf("%s: %d %s %s", row.endpoint, code, out, problem)
		}
	}
}

func TestCall_IsInterrupted(t *testing.T) {
	runpodPlace(t)
	for _, args := range [][]string{
		{"call", "events.subscribe", `{"topic":"providers"}`, "--follow"},
		{"call", "compute.spawn", `{"gpu":"rtx_4090","image":"i","max_price_per_hour":0.01,"wait_for_capacity_ms":60000}`},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		code, _, problem := exatlas(ctx, "", args...)
		cancel()
		if code != exitInterrupted || !strings.Contains(problem, "interrupted") {
			t.Errorf("%q: %d %s", args, code, problem)
		}
	}
}

func TestCall_ShowsWhatASpawnTried(t *testing.T) {
	runpodPlace(t)
	code, out, problem := exatlas(t.Context(), "", "call", "compute.spawn", `{"gpu":"rtx_4090","image":"i","max_price_per_hour":0.01}`)
	if code != 23 || out != "" || !strings.Contains(problem, "raise max_price_per_hour") {
		t.Errorf("%d %s %s", code, out, problem)
	}
}
