package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas/plugins/builtin"
	"github.com/exatlas/atlas/sim"
)

func TestPlugin_IsRecordedAndTestedFromTheShell(t *testing.T) {
	server, err := sim.Start("mock", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	folder := t.TempDir()
	file, exchanges := filepath.Join(folder, "mock.wasm"), filepath.Join(folder, "mock.conformance.json")
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
	exatlas := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(context.Background(), streams{strings.NewReader(""), &out, &out}, args)
		return code, out.String()
	}
	code, text := exatlas("plugin", "test", file, "--record", exchanges, "--base-url", server.URL(), "--spawn", `{"gpu":"rtx_4090","gpu_count":1}`)
	if code != 0 || !strings.Contains(text, " cases, 0 failed") {
		t.Fatal(code, text)
	}
	if left := server.Machines(); len(left) != 0 {
		t.Fatal("recording left a machine behind")
	}
	code, text = exatlas("plugin", "test", file, "--exchanges", exchanges, "--json")
	if code != 0 || !strings.Contains(text, `"failures": []`) {
		t.Fatal(code, text)
	}
	if err := os.WriteFile(file, []byte("not a module"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text = exatlas("plugin", "test", file); code != 1 || !strings.Contains(text, "exatlas: ") {
		t.Fatal(code, text)
	}
	if code, _ = exatlas("plugin", "test"); code != 2 {
		t.Fatal(code)
	}
}
