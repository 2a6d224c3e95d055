package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
)

// fly measures Fly's platform operations against the simulated Fly, which has a
// process of its own, and the stand-in for flyctl.
func (b *bench) fly() error {
	folder, err := os.MkdirTemp("", "atlas-bench-fly")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	standin := filepath.Join(folder, "fly")
	build := exec.Command("go", "build", "-o", standin, "./test/standin/fly")
	build.Dir, build.Stderr = b.root, os.Stderr
	if err := build.Run(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "fly.toml"), []byte("app = \"app-0\"\n"), 0o600); err != nil {
		return err
	}
	url, stop, err := b.flyCloud()
	if err != nil {
		return err
	}
	defer stop()
	client, err := atlas.Open(atlas.Config{
		Settings: atlas.Settings{Fly: atlas.FlySettings{APIURL: url, MachinesURL: url, CLI: standin}, Store: atlas.StoreSettings{URL: "memory:", Key: spec.NewSecret(string(bytes.Repeat([]byte("0"), 64)))}},
		Environ: func() []string {
			return []string{"FLY_API_TOKEN=fm2_bench", "FLY_STANDIN=flood:" + strconv.Itoa(b.lines)}
		},
	})
	if err != nil {
		return err
	}
	defer client.Close(5 * time.Second)
	if err := b.flyTokens(client); err != nil {
		return err
	}
	if err := b.flyDeploy(client, folder, standin); err != nil {
		return err
	}
	return b.flyLogs(client)
}

// The load of the log figures: 50,000 lines a second.
const (
	tailedApps = 200
	eachTailed = 5 // subscribers an app
	writeEvery = 4 // ms
	lateEvery  = 50
	lateMS     = 2000
)

// flyCloud serves the simulated Fly.
func (b *bench) flyCloud() (url string, stop func(), err error) {
	var apps []map[string]any
	for i := range tailedApps {
		apps = append(apps, map[string]any{"app": "app-" + strconv.Itoa(i), "every_ms": writeEvery, "late_every": lateEvery, "late_ms": lateMS})
	}
	options, _ := json.Marshal(map[string]any{"fly": map[string]any{"logs": apps}}) // of strings and numbers
	process := exec.Command(filepath.Join(b.root, "build", "exatlas"), "sim", "--options", string(options), "fly")
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := process.Start(); err != nil {
		return "", nil, fmt.Errorf("%w (run make all first)", err)
	}
	stop = func() {
		_ = stdin.Close() // which ends it
		_ = process.Wait()
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	var urls struct{ Fly string }
	if err == nil {
		err = json.Unmarshal(line, &urls)
	}
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the simulator said %q: %w", line, err)
	}
	return urls.Fly, stop, nil
}

// flyTokens measures tokens that are in memory.
func (b *bench) flyTokens(client *atlas.Client) error {
	ctx, n := context.Background(), 0
	var rounds []float64
	for range b.rounds {
		began := time.Now()
		for n = 0; time.Since(began) < 300*time.Millisecond; n += 100 {
			for range 100 {
				if _, err := client.Fly.Tokens.Get(ctx, atlas.FlyTokenParams{App: "app-0"}); err != nil {
					return err
				}
			}
		}
		rounds = append(rounds, float64(n)/time.Since(began).Seconds())
	}
	b.tell(figure{Name: "fly_tokens_memory", Value: median(rounds), Unit: "tokens/s from memory, one thread"})
	return nil
}

// heapWatch looks at the heap some times a second until it is stopped, and tells
// how far it went above what it was.
func heapWatch() (stop func() (growthMB float64)) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, most := m.HeapInuse, m.HeapInuse
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-time.After(100 * time.Millisecond):
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	return func() float64 {
		close(end)
		<-done
		return float64(most-before) / 1e6
	}
}

