package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/wasm"
	"github.com/exatlas/atlas/plugins/builtin"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestPlugin_IsRecordedAndTestedFromTheShell(t *testing.T) {
	server, err := sim.Start("mock", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	folder := t.TempDir()
	file, plan := filepath.Join(folder, "mock.wasm"), filepath.Join(folder, "plan.json")
	for _, m := range builtin.List() {
		if m.Name == "mock" {
			data, err := m.Open()
			if err == nil {
				err = os.WriteFile(file, data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := `{"provider":"mock","cases":[
		{"name":"rent","operation":"spawn_compute","request":{"request_id":"r","name":"n","gpu":"mock-h100","gpu_count":1,"image":"i"}},
		{"name":"get","operation":"get_compute","request":{"id":"$rent"}},
		{"name":"terminate","operation":"terminate","request":{"id":"$rent"}}]}`
	if err := os.WriteFile(plan, []byte(cases), 0o600); err != nil {
		t.Fatal(err)
	}
	exatlas := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(context.Background(), streams{strings.NewReader(""), &out, &out}, args)
		return code, out.String()
	}
	if code, text := exatlas("plugin", "test", file); code != 0 || !strings.Contains(text, "no recording") {
		t.Fatal(code, text)
	}
	code, text := exatlas("plugin", "record", file, "--plan", plan, "--base-url", server.URL())
	if code != 0 || !strings.Contains(text, "3 cases, 3 exchanges") {
		t.Fatal(code, text)
	}
	if left := server.Machines(); len(left) != 0 {
		t.Fatal("recording left a machine behind")
	}
	spoilt := filepath.Join(folder, "spoilt.json")
	if err := os.WriteFile(spoilt, []byte(strings.Replace(cases, `"operation":"get_compute"`, `"error":"funds","operation":"get_compute"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	code, text = exatlas("plugin", "record", file, "--plan", spoilt, "--base-url", server.URL())
	if code == 0 || !strings.Contains(text, `expected the error kind "funds", and it succeeded`) || !strings.Contains(text, "is given back") || len(server.Machines()) != 0 {
		t.Fatal("a plan that fails in the middle leaves a machine behind:", code, text, server.Machines())
	}
	var short struct {
		Provider string            `json:"provider"`
		Cases    []json.RawMessage `json:"cases"`
	}
	if err := json.Unmarshal([]byte(cases), &short); err != nil {
		t.Fatal(err)
	}
	short.Cases = short.Cases[:2]
	endless := filepath.Join(folder, "endless.json")
	if text, err := json.Marshal(short); err != nil || os.WriteFile(endless, text, 0o600) != nil {
		t.Fatal(err)
	}
	code, text = exatlas("plugin", "record", file, "--plan", endless, "--base-url", server.URL())
	if code == 0 || !strings.Contains(text, "does not end by terminating") || !strings.Contains(text, "is given back") || len(server.Machines()) != 0 {
		t.Fatal("a plan that forgets to terminate leaves a machine behind:", code, text, server.Machines())
	}
	misnamed := filepath.Join(folder, "misnamed.json")
	if err := os.WriteFile(misnamed, []byte(strings.Replace(cases, `"$rent"`, `"$rnt"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := server.Requests()
	code, text = exatlas("plugin", "record", file, "--plan", misnamed, "--base-url", server.URL())
	if code == 0 || !strings.Contains(text, `case "get": its id is "$rnt", and no case before it is named "rnt"`) || server.Requests() != asked {
		t.Fatal("a plan that names no case spends money before it says so:", code, text)
	}
	server.AddFault(simkit.Fault{Method: "DELETE", Path: "*", Effect: simkit.Status, Status: 403, Count: 1})
	code, text = exatlas("plugin", "record", file, "--plan", spoilt, "--base-url", server.URL())
	if left := server.Machines(); code == 0 || len(left) != 1 || !strings.Contains(text, "the machine "+left[0].ID+" was rented and could not be given back, terminate it by hand") {
		t.Fatal("a machine that stays is not told of:", code, text, left)
	}
	// The recording lies beside the module and is used by itself.
	code, text = exatlas("plugin", "test", file, "--json")
	if code != 0 || !strings.Contains(text, `"failures": []`) || !strings.Contains(text, `"recorded": 3`) {
		t.Fatal(code, text)
	}
	if err := os.WriteFile(file, []byte("not a module"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text = exatlas("plugin", "test", file); code != 25 || !strings.Contains(text, "exatlas: ") {
		t.Fatal(code, text)
	}
	if code, _ = exatlas("plugin", "test"); code != 2 {
		t.Fatal(code)
	}
}

func TestPlugin_IsLabelledFromTheShell(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mock.wasm")
	for _, m := range builtin.List() {
		if m.Name == "mock" {
			data, err := m.Open()
			if err == nil {
				err = os.WriteFile(file, data, 0o640)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	exatlas := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(context.Background(), streams{strings.NewReader(""), &out, &out}, args)
		return code, out.String()
	}
	if code, text := exatlas("plugin", "label", file); code != 0 || !strings.Contains(text, "labelled as mock ") {
		t.Fatal(code, text)
	}
	labelled, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := wasm.Label(labelled)
	if err != nil || !strings.Contains(string(manifest), `"name":"mock"`) {
		t.Fatalf("%s %v", manifest, err)
	}
	lying, err := wasm.WithLabel(labelled, bytes.Replace(manifest, []byte(`"name":"mock"`), []byte(`"name":"mock","listing_lag_ms":7`), 1))
	if err == nil {
		err = os.WriteFile(file, lying, 0o640)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, text := exatlas("plugin", "test", file); code != 25 || !strings.Contains(text, "otherwise of its listing_lag_ms") || !strings.Contains(text, "exatlas plugin label") {
		t.Fatal(code, text)
	}
	if code, text := exatlas("plugin", "label", file); code != 0 {
		t.Fatal(code, text)
	}
	again, err := os.ReadFile(file)
	info, wrong := os.Stat(file)
	if err != nil || wrong != nil || !bytes.Equal(again, labelled) || info.Mode().Perm() != 0o640 {
		t.Errorf("%d bytes, not %d; %v %v %v", len(again), len(labelled), info.Mode(), err, wrong)
	}
	if err := os.WriteFile(file, []byte("not a module"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text := exatlas("plugin", "label", file); code == 0 || !strings.Contains(text, "not a WebAssembly module") {
		t.Fatal(code, text)
	}
}

func TestExplained_ShowsTheHintOnceAndKeepsTheKind(t *testing.T) {
	e := &spec.Error{Kind: spec.KindPlugin, Provider: "acme", Message: "the manifest is wrong", Hint: "exatlas plugin new writes one"}
	err := explained(fmt.Errorf("case 1: %w", e))
	if got, want := err.Error(), "case 1: acme: the manifest is wrong\n  exatlas plugin new writes one"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if exitCode(err) != exitCode(e) {
		t.Errorf("exit code %d", exitCode(err))
	}
	if plain := errors.New("no such file"); explained(plain) != plain {
		t.Error("another error was changed")
	}
}
