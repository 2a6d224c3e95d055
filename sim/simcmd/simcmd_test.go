package simcmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
)

func TestMain(m *testing.M) { leak.Main(m) }

// run starts the command and returns the line it prints and a channel with its
// result.
func run(t *testing.T, ctx context.Context, stdin io.Reader, args ...string) (map[string]string, chan error) {
	t.Helper()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, args, stdin, in, io.Discard)
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("%v; %v", err, <-done)
	}
	var urls map[string]string
	if err := json.Unmarshal(line, &urls); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return urls, done
}

func ended(t *testing.T, done chan error, urls map[string]string) {
	t.Helper()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on")
	}
	for name, url := range urls {
		if c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
			c.Close()
			t.Errorf("%s is still served", name)
		}
	}
}

func TestRun_ServesUntilItsInputCloses(t *testing.T) {
	stdin, close := io.Pipe()
	urls, done := run(t, context.Background(), stdin)
	if len(urls) != len(sim.Names()) {
		t.Errorf("%v", urls)
	}
	for _, name := range sim.Names() {
		if urls[name] == "" {
			t.Errorf("%s is not among %v", name, urls)
		}
	}
	close.Close()
	ended(t, done, urls)
}

func TestRun_ServesUntilItIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	urls, done := run(t, ctx, nil, "--options", `{"mock":{"provision_ms":10}}`, "--seed", "4", "mock")
	if len(urls) != 1 || urls["mock"] == "" {
		t.Errorf("%v", urls)
	}
	cancel()
	ended(t, done, urls)
}

func TestRun_RefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{{"atlantis"}, {"--bogus"}, {"--options", "{"}, {"--options", `{"mock":{"bogus":1}}`}, {"--options", `{"mock":{}}`, "runpod"}, {"--listen", "0.0.0.0:0"}} {
		var out bytes.Buffer
		if err := Run(context.Background(), args, nil, &out, io.Discard); err == nil {
			t.Errorf("%q was accepted", args)
		}
		if out.Len() != 0 {
			t.Errorf("%q printed %s", args, out.String())
		}
	}
	var help bytes.Buffer
	if err := Run(context.Background(), []string{"-h"}, nil, io.Discard, &help); err != nil || !strings.Contains(help.String(), "runpod") {
		t.Errorf("%v, %s", err, help.String())
	}
}
