package process

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

func command(t *testing.T, word string, lines *[]Line) Command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := Command{Path: self, Env: []string{"CHILD=" + word}, Grace: 100 * time.Millisecond}
	if lines != nil {
		c.Line = func(_ context.Context, l Line) { *lines = append(*lines, l) }
	}
	return c
}

func mustRun(t *testing.T, ctx context.Context, c Command) Result {
	t.Helper()
	out, err := Run(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// waitGone waits until a process has ended.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives: %s", pid, stat)
		}
	}
}

func TestRun_TellsStreamsLinesAndExitCode(t *testing.T) {
	var lines []Line
	out := mustRun(t, t.Context(), command(t, "speak", &lines))
	if out.Reason != Exited || out.ExitCode != 3 || out.Signal != "" || out.Lines != int64(len(lines)) {
		t.Fatalf("%+v", out)
	}
	var stdout []Line
	for _, l := range lines {
		if l.Stream == Stderr {
			if l.Text != "warned" {
				t.Errorf("%+v", l)
			}
			continue
		}
		stdout = append(stdout, l)
	}
	want := []Line{{Text: "one", Raw: "one"}, {Text: "two", Raw: "two"}, {Text: "three", Raw: "\x1b[32mthree\x1b[0m"},
		{Text: "10%", Raw: "10%", Rewrite: true}, {Text: "20%", Raw: "20%", Rewrite: true}, {Text: "done", Raw: "done"}, {Text: "last", Raw: "last", Part: true}}
	for i := range want {
		want[i].Stream = Stdout
	}
	if !reflect.DeepEqual(stdout, want) {
		t.Errorf("got  %+v\nwant %+v", stdout, want)
	}
}

func TestRun_JoinedOutputsComeInTheOrderTheyWereWritten(t *testing.T) {
	var lines []Line
	c := command(t, "turns", &lines)
	c.Joined = true
	if out := mustRun(t, t.Context(), c); out.Reason != Exited || out.Lines != 500 {
		t.Fatalf("%+v", out)
	}
	for i, l := range lines {
		if l.Text != strconv.Itoa(i) || l.Stream != Both {
			t.Fatalf("line %d is %+v", i, l)
		}
	}
}

func TestRun_EndsWhatSaysNothing(t *testing.T) {
	c := command(t, "hang", nil)
	c.Idle, c.Grace = 200*time.Millisecond, time.Minute // it ends when it is asked to
	if out := mustRun(t, t.Context(), c); out.Reason != Idle || out.Signal != "SIGTERM" {
		t.Fatalf("%+v", out)
	}
}

func TestRun_ActivityDoesNotStretchTheWhole(t *testing.T) {
	c := command(t, "tick", nil)
	c.Idle, c.Total = time.Minute, 200*time.Millisecond
	if out := mustRun(t, t.Context(), c); out.Reason != Total {
		t.Fatalf("%+v", out)
	}
}

// The child is imitated: how long a real one takes to say its first word is the
// machine's matter.
func TestFollow_ASlowReaderIsNotTheChildsSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Command{Idle: time.Second, MaxLine: 1 << 10, Line: func(context.Context, Line) { time.Sleep(time.Minute) }}
		nobody := &os.Process{Pid: 1 << 30}
		r := &runner{Command: c, child: &exec.Cmd{Process: nobody}, pipes: make([]*os.File, 1),
			chunks: make(chan chunk), gone: make(chan struct{}), reap: make(chan struct{}), reaped: make(chan struct{}), over: make(chan struct{})}
		go func() {
			back := make(chan struct{}, 1)
			for range 3 {
				time.Sleep(c.Idle - 1)
				r.hand(chunk{bytes: []byte("one\ntwo\n"), back: back}, back)
			}
			r.hand(chunk{}, nil)
			close(r.gone)
			<-r.reap
			close(r.reaped)
		}()
		if reason, lines := r.follow(t.Context()); reason != Exited || lines != 6 {
			t.Fatalf("%v after %d lines", reason, lines)
		}
	})
}

func TestRun_KillsTheDeafAfterTheGrace(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := command(t, "deaf", nil)
	c.Line = func(context.Context, Line) { cancel() }
	if out := mustRun(t, ctx, c); out.Reason != Cancelled || out.Signal != "SIGKILL" || out.ExitCode != -1 {
		t.Fatalf("%+v", out)
	}
}

func TestRun_CancelReachesALineThatWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := command(t, "tick", nil)
	c.Line = func(within context.Context, _ Line) {
		cancel()
		<-within.Done()
	}
	if out := mustRun(t, ctx, c); out.Reason != Cancelled {
		t.Fatalf("%+v", out)
	}
}

func TestRun_EndsTheGroupOfAChildThatHasLeft(t *testing.T) {
	var lines []Line
	out := mustRun(t, t.Context(), command(t, "parent", &lines))
	if out.Reason != Exited || out.ExitCode != 0 {
		t.Fatalf("%+v", out)
	}
	waitGone(t, kin(t, lines))
}

func TestRun_EndsTheWholeGroup(t *testing.T) {
	var lines []Line
	ctx, cancel := context.WithCancel(t.Context())
	c := command(t, "parent-hang", nil)
	c.Line = func(_ context.Context, l Line) {
		if lines = append(lines, l); len(lines) == 2 { // both have spoken
			cancel()
		}
	}
	if out := mustRun(t, ctx, c); out.Reason != Cancelled {
		t.Fatalf("%+v", out)
	}
	waitGone(t, kin(t, lines))
}

