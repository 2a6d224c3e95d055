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

const local = "127.0.0.1:0"

func TestMain(m *testing.M) { leak.Main(m) }

// run starts the command and returns the line it prints and a channel with its
// result.
func run(t *testing.T, ctx context.Context, stdin io.Reader, o Options) (map[string]string, chan error) {
	t.Helper()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, o, stdin, in)
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
	urls, done := run(t, context.Background(), stdin, Options{Listen: local})
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
	urls, done := run(t, ctx, nil, Options{Listen: local, Settings: `{"mock":{"provision_ms":10}}`, Seed: 4, Clouds: []string{"mock"}})
	if len(urls) != 1 || urls["mock"] == "" {
		t.Errorf("%v", urls)
	}
	cancel()
	ended(t, done, urls)
}

func TestRun_RefusesWhatItDoesNotKnow(t *testing.T) {
	for _, o := range []Options{{Listen: local, Clouds: []string{"atlantis"}}, {Listen: local, Settings: "{"}, {Listen: local, Settings: `{"mock":{"bogus":1}}`},
		{Listen: local, Settings: `{"mock":{}}`, Clouds: []string{"runpod"}}, {Listen: "0.0.0.0:0"}, {Listen: "8700"}, {Listen: local, Clouds: []string{"mock", "mock"}}} {
		var out bytes.Buffer
		if err := Run(context.Background(), o, nil, &out); err == nil {
			t.Errorf("%+v was accepted", o)
		}
		if out.Len() != 0 {
			t.Errorf("%+v printed %s", o, out.String())
		}
	}
}
