package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/fly/flyctl"
	"github.com/exatlas/atlas/core/fly/tokens"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim/flycli"
)

// TestMain is also the stand-in for flyctl.
func TestMain(m *testing.M) {
	if _, ok := os.LookupEnv(flycli.EnvScenario); ok {
		os.Exit(flycli.Main(os.Args[1:]))
	}
	leak.Main(m)
}

const canary = "fm2_canarycanarycanary"

type given string

func (g given) ForDeploy(context.Context, string) (spec.Secret, tokens.Source, []string, error) {
	if g == "" {
		return spec.Secret{}, tokens.SourceConfig, []string{"the manual token expired"}, nil
	}
	return spec.NewSecret(string(g)), tokens.SourceManual, nil, nil
}

// site is a folder with an app, and a service.
type site struct {
	*Service
	t      *testing.T
	folder string
	log    string
}

func newSite(t *testing.T, scenario string) *site {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, folder: t.TempDir()}
	s.log = filepath.Join(t.TempDir(), "runs")
	if err := os.WriteFile(filepath.Join(s.folder, "fly.toml"), []byte("app = 'my-api'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bus := events.NewBus(clock.System{}, events.Settings{})
	s.Service = New(Wiring{Bus: bus, Clock: clock.System{}, Grace: 300 * time.Millisecond, Tokens: given("FlyV1 " + canary), Program: flyctl.Program{Configured: self, Environ: func() []string {
		return []string{"HOME=" + s.folder, "FLY_API_TOKEN=other", flycli.EnvScenario + "=" + scenario, flycli.EnvLog + "=" + s.log}
	}}})
	t.Cleanup(func() {
		s.Close()
		bus.Close()
	})
	return s
}

func (s *site) record() flycli.Record {
	s.t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	var r flycli.Record
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives: %s", pid, stat)
		}
	}
}