func TestRun_WhoLeftTheGroupCannotHoldIt(t *testing.T) {
	var lines []Line
	c := command(t, "parent-away", &lines)
	c.Grace = time.Minute
	out := mustRun(t, t.Context(), c)
	if out.Reason != Exited || out.Took >= c.Grace {
		t.Fatalf("%+v", out)
	}
	pid := kin(t, lines)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("a process that left the group on purpose was ended: %v", err)
	}
	waitGone(t, pid)
}

func kin(t *testing.T, lines []Line) int {
	t.Helper()
	for _, l := range lines {
		if number, ok := strings.CutPrefix(l.Text, "kin "); ok {
			pid, _ := strconv.Atoi(number)
			return pid
		}
	}
	t.Fatalf("no kin in %+v", lines)
	return 0
}

func TestRun_MillionLinesInBoundedMemory(t *testing.T) {
	count := 1_000_000
	if testing.Short() {
		count = 100_000
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := command(t, "flood", nil)
	c.Env = append(c.Env, "COUNT="+strconv.Itoa(count))
	n, most := 0, uint64(0)
	c.Line = func(_ context.Context, l Line) {
		if want := "line " + strconv.Itoa(n) + " of a flood that goes on and on"; l.Text != want {
			t.Fatalf("line %d is %q", n, l.Text)
		}
		if n++; n%(count/10) == 0 {
			runtime.ReadMemStats(&after)
			most = max(most, after.HeapAlloc)
		}
	}
	out := mustRun(t, t.Context(), c)
	t.Logf("%d lines in %v, heap %d KiB at most", n, out.Took, most>>10)
	if n != count || most > before.HeapAlloc+32<<20 {
		t.Fatalf("%d lines, heap from %d to %d", n, before.HeapAlloc, most)
	}
}

func TestRun_ALineWithoutEndComesInPieces(t *testing.T) {
	c := command(t, "endless", nil)
	c.MaxLine = 10_000
	ctx, cancel := context.WithCancel(t.Context())
	pieces := 0
	c.Line = func(_ context.Context, l Line) {
		if len(l.Text) > c.MaxLine || !l.Part {
			t.Errorf("%d bytes, part %v", len(l.Text), l.Part)
		}
		if pieces++; pieces == 100 {
			cancel()
		}
	}
	if out := mustRun(t, ctx, c); out.Reason != Cancelled || pieces < 100 {
		t.Fatalf("%+v", out)
	}
}

func TestRun_GivesTheEnvironmentGivenAndNoOther(t *testing.T) {
	t.Setenv("OF_THE_TEST", "1")
	var lines []Line
	c := command(t, "env", &lines)
	c.Args = []string{"-x"}
	mustRun(t, t.Context(), c)
	if len(lines) != 1 || lines[0].Text != "CHILD=env [-x]" {
		t.Errorf("%+v", lines)
	}
}

func TestRun_SaysWhyItCannotStart(t *testing.T) {
	file := t.TempDir() + "/plain"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, kind := range map[string]spec.Kind{"/nonexistent/program": spec.KindNotFound, file: spec.KindForbidden} {
		if _, err := Run(t.Context(), Command{Path: path, Args: []string{"word"}}); err == nil || err.Kind != kind || strings.Contains(err.Error(), "word") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestRun_TheChildDiesWithThisProcess(t *testing.T) {
	guard := exec.Command(os.Args[0])
	guard.Env = []string{"CHILD=guard"}
	out, err := guard.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := guard.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "hanging\n" {
		t.Fatalf("%q %v", line, err)
	}
	pids := descendants(t, guard.Process.Pid)
	if len(pids) != 1 {
		t.Fatalf("children %v", pids)
	}
	_ = guard.Process.Kill()
	_ = guard.Wait()
	waitGone(t, pids[0])
}

// descendants lists the children of a process.
func descendants(t *testing.T, parent int) []int {
	t.Helper()
	names, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var list []int
	for _, name := range names {
		stat, err := os.ReadFile("/proc/" + name.Name() + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(name.Name())
			list = append(list, pid)
		}
	}
	return list
}

func TestSplitter_CutsTheSameWhateverTheChunks(t *testing.T) {
	const text = "plain\n\x1b[1;31mred\x1b[0m and \x1b]0;title\x07rest\r\n\n50%\r\x1b[2K100%\rübergroß\xff\n\x1b(Bend\x1b["
	var want []Line
	whole := splitter{most: 1 << 10, emit: func(l Line) { want = append(want, l) }}
	whole.write([]byte(text))
	whole.end()
	texts := []string{"plain", "red and rest", "", "50%", "100%", "übergroß\uFFFD", "end"}
	for i, l := range want {
		if i >= len(texts) || l.Text != texts[i] {
			t.Fatalf("line %d is %q", i, l.Text)
		}
	}
	for size := 1; size < len(text); size++ {
		var got []Line
		s := splitter{most: 1 << 10, emit: func(l Line) { got = append(got, l) }}
		for at := 0; at < len(text); at += size {
			s.write([]byte(text[at:min(len(text), at+size)]))
		}
		s.end()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("in pieces of %d: %+v", size, got)
		}
	}
}

func TestSplitter_CutsNoCharacter(t *testing.T) {
	var out strings.Builder
	s := splitter{most: 10, emit: func(l Line) {
		if strings.Contains(l.Text, "\uFFFD") || len(l.Text) > 10 {
			t.Errorf("%q", l.Text)
		}
		out.WriteString(l.Text)
	}}
	text := strings.Repeat("aü€😀", 20)
	s.write([]byte(text))
	s.end()
	if out.String() != text {
		t.Error("characters are missing")
	}
}
