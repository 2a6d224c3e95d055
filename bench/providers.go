package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/plugins/builtin"
)

// machineAt is what to rent at each simulated cloud, and where that cloud answers
// a look at the machine without Atlas between: the least that any client waits.
var machineAt = []struct {
	provider string
	spawn    atlas.SpawnParams
	path     string        // with the machine's identifier
	key      string        // header that opens the account
	pace     time.Duration // the cloud's published limit, which the host keeps
	calls    int
}{
	{"runpod", atlas.SpawnParams{GPU: []string{"rtx_4090"}, Image: "img"}, "/v2/pods/%s", "Bearer " + key, 0, 300},
	{"mock", atlas.SpawnParams{GPU: []string{"h100"}, Image: "img"}, "/v1/machines/%s", "", 0, 300},
	{"fly", atlas.SpawnParams{CPU: &atlas.CPURequest{VCPUCount: 1, MemoryGB: 1}, Image: "img"}, "", "", 0, 300},
	{"vast", atlas.SpawnParams{GPU: []string{"rtx_4090"}, Image: "img"}, "/api/v0/instances/%s/", "Bearer " + key, 1100 * time.Millisecond, 8},
	{"lambda_labs", atlas.SpawnParams{GPU: []string{"a10"}}, "/api/v1/instances/%s", "Bearer " + key, 1100 * time.Millisecond, 8},
}

// providers measures each built-in plugin: all of them loaded at once, and a look
// at a machine through each.
func (b *bench) providers() error {
	names := []string{}
	for _, m := range machineAt {
		names = append(names, m.provider)
	}
	clouds, stop, err := startClouds(b.root, names)
	if err != nil {
		return err
	}
	defer stop()
	accounts := map[string]any{}
	for name, url := range clouds {
		accounts[name] = map[string]any{"api_key": key, "base_url": url}
	}
	config, err := json.Marshal(map[string]any{"providers": accounts, "plugins": map[string]any{"cache_dir": b.cache}})
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var together []float64
	for range b.rounds + 1 { // the first fills the cache
		var line struct{ MS float64 }
		if err := b.child(&line, self, "-load", string(config)); err != nil {
			return err
		}
		together = append(together, line.MS)
	}
	value := median(together[1:])
	b.tell(figure{Name: "load_all_plugins", Value: value, Unit: fmt.Sprintf("ms for a compute.list of each of %d, open included", len(builtin.List())), Peer: "cold cache", PeerValue: together[0]}.within("under 300", value < 300))
	client, outcome, document := atlas.OpenJSON(config, atlas.Environment{})
	if client == nil {
		return fmt.Errorf("open: %d %s", outcome, document)
	}
	defer client.Close(5 * time.Second)
	for _, m := range machineAt {
		if err := b.look(client, clouds[m.provider], m.provider, m.spawn, m.path, m.key, m.pace, m.calls); err != nil {
			return fmt.Errorf("%s: %w", m.provider, err)
		}
	}
	return nil
}

// look measures compute.get at one cloud, next to the same HTTP request sent by
// fasthttp, in turns.
func (b *bench) look(client *atlas.Client, url, provider string, spawn atlas.SpawnParams, path, credential string, pace time.Duration, calls int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	spawn.Targets = atlas.Targets{Provider: []string{provider}}
	machine, err := client.Compute.Spawn(ctx, spawn)
	if err != nil {
		return err
	}
	target := atlas.Target{Provider: provider}
	var through, bare []float64
	for i := range calls + 20 {
		if pace > 0 {
			if i >= calls {
				break
			}
			time.Sleep(pace)
		}
		began := time.Now()
		if _, err := client.Compute.Get(ctx, atlas.IDParams{Target: target, ID: machine.ID}); err != nil {
			return err
		}
		took := float64(time.Since(began).Nanoseconds()) / 1e3
		if i >= 20 || pace > 0 && i > 0 { // the others warm up
			through = append(through, took)
		}
		if path == "" {
			continue
		}
		if pace > 0 {
			time.Sleep(pace)
		}
		began = time.Now()
		if err := bareGet(url+fmt.Sprintf(path, machine.ID), credential); err != nil {
			return err
		}
		bare = append(bare, float64(time.Since(began).Nanoseconds())/1e3)
	}
	f := figure{Name: "compute_get_" + provider, Value: median(through), Unit: fmt.Sprintf("us, median of %d in Go", len(through))}
	if path != "" {
		f.Peer, f.PeerValue = "the HTTP request alone", median(bare)
	}
	if pace > 0 {
		f.Unit += ", one at a time after a pause: the cloud's pace"
	}
	b.tell(f)
	_, err = client.Compute.Terminate(ctx, atlas.IDParams{Target: target, ID: machine.ID})
	return err
}

func bareGet(url, credential string) error {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI(url)
	if credential != "" {
		request.Header.Set("Authorization", credential)
	}
	if err := fasthttp.Do(request, response); err != nil {
		return err
	}
	if response.StatusCode() != 200 {
		return fmt.Errorf("%s: %d %s", url, response.StatusCode(), response.Body())
	}
	return nil
}

// startClouds serves simulators in a process of their own.
func startClouds(root string, names []string) (urls map[string]string, stop func(), err error) {
	process := exec.Command(filepath.Join(root, "build/exatlas"), append([]string{"sim"}, names...)...)
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := process.Start(); err != nil {
		return nil, nil, fmt.Errorf("%w (run make all first)", err)
	}
	stop = func() { _ = errors.Join(stdin.Close(), process.Wait()) }
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &urls)
	}
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("the simulators said nothing: %w", err)
	}
	return urls, stop, nil
}

// load opens a client, has every built-in plugin loaded at once and prints how long
// that took.
func load(config string) error {
	began := time.Now()
	client, outcome, document := atlas.OpenJSON([]byte(config), atlas.Environment{})
	if client == nil {
		return fmt.Errorf("open: %d %s", outcome, document)
	}
	defer client.Close(time.Second)
	var all sync.WaitGroup
	errs := make([]error, len(builtin.List()))
	for i, m := range builtin.List() {
		all.Add(1)
		go func() {
			defer all.Done()
			_, errs[i] = answered(client.CallJSON([]byte(`{"method":"compute.list","params":{"provider":"` + m.Name + `"}}`)))
		}()
	}
	all.Wait()
	took := time.Since(began)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"ms": float64(took.Nanoseconds()) / 1e6})
}
