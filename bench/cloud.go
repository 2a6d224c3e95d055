package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
)

// key is the account of every bench at the simulated cloud.
const key = "bench-key"

// A cloud is the RunPod simulator in a process of its own, so that its work and
// memory are not counted as Atlas's.
type cloud struct {
	url     string
	process *exec.Cmd
	stdin   io.Closer
	pod     string // a running machine
}

// startCloud serves the simulator and rents the machine that the benches read.
func startCloud(root string) (*cloud, error) {
	// Requests without a key are the Extism peer's: the Extism SDK has no way to
	// attach a credential that the guest does not hold.
	options := `{"runpod":{"anonymous_key":"` + key + `"}}`
	process := exec.Command(filepath.Join(root, "build/exatlas"), "sim", "--options", options, "runpod")
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("%w (run make all first)", err)
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("the simulator said nothing: %w", err)
	}
	var urls struct{ Runpod string }
	if err := json.Unmarshal(line, &urls); err != nil {
		return nil, err
	}
	c := &cloud{url: urls.Runpod, process: process, stdin: stdin}
	var pod struct{ ID string }
	create := `{"name":"bench","image":"runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404","gpu":{"id":"NVIDIA GeForce RTX 4090","count":1},"disk":50,` +
		`"ports":["8888/http","22/tcp"],"env":{"MODEL_NAME":"llama-3","ATLAS_REQUEST_ID":"r-bench"},"mounts":{"persistent":{"size":20,"path":"/workspace"}}}`
	if err := c.do("POST", "/v2/pods", create, &pod); err != nil {
		return nil, err
	}
	c.pod = pod.ID
	return c, nil
}

// do sends one request to the simulator itself.
func (c *cloud) do(method, path, body string, into any) error {
	request, err := http.NewRequest(method, c.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// config is the configuration of a client of this cloud.
func (c *cloud) config(cacheDir string) string {
	text, _ := json.Marshal(map[string]any{
		"default_provider": "runpod",
		"providers":        map[string]any{"runpod": map[string]any{"api_key": key, "base_url": c.url}},
		"plugins":          map[string]any{"cache_dir": cacheDir},
	})
	return string(text)
}

func (c *cloud) close() {
	_ = c.stdin.Close()
	_ = c.process.Wait()
}
