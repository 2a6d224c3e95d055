package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/flycli"
)

// TestMain is also the stand-in for flyctl.
func TestMain(m *testing.M) {
	if _, ok := os.LookupEnv(flycli.EnvScenario); ok {
		os.Exit(flycli.Main(os.Args[1:]))
	}
	leak.Main(m)
}

// flyPlace is a folder with an app, a simulated Fly and a stand-in for flyctl.
func flyPlace(t *testing.T) (folder string) {
	t.Helper()
	return flyPlaceWith(t, `{"logs":[{"app":"my-api","every_ms":20}]}`)
}

func flyPlaceWith(t *testing.T, settings string) (folder string) {
	t.Helper()
	cloud, err := sim.Start("fly", sim.Options{Settings: json.RawMessage(settings)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "fly.toml"), []byte(`app = "my-api"`), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config, _ := json.Marshal(map[string]any{
		"store": map[string]string{"url": "sqlite:" + filepath.Join(folder, "atlas.db")},
		"fly":   map[string]string{"api_url": cloud.URL(), "machines_url": cloud.URL(), "cli": self}})
	t.Setenv("EXATLAS_CONFIG", string(config))
	t.Setenv("HOME", folder)
	t.Setenv("FLY_API_TOKEN", "fm2_fromtheenvironment")
	t.Setenv(flycli.EnvScenario, "ok")
	return folder
}

func exatlas(ctx context.Context, in string, args ...string) (code int, out, err string) {
	var stdout, stderr bytes.Buffer
	code = run(ctx, streams{strings.NewReader(in), &stdout, &stderr}, args)
	return code, stdout.String(), stderr.String()
}

func TestFly_PrintsJSONLinesWhereNobodyLooks(t *testing.T) {
	folder := flyPlace(t)
	code, out, problem := exatlas(t.Context(), "", "fly", "apps", folder)
	var app struct{ Name string }
	if code != 0 || json.Unmarshal([]byte(out), &app) != nil || app.Name != "my-api" {
		t.Errorf("%d %s %s", code, out, problem)
	}
	code, out, problem = exatlas(t.Context(), "", "fly", "deploy", folder, "--strategy", "rolling")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) < 10 || !strings.Contains(lines[len(lines)-1], `"event":"result"`) {
		t.Errorf("%d %s %s", code, out, problem)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	t.Setenv(flycli.EnvScenario, "fail")
	if code, _, problem = exatlas(t.Context(), "", "fly", "deploy", folder); code != 17 || !strings.Contains(problem, "exit code 1") {
		t.Errorf("%d %s", code, problem)
	}
}

func TestFly_LogsAreForPeopleOnRequest(t *testing.T) {
	flyPlace(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	code, out, problem := exatlas(ctx, "", "fly", "logs", "my-api", "--json=false")
	if lines := strings.Count(out, "\n"); code != 0 || lines < 10 || !strings.Contains(out, "ord/148e2901f03dd8 info  line ") || strings.Contains(out, "\x1b") {
		t.Errorf("%d %s %s", code, out, problem)
	}
	if code, out, _ := exatlas(t.Context(), "", "fly", "logs", "my-api", "--no-tail"); code != 0 || !strings.HasPrefix(out, `{"app":"my-api"`) {
		t.Errorf("%d %s", code, out)
	}
	if code, _, problem := exatlas(t.Context(), "", "fly", "logs", "nowhere"); code != 12 || !strings.Contains(problem, "Fly knows no such app") {
		t.Errorf("%d %s", code, problem)
	}
}

func TestFly_TokensAreShownOnRequestAndTakenFromInput(t *testing.T) {
	folder := flyPlace(t)
	if code, out, _ := exatlas(t.Context(), "", "fly", "token", "my-api"); code != 0 || strings.Contains(out, "fm2_") || !strings.Contains(out, `"source":"environment"`) {
		t.Errorf("%d %s", code, out)
	}
	if code, _, problem := exatlas(t.Context(), "FlyV1 fm2_byhandbyhand\n", "fly", "token", "my-api", "--set"); code != 0 {
		t.Errorf("%d %s", code, problem)
	}
	if code, out, _ := exatlas(t.Context(), "", "fly", "token", "my-api", "--show"); code != 0 || !strings.Contains(out, `"token":"fm2_byhandbyhand"`) {
		t.Errorf("%d %s", code, out)
	}
	// The store, and the key beside it, are for their owner alone, and hold no token as it is.
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			continue // the log of a store that is closed goes with its last reader
		}
		text, _ := os.ReadFile(filepath.Join(folder, entry.Name()))
		if strings.HasPrefix(entry.Name(), "atlas.db") && info.Mode().IsRegular() && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
		if bytes.Contains(text, []byte("byhand")) {
			t.Errorf("%s holds the token", entry.Name())
		}
	}
	if code, out, _ := exatlas(t.Context(), "", "fly", "token", "my-api", "--remove"); code != 0 || !strings.Contains(out, `"set":false`) {
		t.Errorf("%d %s", code, out)
	}
	if code, _, _ := exatlas(t.Context(), "", "fly", "nonsense"); code != 2 {
		t.Errorf("%d", code)
	}
}

func TestFly_TokenRefusesWhatContradictsItselfAndChangesNothing(t *testing.T) {
	flyPlace(t)
	if code, _, problem := exatlas(t.Context(), "fm2_byhandbyhand", "fly", "token", "my-api", "--set"); code != 0 {
		t.Fatalf("%d %s", code, problem)
	}
	for _, row := range []struct {
		in, want string
		args     []string
	}{
		{"", "--set and --remove contradict each other", []string{"--set", "--remove"}},
		{"fm2_another", "--set and --remove contradict each other", []string{"--remove", "--set"}},
		{"", "standard input holds no token", []string{"--set"}},
		{" \n", "standard input holds no token", []string{"--set"}},
		{"fm2_another", "neither --show nor --refresh", []string{"--set", "--show"}},
		{"", "neither --show nor --refresh", []string{"--remove", "--refresh"}},
		{"", "--set takes the token from standard input", []string{"--set", "fm2_another"}},
		{"", "--set takes the token from standard input", []string{"--set", "FlyV1", "fm2_another"}},
		{"", "one argument too many: more", []string{"more"}},
	} {
		code, out, problem := exatlas(t.Context(), row.in, append([]string{"fly", "token", "my-api"}, row.args...)...)
		if code != 2 || out != "" || !strings.Contains(problem, row.want) || strings.Contains(problem, "fm2_") {
			t.Errorf("%v: %d %s %s", row.args, code, out, problem)
		}
	}
	if code, out, _ := exatlas(t.Context(), "", "fly", "token", "my-api", "--show"); code != 0 || !strings.Contains(out, `"token":"fm2_byhandbyhand"`) {
		t.Errorf("%d %s", code, out)
	}
}
