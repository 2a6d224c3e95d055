package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// stalled is a cloud that answers its first request at once and the others when
// its gate opens.
type stalled struct {
	url     string
	waiting atomic.Int64
	gate    chan struct{}
}

func startStalled(body []byte) (*stalled, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stalled{url: "http://" + listener.Addr().String(), gate: make(chan struct{})}
	var first atomic.Bool
	server := &fasthttp.Server{Concurrency: 1 << 20, Handler: func(ctx *fasthttp.RequestCtx) {
		if first.Swap(true) {
			s.waiting.Add(1)
			<-s.gate
		}
		ctx.SetContentType("application/json")
		ctx.SetBody(body)
	}}
	go func() { _ = server.Serve(listener) }()
	return s, nil
}

// memory is the median of some runs: how far a heap has grown when it is looked at
// depends on when garbage was last collected.
func (b *bench) memory() error {
	var mb []float64
	failed := 0
	for range 5 {
		one, lost, err := b.inFlight()
		if err != nil {
			return err
		}
		mb, failed = append(mb, one), failed+lost
	}
	value := median(mb)
	b.tell(figure{Name: "memory_of_calls_in_flight", Value: value, Unit: fmt.Sprintf("MB for %d calls, median of %d runs from %.0f to %.0f", b.flight, len(mb), slices.Min(mb), slices.Max(mb))}.within("at most 150, no call failed", value <= 150 && failed == 0))
	b.tell(figure{Name: "failed_of_calls_in_flight", Value: float64(failed), Unit: "calls"}.within("none", failed == 0))
	return nil
}

// inFlight measures what calls in flight take: resident memory of a C program with
// all of them waiting for the server, less that before.
func (b *bench) inFlight() (mb float64, failed int, err error) {
	answer, err := fetch(b.cloud.url + "/v2/pods/" + b.cloud.pod)
	if err != nil {
		return 0, 0, err
	}
	server, err := startStalled(answer)
	if err != nil {
		return 0, 0, err
	}
	var open sync.Once
	gate := func() { open.Do(func() { close(server.gate) }) }
	defer gate() // the server itself ends with this program
	c := &cloud{url: server.url}
	flood := exec.Command(b.flood, "-n", strconv.Itoa(b.flight), "-c", c.config(b.cache), "compute.get", b.getArg)
	flood.Stderr = os.Stderr
	flood.Env = append(os.Environ(), "ATLAS_LIBRARY="+filepath.Join(b.root, "build", "libexatlas.so"))
	in, err := flood.StdinPipe()
	if err != nil {
		return 0, 0, err
	}
	out, err := flood.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := flood.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { _ = flood.Process.Kill(); _ = flood.Wait() }()
	lines := bufio.NewReader(out)
	var told struct {
		Submitted int
		Before    float64 `json:"before_bytes"`
		During    float64 `json:"during_bytes"`
		Failed    int
	}
	next := func() error {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("flood: %w", err)
		}
		return json.Unmarshal(line, &told)
	}
	if err := next(); err != nil {
		return 0, 0, err
	}
	// A client keeps at most 512 connections to a host, so that many wait for the
	// answer and the rest for a connection: all are there when no more arrive.
	for before := int64(-1); before != server.waiting.Load(); time.Sleep(time.Second) {
		before = server.waiting.Load()
	}
	if _, err := io.WriteString(in, "measure\n"); err != nil {
		return 0, 0, err
	}
	if err := next(); err != nil {
		return 0, 0, err
	}
	waiting := server.waiting.Load()
	gate()
	if _, err := io.WriteString(in, "finish\n"); err != nil {
		return 0, 0, err
	}
	if err := next(); err != nil {
		return 0, 0, err
	}
	fmt.Fprintf(os.Stderr, "bench: %d of %d calls waited for the server, the others for a connection\n", waiting, b.flight)
	return (told.During - told.Before) / 1e6, told.Failed, nil
}

func fetch(url string) ([]byte, error) {
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %d", url, answer.StatusCode)
	}
	return io.ReadAll(answer.Body)
}