// watch takes the events of a stream until it is over.
func watch(t *testing.T, s *site, p Params, each func(*events.Event)) []*events.Event {
	t.Helper()
	signal := make(chan struct{}, 1)
	sub, err := s.Stream(t.Context(), &p, func(*events.Subscription) {
		select {
		case signal <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	sub.Start()
	var all []*events.Event
	for {
		e, _ := sub.TakeEvent()
		if e != nil {
			if each != nil {
				each(e)
			} else {
				all = append(all, e)
			}
			continue
		}
		select {
		case <-signal:
		case <-sub.Done():
			if e, _ := sub.TakeEvent(); e != nil {
				if each != nil {
					each(e)
				}
				all = append(all, e)
			} else {
				return all
			}
		}
	}
}

func TestRun_TellsHowItWent(t *testing.T) {
	s := newSite(t, "ok")
	no := false
	out, err := s.Run(t.Context(), &Params{Path: s.folder, Image: "registry/x:1", Strategy: "bluegreen", HA: &no, Regions: []string{"ord", "ams"},
		BuildArgs: map[string]string{"B": "2", "A": "1"}, Env: map[string]string{"MODE": "live"}, WaitMS: 90_000, NoCache: true, Args: []string{"--depot=false"}})
	if err != nil {
		t.Fatal(err)
	}
	if out.Outcome != "succeeded" || out.ExitCode != 0 || out.App != "my-api" || out.URL != "https://my-api.fly.dev/" || out.Image != "registry.fly.io/my-api:deployment-01" || out.TokenFrom != "manual" {
		t.Errorf("%+v", out)
	}
	r := s.record()
	want := "deploy --yes --remote-only --image registry/x:1 --strategy bluegreen --regions ord,ams --build-arg A=1 --build-arg B=2 --env MODE=live --no-cache --ha=false --wait-timeout 1m30s --depot=false"
	if got := strings.Join(r.Args, " "); got != want {
		t.Errorf("ran %s\nwant %s", got, want)
	}
	if real, _ := filepath.EvalSymlinks(s.folder); r.Dir != real && r.Dir != s.folder {
		t.Errorf("in %s", r.Dir)
	}
	if r.Token != flycli.Hash("FlyV1 "+canary) {
		t.Error("it did not get the token")
	}
	if env := strings.Join(r.Env, " "); strings.Contains(env, "FLY_API_TOKEN") || !strings.Contains(env, "NO_COLOR") {
		t.Errorf("environment %s", env)
	}
}

// flyctl writes its build to one output and what becomes of machines to the other.
// With a pipe for each, what came first was left to chance.
func TestStream_LinesAndPhasesComeInTheOrderTheyWereWritten(t *testing.T) {
	s := newSite(t, "turns:40")
	for range 5 {
		var told []string
		watch(t, s, Params{Path: s.folder}, func(e *events.Event) {
			var d struct{ Text, Phase string }
			_ = json.Unmarshal(e.Data, &d)
			switch {
			case e.Name == EventPhase:
				told = append(told, d.Phase)
			case e.Name == EventLine && strings.HasPrefix(d.Text, "turn "):
				told = append(told, d.Text[len("turn "):])
			}
		})
		want := []string{"verify", "build", "built", "image"}
		for i := range 40 {
			want = append(want, strconv.Itoa(i))
		}
		want = append(want, "update", "machine", "done")
		if !slices.Equal(told, want) {
			t.Fatalf("got  %v\nwant %v", told, want)
		}
	}
}

// The seed cut lines at the borders of what it read and let colours and carriage
// returns through.
func TestStream_TrueLinesPhasesAndOneLastEvent(t *testing.T) {
	s := newSite(t, "pace:5")
	var lines []FlyDeployLine
	var phases []string
	all := watch(t, s, Params{Path: s.folder}, nil)
	for i, e := range all {
		switch e.Name {
		case EventLine:
			var l FlyDeployLine
			if err := json.Unmarshal(e.Data, &l); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, l)
		case EventPhase:
			var p struct{ Phase string }
			_ = json.Unmarshal(e.Data, &p)
			phases = append(phases, p.Phase)
		case EventResult:
			if i != len(all)-1 || !strings.HasPrefix(string(e.Data), `{"final":true,"deploy":{"app":"my-api"`) {
				t.Errorf("event %d of %d: %s", i, len(all), e.Data)
			}
		}
		if e.Seq != uint64(i+1) {
			t.Errorf("event %d has number %d", i, e.Seq)
		}
	}
	if all[0].Name != EventStarted || all[len(all)-1].Name != EventResult {
		t.Errorf("from %s to %s", all[0].Name, all[len(all)-1].Name)
	}
	find := func(text string) FlyDeployLine {
		for _, l := range lines {
			if l.Text == text {
				return l
			}
		}
		t.Errorf("no line %q in %+v", text, lines)
		return FlyDeployLine{}
	}
	if l := find("==> Verifying app config"); l.Raw != "\x1b[1m==> Verifying app config\x1b[0m" {
		t.Errorf("%+v", l)
	}
	if l := find("--> Building image done"); l.Part {
		t.Errorf("cut: %+v", l)
	}
	if l := find("  100%"); !l.Rewrite {
		t.Errorf("%+v", l)
	}
	if l := find("image size: 41 MB"); l.Raw != "" {
		t.Errorf("%+v", l)
	}
	if want := []string{"verify", "build", "built", "image", "update", "machine", "done"}; !slices.Equal(phases, want) {
		t.Errorf("phases %v", phases)
	}
}

func TestRun_OnlyTheExitCodeCounts(t *testing.T) {
	s := newSite(t, "fail")
	_, err := s.Run(t.Context(), &Params{Path: s.folder})
	e := spec.AsError(err)
	if e == nil || e.Kind != spec.KindProvider || !strings.Contains(e.Message, "exit code 1: failed to update machine") || e.UnknownOutcome {
		t.Fatalf("%v", err)
	}
	var out FlyDeploy
	if json.Unmarshal(e.Details, &out) != nil || out.Outcome != "failed" || out.ExitCode != 1 || len(out.Tail) < 5 {
		t.Errorf("%s", e.Details)
	}
}

// The seed closed the pipe when its time was up and left the program running.
func TestRun_EndsWithEverythingItStarted(t *testing.T) {
	for _, row := range []struct {
		scenario, outcome string
		p                 Params
		kind              spec.Kind
	}{
		{"hang", "idle", Params{IdleMS: 300}, spec.KindTimeout},
		{"kin,stuck", "idle", Params{IdleMS: 300}, spec.KindTimeout},
		{"endless", "timeout", Params{IdleMS: 5000, TimeoutMS: 300}, spec.KindTimeout},
	} {
		s := newSite(t, row.scenario)
		row.p.Path = s.folder
		_, err := s.Run(t.Context(), &row.p)
		e := spec.AsError(err)
		if e == nil || e.Kind != row.kind || !strings.Contains(string(e.Details), `"outcome":"`+row.outcome+`"`) || !e.UnknownOutcome {
			t.Errorf("%s: %v", row.scenario, err)
			continue
		}
		gone(t, s.record().PID)
		var out FlyDeploy
		_ = json.Unmarshal(e.Details, &out)
		for _, l := range out.Tail {
			if number, ok := strings.CutPrefix(l.Text, "kin "); ok {
				pid, _ := strconv.Atoi(number)
				gone(t, pid)
			}
		}
	}
}

func TestRun_AChildThatOutlivesItHoldsNothingUp(t *testing.T) {
	s := newSite(t, "kin")
	out, err := s.Run(t.Context(), &Params{Path: s.folder})
	if err != nil || out.Outcome != "succeeded" {
		t.Fatalf("%+v %v", out, err)
	}
	for _, l := range out.Tail {
		if number, ok := strings.CutPrefix(l.Text, "kin "); ok {
			pid, _ := strconv.Atoi(number)
			gone(t, pid)
		}
	}
}

func TestStream_UnsubscribingCancels(t *testing.T) {
	s := newSite(t, "hang")
	signal := make(chan struct{}, 100)
	sub, err := s.Stream(t.Context(), &Params{Path: s.folder}, func(*events.Subscription) { signal <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	sub.Start()
	for lines := 0; lines < 3; {
		if e, _ := sub.TakeEvent(); e == nil {
			<-signal
		} else if e.Name == EventLine {
			lines++
		}
	}
	s.Bus.Unsubscribe(sub.ID)
	gone(t, s.record().PID)
}

func TestStream_ClosingEndsDeploys(t *testing.T) {
	s := newSite(t, "hang")
	var wg sync.WaitGroup
	wg.Add(1)
	started := make(chan struct{})
	var once sync.Once
	var last string
	go func() {
		defer wg.Done()
		watch(t, s, Params{Path: s.folder}, func(e *events.Event) {
			if e.Name == EventLine {
				once.Do(func() { close(started) })
			}
			last = e.Name + string(e.Data)
		})
	}()
	<-started
	s.Close()
	wg.Wait()
	if !strings.HasPrefix(last, `error{"final":true,"error":{"kind":"cancelled"`) {
		t.Error(last)
	}
	gone(t, s.record().PID)
	if _, err := s.Run(t.Context(), &Params{Path: s.folder}); spec.AsError(err).Kind != spec.KindCancelled {
		t.Error(err)
	}
}

func TestStream_AMillionLinesInBoundedMemory(t *testing.T) {
	count := 1_000_000
	if testing.Short() {
		count = 100_000
	}
	s := newSite(t, "flood:"+strconv.Itoa(count))
	var m runtime.MemStats
	most, n, next := uint64(0), 0, 0
	began := time.Now()
	watch(t, s, Params{Path: s.folder}, func(e *events.Event) {
		if n++; n%(count/20) == 0 {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
		}
		want := `{"text":"#` + strconv.Itoa(next) + ` building layer of the image"}`
		if e.Name == EventLine && string(e.Data) == want {
			next++
		}
	})
	t.Logf("%d lines in %v, heap at most %d MiB", next, time.Since(began), most>>20)
	if next != count || most > 64<<20 {
		t.Errorf("%d lines, heap %d MiB", next, most>>20)
	}
}

func TestDeploys_RunAtOnce(t *testing.T) {
	s := newSite(t, "gated")
	const deploys = 8
	var wg sync.WaitGroup
	for i := range deploys {
		wg.Go(func() {
			out, err := s.Run(t.Context(), &Params{Path: s.folder, App: fmt.Sprint("app-", i)})
			if err != nil || out.URL != fmt.Sprintf("https://app-%d.fly.dev/", i) {
				t.Errorf("%+v %v", out, err)
			}
		})
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if text, _ := os.ReadFile(s.log); strings.Count(string(text), "\n") == deploys {
			break
		}
		if time.Now().After(deadline) {
			t.Error("deploys wait for each other")
			break
		}
	}
	if err := os.WriteFile(s.log+flycli.GateSuffix, nil, 0o600); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

func TestDeploy_ShowsNoToken(t *testing.T) {
	s := newSite(t, "echo,fail")
	var all strings.Builder
	watch(t, s, Params{Path: s.folder}, func(e *events.Event) { all.Write(e.Data) })
	_, err := s.Run(t.Context(), &Params{Path: s.folder})
	e := spec.AsError(err)
	all.WriteString(e.Error() + string(e.Details))
	log, _ := os.ReadFile(s.log)
	all.Write(log)
	if strings.Contains(all.String(), "canary") || !strings.Contains(all.String(), spec.Redacted) {
		t.Error(all.String())
	}
	for _, p := range []Params{
		{Args: []string{"-t", "x"}}, {Args: []string{"-yt", "x"}}, {Args: []string{"--access-token=x"}}, {Args: []string{"-tx"}}, {Args: []string{"--build-secret", "A=b"}},
		{Env: map[string]string{"T": canary}}, {BuildArgs: map[string]string{"A": "FlyV1 " + canary}},
		{App: "-a"}, {Image: "--token"}, {Config: "-c"}, {Env: map[string]string{"A=B": "c"}}, {Regions: []string{"a,b --x"}},
	} {
		p.Path = s.folder
		if _, err := s.Run(t.Context(), &p); spec.AsError(err).Kind != spec.KindValidation || strings.Contains(err.Error(), "canary") {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// The given token is not the only one that flyctl knows: its own login is another.
func TestDeploy_ShowsNoTokenInColoursOrInPieces(t *testing.T) {
	s := newSite(t, "leak")
	s.Tokens = given("")
	var all strings.Builder
	redacted := 0
	watch(t, s, Params{Path: s.folder}, func(e *events.Event) {
		all.Write(e.Data)
		redacted += strings.Count(string(e.Data), spec.Redacted)
	})
	if at := strings.Index(all.String(), "nary"); at >= 0 || redacted < 9 {
		t.Errorf("%d redacted; %s", redacted, all.String()[max(0, at-40):at+40])
	}
}

func TestRun_TellsAFailureFromAnInterruption(t *testing.T) {
	for scenario, want := range map[string]struct {
		code    int
		signal  string
		message string
		unknown bool
	}{
		"exit:1":   {1, "", "exit code 1", false},
		"exit:126": {126, "", "exit code 126", true},
		"exit:127": {127, "", "exit code 127", true},
		"die":      {-1, "SIGKILL", "ended by SIGKILL", true},
	} {
		s := newSite(t, scenario)
		s.Tokens = given("")
		_, err := s.Run(t.Context(), &Params{Path: s.folder})
		e := spec.AsError(err)
		var out FlyDeploy
		if e == nil || json.Unmarshal(e.Details, &out) != nil {
			t.Errorf("%s: %v", scenario, err)
			continue
		}
		if out.ExitCode != want.code || out.Signal != want.signal || !strings.Contains(e.Message, want.message) || e.UnknownOutcome != want.unknown || e.Hint == "" {
			t.Errorf("%s: %v %s", scenario, e, e.Details)
		}
		if len(out.Warnings) != 1 {
			t.Errorf("%s: the manual token was lost silently: %s", scenario, e.Details)
		}
	}
}

// Both outputs are one pipe, so flyctl's complaint may stand behind a line that it
// had begun on the other.
func TestRun_FindsTheComplaintBehindAnUnfinishedLine(t *testing.T) {
	s := newSite(t, "midline")
	_, err := s.Run(t.Context(), &Params{Path: s.folder})
	if e := spec.AsError(err); e == nil || e.Kind != spec.KindUnauthorized || !strings.HasSuffix(e.Message, "exit code 1: no access token available. Please login with 'flyctl auth login'") {
		t.Errorf("%v", err)
	}
}

func TestRun_ACancelledDeployMayPutThingsBack(t *testing.T) {
	s := newSite(t, "polite")
	s.Grace = time.Minute // it ends by itself
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Run(ctx, &Params{Path: s.folder})
		done <- err
	}()
	for {
		if text, _ := os.ReadFile(s.log); len(text) > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	e := spec.AsError(<-done)
	var out FlyDeploy
	if e == nil || e.Kind != spec.KindCancelled || !e.UnknownOutcome || json.Unmarshal(e.Details, &out) != nil || out.Outcome != "cancelled" || out.ExitCode != 127 {
		t.Errorf("%v", e)
	}
	gone(t, s.record().PID)
}

func TestDeploy_SaysWhatIsMissing(t *testing.T) {
	s := newSite(t, "ok")
	if _, err := s.Run(t.Context(), &Params{Path: filepath.Join(s.folder, "none")}); spec.AsError(err).Kind != spec.KindNotFound {
		t.Error(err)
	}
	s.Program = flyctl.Program{Environ: func() []string { return []string{"PATH=" + s.folder + ":relative"} }}
	if _, err := s.Stream(t.Context(), &Params{Path: s.folder}, nil); spec.AsError(err).Kind != spec.KindNotFound || spec.AsError(err).Hint == "" {
		t.Error(err)
	}
	// flyctl is as good as fly, and a file that is not executable is neither.
	if err := os.WriteFile(filepath.Join(s.folder, "fly"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.folder, "flyctl"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if path, err := s.Program.Find(); err != nil || path != filepath.Join(s.folder, "flyctl") {
		t.Errorf("%s %v", path, err)
	}
	// Concourse's command line is called fly, too, and flyctl is Fly's alone.
	other := filepath.Join(t.TempDir(), "fly")
	if err := os.WriteFile(other, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	s.Program = flyctl.Program{Environ: func() []string { return []string{"PATH=" + filepath.Dir(other) + ":" + s.folder} }}
	if path, err := s.Program.Find(); err != nil || path != filepath.Join(s.folder, "flyctl") {
		t.Errorf("%s %v", path, err)
	}
	s.Program = flyctl.Program{Environ: func() []string { return []string{"PATH=" + filepath.Dir(other)} }}
	if path, err := s.Program.Find(); err != nil || path != other {
		t.Errorf("%s %v", path, err)
	}
}

// asked notes whose token a deploy wants.
type asked struct {
	given
	app string
}

func (a *asked) ForDeploy(ctx context.Context, app string) (spec.Secret, tokens.Source, []string, error) {
	a.app = app
	return a.given.ForDeploy(ctx, app)
}

// TestRun_DeploysTheAppThatFlyctlDeploys: the token is one of its own.
func TestRun_DeploysTheAppThatFlyctlDeploys(t *testing.T) {
	for _, row := range []struct {
		variable, app string // of the environment, of the request
		want          string
	}{
		{"", "", "my-api"},
		{"staging", "", "staging"},
		{"staging", "chosen", "chosen"},
		{"Not An App", "", ""}, // flyctl says what is wrong with it
	} {
		s := newSite(t, "ok")
		tokens, environ := &asked{given: given(canary)}, s.Program.Environ
		s.Tokens = tokens
		s.Program.Environ = func() []string { return append(environ(), "FLY_APP="+row.variable) }
		out, err := s.Run(t.Context(), &Params{Path: s.folder, App: row.app})
		if err != nil || out.App != row.want || tokens.app != row.want {
			t.Errorf("FLY_APP=%q, app %q: the token of %q, %+v %v", row.variable, row.app, tokens.app, out, err)
		}
	}
}
