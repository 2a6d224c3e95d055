package flycli

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Variables of a run.
const (
	EnvScenario = "FLY_STANDIN"     // words with commas between them, see run and create
	EnvLog      = "FLY_STANDIN_LOG" // file that gets a line for every run
	EnvRole     = "FLY_STANDIN_ROLE"
	GateSuffix  = ".open"
)

// Record is the line a run leaves in the log.
type Record struct {
	Args  []string `json:"args"`
	Dir   string   `json:"dir"`
	Token string   `json:"token_sha256,omitempty"` // of FLY_ACCESS_TOKEN, else FLY_API_TOKEN
	Env   []string `json:"env"`                    // names
	PID   int      `json:"pid"`
}

// Hash is how a record names a token.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// run is one run of the stand-in.
type run struct {
	args     []string
	words    map[string]string // of the scenario, with what stands behind :
	out, err io.Writer
	asked    chan os.Signal // of polite: it is asked to end
}

// Main runs the stand-in and returns its exit code.
func Main(args []string) int {
	r := &run{args: args, words: map[string]string{}, out: os.Stdout, err: os.Stderr}
	for _, word := range strings.Split(os.Getenv(EnvScenario), ",") {
		name, value, _ := strings.Cut(word, ":")
		r.words[name] = value
	}
	if os.Getenv(EnvRole) == "kin" {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		wait(time.Hour)
		return 0
	}
	// Who has seen the record may send a signal.
	if r.has("deaf") {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	}
	if r.has("polite") {
		r.asked = make(chan os.Signal, 1)
		signal.Notify(r.asked, syscall.SIGTERM, syscall.SIGINT)
		defer signal.Stop(r.asked)
	}
	r.record()
	fmt.Fprintln(r.err, "Update available 0.3.1 -> 0.3.2.") // notices go to stderr
	switch {
	case len(args) >= 3 && args[0] == "tokens" && args[1] == "create":
		return r.create()
	case len(args) >= 1 && args[0] == "deploy":
		return r.deploy()
	}
	fmt.Fprintf(r.err, "Error: unknown command %q for \"flyctl\"\n", strings.Join(args, " "))
	return 1
}

func (r *run) record() {
	path := os.Getenv(EnvLog)
	if path == "" {
		return
	}
	line := Record{Args: r.args, PID: os.Getpid()}
	line.Dir, _ = os.Getwd()
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		line.Env = append(line.Env, name)
	}
	for _, name := range []string{"FLY_ACCESS_TOKEN", "FLY_API_TOKEN"} {
		if token, set := os.LookupEnv(name); set {
			line.Token = Hash(token)
			break
		}
	}
	text, _ := json.Marshal(line)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write(append(text, '\n'))
}

// flag returns the value behind one of the names.
func (r *run) flag(names ...string) string {
	for i, arg := range r.args {
		for _, name := range names {
			if arg == name && i+1 < len(r.args) {
				return r.args[i+1]
			}
			if value, ok := strings.CutPrefix(arg, name+"="); ok {
				return value
			}
		}
	}
	return ""
}

// gate waits, where the scenario says gated, for a file of the log's name and GateSuffix.
func (r *run) gate() {
	for r.has("gated") {
		if _, err := os.Stat(os.Getenv(EnvLog) + GateSuffix); err == nil {
			return
		}
		wait(time.Millisecond)
	}
}

// create is fly tokens create. Words: hang, nologin, garbage, plain, gated.
func (r *run) create() int {
	kind := r.args[2]
	switch {
	case r.has("hang"):
		wait(time.Hour)
	case r.has("nologin"):
		fmt.Fprintln(r.err, "Error: no access token available. Please login with 'flyctl auth login'")
		return 1
	case r.has("garbage"):
		fmt.Fprintln(r.out, "this is not a token")
		return 0
	}
	r.gate()
	scope := r.flag("-a", "--app")
	if kind == "readonly" {
		if scope = r.flag("-o", "--org"); scope == "" {
			fmt.Fprintln(r.err, "Error: slug argument must be specified when not running interactively")
			return 1
		}
	}
	token := fmt.Sprintf("FlyV1 fm2_standin%s%s%d", kind, Hash(scope)[:8], time.Now().UnixNano())
	fmt.Fprintln(r.err, "Warning: fm2_noticeonstderrthatisnotthetoken")
	if r.has("plain") {
		fmt.Fprintln(r.out, token)
	} else {
		fmt.Fprintf(r.out, "{\n    \"token\": %q\n}\n", token)
	}
	return 0
}

