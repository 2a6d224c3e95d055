package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/exatlas/atlas/sim/flycli"
)

// full is an output on a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

func TestOutput_ThatCannotBeWrittenIsNoSuccess(t *testing.T) {
	folder := flyPlace(t)
	for _, args := range [][]string{
		{"version"}, {"help"}, {"call", "--help"}, {"call", "atlas.info"}, {"call", "fly.logs.subscribe", `{"app":"my-api","recent":true}`, "--follow"},
		{"fly", "apps", folder}, {"fly", "logs", "my-api"}, {"fly", "logs", "my-api", "--no-tail"}, {"fly", "token", "my-api"}, {"fly", "deploy", folder}, {"dashboard"},
	} {
		var problems bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // of a command that goes on for nobody
		code := run(ctx, streams{strings.NewReader(""), full{}, &problems}, args)
		cancel()
		if code != exitFailed || !strings.Contains(problems.String(), "standard output cannot be written: no space left on device\n") {
			t.Errorf("%q: %d %s", args, code, problems.String())
		}
	}
	// Where it went wrong anyway, that is what is told.
	var problems bytes.Buffer
	if code := run(t.Context(), streams{strings.NewReader(""), full{}, &problems}, []string{"call", "no.method"}); code != 16 || strings.Contains(problems.String(), "standard output") {
		t.Errorf("%d %s", code, problems.String())
	}
}

// TestOutput_ThatNobodyReadsEndsTheCommandCleanly is exatlas … | head -1.
func TestOutput_ThatNobodyReadsEndsTheCommandCleanly(t *testing.T) {
	folder := flyPlace(t)
	log := filepath.Join(folder, "runs")
	t.Setenv(flycli.EnvScenario, "endless")
	t.Setenv(flycli.EnvLog, log)
	for _, row := range []struct {
		args  []string
		quiet bool
	}{
		{[]string{"fly", "logs", "my-api"}, true},
		{[]string{"call", "fly.logs.subscribe", `{"app":"my-api"}`, "--follow"}, true},
		{[]string{"fly", "deploy", folder, "--timeout", "1m"}, false}, // what became of it is worth a word
	} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = bufio.NewReader(reader).ReadString('\n')
			_ = reader.Close()
		}()
		var problems bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		code := run(ctx, streams{strings.NewReader(""), writer, &problems}, row.args)
		if ctx.Err() != nil || code != exitUnread || (problems.Len() == 0) != row.quiet {
			t.Errorf("%q: %d %s %v", row.args, code, problems.String(), ctx.Err())
		}
		cancel()
		_ = writer.Close()
	}
	text, _ := os.ReadFile(log)
	var r flycli.Record
	if err := json.Unmarshal(bytes.TrimSpace(text), &r); err != nil {
		t.Fatal(err)
	}
	ended(t, strconv.Itoa(r.PID))
}

// ended reports a process that lives, though it was to be gone by now.
func ended(t *testing.T, pid string) {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("process %s lives: %s", pid, stat)
	}
}

// TestCall_AnInterruptedDeployLeavesNothing: what does not hear the first signal
// gets the second before this program ends.
func TestCall_AnInterruptedDeployLeavesNothing(t *testing.T) {
	folder := flyPlace(t)
	t.Setenv(flycli.EnvScenario, "deaf,kin,hang")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	reader, writer := io.Pipe()
	kin := make(chan string, 1)
	go func() {
		defer close(kin)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			if _, rest, found := strings.Cut(lines.Text(), `"kin `); found {
				pid, _, _ := strings.Cut(rest, `"`)
				kin <- pid
				interrupt()
			}
		}
	}()
	var problems bytes.Buffer
	params, _ := json.Marshal(map[string]string{"path": folder})
	if code := run(ctx, streams{strings.NewReader(""), writer, &problems}, []string{"call", "fly.deploy.stream", string(params), "--follow"}); code != exitInterrupted {
		t.Errorf("%d %s", code, problems.String())
	}
	_ = writer.Close()
	pid := <-kin
	if pid == "" {
		t.Fatal("it left no child")
	}
	ended(t, pid)
}

func TestInput_ThatNeverEndsCanBeInterrupted(t *testing.T) {
	flyPlace(t)
	for _, args := range [][]string{{"call", "atlas.info", "-"}, {"fly", "token", "my-api", "--set"}} {
		ctx, interrupt := context.WithCancel(t.Context())
		reader, writer := io.Pipe()
		code := make(chan int, 1)
		go func() { code <- run(ctx, streams{reader, io.Discard, io.Discard}, args) }()
		if _, err := writer.Write([]byte("{")); err != nil { // it reads
			t.Fatal(err)
		}
		interrupt()
		select {
		case got := <-code:
			if got != exitInterrupted {
				t.Errorf("%q: %d", args, got)
			}
		case <-time.After(time.Minute):
			t.Errorf("%q reads on", args)
		}
		_ = writer.Close()
	}
}

func TestSignals_ATerminalThatGoesInterruptsUnlessToldOtherwise(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Cleanup(func() { signal.Ignore(syscall.SIGHUP) })
	}
	seen := make(chan os.Signal, 1)
	signal.Notify(seen, syscall.SIGHUP) // what ends nohup; Reset would bring it back
	signal.Stop(seen)
	t.Cleanup(func() { signal.Reset(syscall.SIGHUP) })
	for _, want := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !slices.Contains(interrupting(), want) {
			t.Errorf("%v ends it on the spot", want)
		}
	}
	signal.Ignore(syscall.SIGHUP) // as nohup does
	if slices.Contains(interrupting(), os.Signal(syscall.SIGHUP)) {
		t.Error("nohup is of no use")
	}
}

func TestErrors_TouchNoTerminal(t *testing.T) {
	folder := flyPlace(t)
	code, _, problem := exatlas(t.Context(), "", "fly", "deploy", filepath.Join(folder, "no\x1b[31m\x1b]0;title\x07where"))
	if code != 12 || strings.ContainsAny(problem, "\x1b\x07") || !strings.Contains(problem, "nowhere\n  ") {
		t.Errorf("%d %q", code, problem)
	}
}