// flyDeploy streams a deploy that prints lines and lines.
func (b *bench) flyDeploy(client *atlas.Client, folder, standin string) error {
	began := time.Now()
	bare := exec.Command(standin, "deploy")
	bare.Env = []string{"FLY_STANDIN=flood:" + strconv.Itoa(b.lines)}
	pipe, err := bare.StdoutPipe()
	if err != nil {
		return err
	}
	if err := bare.Start(); err != nil {
		return err
	}
	for scanner := bufio.NewScanner(pipe); scanner.Scan(); {
	}
	if err := bare.Wait(); err != nil {
		return err
	}
	peer := time.Since(began)
	grown := heapWatch()
	began = time.Now()
	stream, err := client.Fly.Deploy.Stream(context.Background(), atlas.FlyDeployParams{Path: folder})
	if err != nil {
		return err
	}
	flood := 0
	for e, err := range stream.All(context.Background()) {
		if err != nil {
			return err
		}
		if e.Name == "line" && bytes.Contains(e.Data, []byte(" building layer of the image")) {
			flood++
		}
	}
	took, growth := time.Since(began), grown()
	unit := " for " + strconv.Itoa(b.lines) + " lines"
	b.tell(figure{Name: "fly_deploy", Value: took.Seconds(), Unit: "s" + unit, Peer: "bufio.Scanner on the same program", PeerValue: peer.Seconds()})
	b.tell(figure{Name: "fly_deploy_lost", Value: float64(b.lines - flood), Unit: "lines"}.within("none", flood == b.lines))
	b.tell(figure{Name: "fly_deploy_heap", Value: growth, Unit: "MB more at the most" + unit}.within("at most 32", growth <= 32))
	return nil
}

// flyLogs tails all apps at once.
func (b *bench) flyLogs(client *atlas.Client) error {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	grown := heapWatch()
	tails := make([]tail, tailedApps*eachTailed)
	var all sync.WaitGroup
	for i := range tails {
		sub, err := client.Fly.Logs.Subscribe(ctx, atlas.FlyLogsSubscribeParams{App: "app-" + strconv.Itoa(i%tailedApps)})
		if err != nil {
			return err
		}
		all.Add(1)
		go func() {
			defer all.Done()
			defer sub.Close()
			tails[i].follow(ctx, sub)
		}()
	}
	streams := client.Info().Live["fly_streams"]
	began := time.Now()
	time.Sleep(b.tailing)
	end()
	took := time.Since(began).Seconds()
	all.Wait()
	growth := grown()
	var sum tail
	for i := range tails {
		tails[i].judge()
		sum.lines, sum.lost, sum.doubled, sum.dropped = sum.lines+tails[i].lines, sum.lost+tails[i].lost, sum.doubled+tails[i].doubled, sum.dropped+tails[i].dropped
		sum.err = errors.Join(sum.err, tails[i].err)
	}
	if sum.err != nil {
		return sum.err
	}
	unit := fmt.Sprintf(", %d apps, %d subscribers", tailedApps, len(tails))
	rate := float64(sum.lines) / took / eachTailed
	b.tell(figure{Name: "fly_logs_rate", Value: rate, Unit: "lines/s read" + unit + ", simulator included"}.within("at least 45000 of the 50000 that are written", rate >= 45_000))
	b.tell(figure{Name: "fly_logs_handed_out", Value: float64(sum.lines) / took, Unit: "lines/s to all subscribers"})
	b.tell(figure{Name: "fly_logs_lost", Value: float64(sum.lost), Unit: "lines" + unit}.within("none", sum.lost == 0))
	b.tell(figure{Name: "fly_logs_dropped", Value: float64(sum.dropped), Unit: "lines of subscribers that did not keep up, told to them" + unit}.within("none", sum.dropped == 0))
	b.tell(figure{Name: "fly_logs_doubled", Value: float64(sum.doubled), Unit: "lines" + unit}.within("none", sum.doubled == 0))
	b.tell(figure{Name: "fly_logs_streamers", Value: float64(streams) / tailedApps, Unit: "an app"}.within("1", streams == tailedApps))
	left := client.Info().Live["fly_streams"]
	b.tell(figure{Name: "fly_logs_streamers_left", Value: float64(left), Unit: "after the last unsubscribe"}.within("none", left == 0))
	b.tell(figure{Name: "fly_logs_heap", Value: growth, Unit: "MB more at the most" + unit}.within("at most 512", growth <= 512))
	return nil
}