// deploy is fly deploy. Words: fail, midline (fails with a line unfinished), hang, flood:<lines>, kin, deaf, endless,
// stuck (fails and does not end), echo (prints the token), leak (prints others, in
// colours and over the border of a long line's pieces), pace:<ms> a line,
// turns:<lines> (to one output and the other in turn),
// exit:<code>, die (by a signal), polite (ends as flyctl does when it is asked to), gated.
func (r *run) deploy() int {
	if r.has("echo") {
		fmt.Fprintln(r.out, "debug: token is", os.Getenv("FLY_ACCESS_TOKEN"))
	}
	if r.has("leak") {
		const token = "fm2_canarycanarycanarycanarycanarycanary"
		fmt.Fprintf(r.out, "\x1b[1m%s\x1b[0m of a \x1b[32m%s\x1b[0m%s\n", token, token[:12], token[12:])
		for cut := 1; cut < len(token); cut += 6 {
			fmt.Fprintf(r.out, "%s%s and more\n", strings.Repeat(".", 64<<10-cut), token)
		}
	}
	if r.has("polite") {
		fmt.Fprintln(r.out, "Updating existing machines in 'my-api' with rolling strategy")
		<-r.asked
		fmt.Fprintln(r.err, "Error: context canceled")
		return 127
	}
	r.gate()
	app := r.flag("-a", "--app")
	if app == "" {
		app = "my-api"
	}
	pace, _ := strconv.Atoi(r.words["pace"])
	say := func(to io.Writer, lines ...string) {
		for _, line := range lines {
			fmt.Fprint(to, line)
			if pace > 0 {
				wait(time.Duration(pace) * time.Millisecond)
			}
		}
	}
	say(r.err, "\x1b[1m==> Verifying app config\x1b[0m\n", "--> Verified app config\n", "==> Building image with Depot\n", "  10%\r", "  100%\r", "--> Building ima", "ge done\n")
	say(r.out, "image: registry.fly.io/"+app+":deployment-01\n", "image size: 41 MB\r\n")
	if r.has("kin") {
		r.leaveKin()
	}
	if n, _ := strconv.Atoi(r.words["flood"]); n > 0 {
		w := bufio.NewWriterSize(r.out, 64<<10)
		for i := range n {
			fmt.Fprintf(w, "#%d building layer of the image\n", i)
		}
		_ = w.Flush()
	}
	turns, _ := strconv.Atoi(r.words["turns"])
	for i := range turns {
		say([]io.Writer{r.out, r.err}[i%2], "turn "+strconv.Itoa(i)+"\n")
	}
	if code, err := strconv.Atoi(r.words["exit"]); err == nil {
		fmt.Fprintln(r.err, "Error: context deadline exceeded")
		return code
	}
	switch {
	case r.has("die"):
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case r.has("hang"):
		wait(time.Hour)
	case r.has("endless"):
		for {
			fmt.Fprintln(r.out, "still waiting for machines")
			wait(2 * time.Millisecond)
		}
	case r.has("midline"):
		fmt.Fprint(r.out, "Waiting for a builder... ")
		fmt.Fprintln(r.err, "Error: no access token available. Please login with 'flyctl auth login'")
		fmt.Fprintln(r.err, "a TypeError: of the build's is none")
		return 1
	case r.has("fail"), r.has("stuck"):
		fmt.Fprintln(r.err, "Error: failed to update machine 148e2901f03dd8: smoke checks failed (Request ID: 01SIM-ord) (Trace ID: 00ab)")
		fmt.Fprintln(r.err, "You can look at the logs with fly logs")
		if r.has("stuck") {
			wait(time.Hour)
		}
		return 1
	}
	say(r.out, "Updating existing machines in '"+app+"' with rolling strategy\n", "Machine 148e2901f03dd8 update finished: success\n", "\nVisit your newly deployed app at https://"+app+".fly.dev/\n")
	return 0
}

func (r *run) has(word string) bool { _, ok := r.words[word]; return ok }

// leaveKin starts a child that holds the pipes and hears no signal but the last.
func (r *run) leaveKin() {
	kin := exec.Command(os.Args[0])
	kin.Env = append(os.Environ(), EnvRole+"=kin")
	kin.Stdout, kin.Stderr = os.Stdout, os.Stderr
	if err := kin.Start(); err == nil {
		fmt.Fprintln(r.out, "kin", kin.Process.Pid)
	}
	wait(30 * time.Millisecond)
}

// wait waits on a timer; the stand-in is a process of its own.
func wait(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}
