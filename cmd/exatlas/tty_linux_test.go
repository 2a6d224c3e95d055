package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/exatlas/atlas/sim/flycli"
)

// screen is a pseudo-terminal of 40 columns and what was written on it.
type screen struct {
	slave  *os.File
	master *os.File
	done   chan []byte
}

func newScreen(t *testing.T) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal on this machine: %v", err)
	}
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 40})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{slave: slave, master: master, done: make(chan []byte, 1)}
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(master) // it ends with an error when the last writer has closed
		s.done <- all.Bytes()
	}()
	return s
}

// text closes the terminal and returns what was written on it.
func (s *screen) text() string {
	_ = s.slave.Close()
	text := <-s.done
	_ = s.master.Close()
	return string(text)
}

// watched runs a command on a terminal.
func watched(t *testing.T, ctx context.Context, args ...string) (code int, text string) {
	t.Helper()
	s := newScreen(t)
	code = run(ctx, streams{strings.NewReader(""), s.slave, s.slave}, args)
	return code, s.text()
}

// piped runs a command whose output goes into a pipe.
func piped(t *testing.T, ctx context.Context, args ...string) (code int, text string) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string, 1)
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(reader)
		done <- all.String()
	}()
	var problems bytes.Buffer
	code = run(ctx, streams{strings.NewReader(""), writer, &problems}, args)
	_ = writer.Close()
	text = <-done
	_ = reader.Close()
	return code, text
}

func TestFly_ADeployIsLiveOnATerminalAndLinesOfJSONInAPipe(t *testing.T) {
	folder := flyPlace(t)
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	t.Setenv(flycli.EnvScenario, "pace:20")
	code, text := watched(t, t.Context(), "fly", "deploy", folder)
	if code != 0 {
		t.Fatalf("%d %s", code, text)
	}
	for _, part := range []string{
		"--> Building image done\r\n", // lines are whole
		"image size: 41 MB\r\n",
		"\x1b[2m  100%\x1b[0m", // the progress bar, in its place
		"\x1b[1;32mdeployed\x1b[0m in ",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in %q", part, text)
		}
	}
	if status := regexp.MustCompile("\x1b\\[36mbuild [0-9]+s\x1b\\[0m\x1b\\[[?]7h\r\x1b\\[2K"); !status.MatchString(text) {
		t.Errorf("no status that goes away again in %q", text)
	}
	if strings.Contains(text, `{"`) {
		t.Errorf("JSON on a terminal: %q", text)
	}
	code, text = piped(t, t.Context(), "fly", "deploy", folder)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if code != 0 || len(lines) < 10 {
		t.Errorf("%d %s", code, text)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) || strings.Contains(line, "\x1b") {
			t.Errorf("no JSON: %q", line)
		}
	}
	for _, term := range []string{"dumb", ""} {
		t.Setenv("TERM", term)
		if code, text = watched(t, t.Context(), "fly", "deploy", folder); code != 0 || strings.Contains(text, "\x1b") || !strings.Contains(text, "deployed in ") {
			t.Errorf("TERM=%s: %d %q", term, code, text)
		}
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	if _, text = watched(t, t.Context(), "fly", "deploy", folder); strings.Contains(text, "\x1b[36m") || !strings.Contains(text, "s\x1b[?7h\r\x1b[2K") {
		t.Errorf("NO_COLOR: %q", text)
	}
}

func TestLiveView_AStatusOfWideLettersKeepsToItsRow(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	t.Setenv("TERM", "xterm")
	s := newScreen(t)
	view := &liveView{flyCommand: &flyCommand{teller: newTeller(s.slave), io: streams{out: s.slave}}, live: true}
	view.set("2", strings.Repeat("构", 30))
	view.clear()
	if text, want := s.text(), "\x1b[?7l"+strings.Repeat("构", 30)+"\x1b[?7h\r\x1b[2K"; text != want {
		t.Errorf("%q, not %q", text, want)
	}
}

func TestFly_ASilentDeployShowsThatTimePassesAndEndsOnCancel(t *testing.T) {
	folder := flyPlace(t)
	log := filepath.Join(folder, "runs")
	t.Setenv(flycli.EnvScenario, "hang")
	t.Setenv("TERM", "xterm")
	t.Setenv(flycli.EnvLog, log)
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	code, text := watched(t, ctx, "fly", "deploy", folder)
	if code != exitInterrupted || !strings.Contains(text, " 1s\x1b[0m\x1b[?7h\r") || !strings.Contains(text, " 2s\x1b[0m\x1b[?7h\r") || !strings.Contains(text, "cancelled") {
		t.Errorf("%d %q", code, text)
	}
	record, _ := os.ReadFile(log)
	var r flycli.Record
	if err := json.Unmarshal(bytes.TrimSpace(record), &r); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(r.PID, 0); err != unix.ESRCH {
		t.Errorf("the deploy lives: %v", err)
	}
}

func TestFly_LogsAreColouredOnATerminalAndTouchNothingElse(t *testing.T) {
	flyPlaceWith(t, `{"logs":[{"app":"my-api","lines":[{"message":"\u001b[31mred\u001b[0m \u001b]0;title\u0007and \u001b[2Aup","level":"error","age_ms":1000}]}]}`)
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	code, text := watched(t, t.Context(), "fly", "logs", "my-api", "--no-tail")
	if code != 0 || !strings.Contains(text, "\x1b[36mord/148e2901f03dd8\x1b[0m \x1b[31merror\x1b[0m red and up\r\n") {
		t.Errorf("%d %q", code, text)
	}
	folder := filepath.Join(t.TempDir(), "some\x1b[31mbody's")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, row := range [][2]string{{"app = \"my-api\"\nprimary_region = \"\\u001b[2J\"\n", "my-api"}, {"app = \n", "broken"}} {
		if err := os.WriteFile(filepath.Join(folder, "fly.toml"), []byte(row[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		code, text := watched(t, t.Context(), "fly", "apps", folder)
		for _, ours := range []string{"\x1b[1;36m", "\x1b[31mbroken", "\x1b[2m", "\x1b[0m"} {
			text = strings.ReplaceAll(text, ours, "")
		}
		if code != 0 || strings.Contains(text, "\x1b") || !strings.Contains(text, "somebody's") {
			t.Errorf("%s: %d %q", row[1], code, text)
		}
	}
	if code, text = piped(t, t.Context(), "fly", "logs", "my-api", "--no-tail"); code != 0 || !json.Valid([]byte(text)) {
		t.Errorf("%d %q", code, text)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if _, is := terminal(null); is {
		t.Error("/dev/null is a terminal")
	}
}
