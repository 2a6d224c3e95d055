package tokens

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/fly/flyctl"
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

// box is a store of values that can fail.
type box struct {
	mu     sync.Mutex
	values map[string][]byte
	fail   error
	read   func(key string) // after a value was read, and before it is answered
}

func (b *box) GetValue(_ context.Context, space, key string) ([]byte, bool, error) {
	b.mu.Lock()
	v, ok := b.values[space+"/"+key]
	fail, read := b.fail, b.read
	b.mu.Unlock()
	if read != nil {
		read(key)
	}
	return v, ok && fail == nil, fail
}

func (b *box) PutValue(_ context.Context, space, key string, v []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		b.values[space+"/"+key] = bytes.Clone(v)
	}
	return b.fail
}

func (b *box) DeleteValue(_ context.Context, space, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.values, space+"/"+key)
	return b.fail
}

// place is a machine with flyctl, its login and a store.
type place struct {
	*Service
	t    *testing.T
	box  *box
	home string
	log  string
	env  map[string]string
	mu   sync.Mutex
	time time.Time
	orgs int
	key  [32]byte
	org  func() (string, *spec.Error) // what the Machines API answers; nil: my-org
}

func (p *place) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.time
}
func (p *place) Wait(ctx context.Context, d time.Duration) error { // nothing waits for time to pass
	p.pass(d)
	return ctx.Err()
}
func (p *place) pass(d time.Duration) {
	p.mu.Lock()
	p.time = p.time.Add(d)
	p.mu.Unlock()
}

func newPlace(t *testing.T, settings Settings, scenario string) *place {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, box: &box{values: map[string][]byte{}}, home: t.TempDir(), time: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), key: [32]byte{1}}
	p.log = filepath.Join(p.home, "runs")
	p.env = map[string]string{"HOME": p.home, flycli.EnvScenario: scenario, flycli.EnvLog: p.log}
	p.open(settings, self)
	return p
}

// open starts a service on the place, as a new process would.
func (p *place) open(settings Settings, self string) {
	if p.Service != nil {
		p.Service.Close()
	}
	p.Service = New(Wiring{Clock: p, Random: rand.Reader, Settings: settings,
		Program: flyctl.Program{Configured: self, Environ: func() []string {
			var list []string
			p.mu.Lock()
			defer p.mu.Unlock()
			for name, value := range p.env {
				list = append(list, name+"="+value)
			}
			return list
		}},
		Open: func(context.Context) (Values, error) { return p.box, nil },
		Key:  func() ([32]byte, error) { return p.key, nil },
		Org: func(_ context.Context, app string, _ spec.Secret) (string, *spec.Error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.orgs++
			if p.org != nil {
				return p.org()
			}
			if app == "unseen" {
				return "", spec.NewError(spec.KindUnauthorized, "no")
			}
			return "my-org", nil
		}})
	p.t.Cleanup(p.Service.Close)
}

func (p *place) set(name, value string) {
	p.mu.Lock()
	p.env[name] = value
	p.mu.Unlock()
}

func (p *place) login(text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Join(p.home, ".fly"), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.home, ".fly", "config.yml"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) get(app string) *FlyToken {
	p.t.Helper()
	out, err := p.Get(p.t.Context(), &AppParams{App: app})
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// runs lists the argument lists of flyctl's runs.
func (p *place) runs() []string {
	text, _ := os.ReadFile(p.log)
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if line != "" {
			out = append(out, line)
		}
	}
	return out
}

// letGo lets the runs of the scenario "gated" answer.
func (p *place) letGo() {
	if err := os.WriteFile(p.log+flycli.GateSuffix, nil, 0o600); err != nil {
		p.t.Error(err)
	}
}

func TestGet_ReadsTheEnvironmentAsFlyctlDoes(t *testing.T) {
	for _, row := range []struct {
		name   string
		env    map[string]string
		config string
		token  string
		source Source
	}{
		{"the first comes first", map[string]string{"FLY_ACCESS_TOKEN": "FlyV1 fm2_access", "FLY_API_TOKEN": "fm2_api"}, "", "fm2_access", SourceEnvironment},
		{"the second", map[string]string{"FLY_API_TOKEN": "fm2_api"}, "access_token: fm2_file\n", "fm2_api", SourceEnvironment},
		{"set and empty hides the second", map[string]string{"FLY_ACCESS_TOKEN": "", "FLY_API_TOKEN": "fm2_api"}, "access_token: fm2_file\n", "fm2_file", SourceConfig},
		{"single quotes and a comment", nil, "# access_token: no\nmetrics_token: x\naccess_token: 'fm2_a,fm2_b' # mine\n", "fm2_a,fm2_b", SourceConfig},
		{"folded", nil, "other:\n  access_token: inner\naccess_token: >-\n  fm2_folded\n", "fm2_folded", SourceConfig},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newPlace(t, Settings{}, "ok")
			for name, value := range row.env {
				p.set(name, value)
			}
			if row.config != "" {
				p.login(row.config)
			}
			if out := p.get("my-api"); out.Token != row.token || out.Source != row.source {
				t.Errorf("%s from %s", out.Token, out.Source)
			}
			if len(p.runs()) != 0 {
				t.Error("flyctl ran")
			}
		})
	}
	p := newPlace(t, Settings{}, "ok")
	elsewhere := t.TempDir()
	p.set("FLY_CONFIG_DIR", elsewhere)
	if err := os.WriteFile(filepath.Join(elsewhere, "config.yml"), []byte("access_token: fm2_elsewhere"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := p.get("my-api"); out.Token != "fm2_elsewhere" {
		t.Errorf("FLY_CONFIG_DIR: %+v", out)
	}
}

// D3 of the seed: invalidate, refresh and the timer gave the same token again.
func TestInvalidate_EveryLayerLetsGo(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	p.set("FLY_API_TOKEN", "fm2_fromenvironment")
	p.login("access_token: fm2_fromfile\n")
	seen := []string{}
	for _, want := range []Source{SourceEnvironment, SourceConfig, SourceCLI, SourceCLI} {
		out := p.get("my-api")
		if out.Source != want || slices.Contains(seen, out.Token) {
			t.Fatalf("%s from %s after %v", out.Token, out.Source, seen)
		}
		if again := p.get("my-api"); again.Token != out.Token || !again.Cached {
			t.Fatalf("not remembered: %+v", again)
		}
		seen = append(seen, out.Token)
		if _, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api", Token: spec.NewSecret(out.Header)}); err != nil {
			t.Fatal(err)
		}
	}
	// The token that the CLI made and Fly refused is gone from the store, too.
	for _, value := range p.box.values {
		if bytes.Contains(value, []byte("fm2_")) {
			t.Error("a token lies in the store as it is")
		}
	}
	if _, there, _, _ := p.sealed.get(t.Context(), "cached:my-api"); there {
		t.Error("the store still holds the refused token")
	}
	// What a variable says counts again as soon as it says something else.
	p.set("FLY_API_TOKEN", "fm2_rotated")
	if out := p.get("my-api"); out.Token != "fm2_rotated" {
		t.Errorf("%+v", out)
	}
	// And a refusal lapses: an outage at Fly must not lock a good token out for ever.
	p.set("FLY_API_TOKEN", "fm2_fromenvironment")
	p.pass(refusedFor + memoryFor)
	if out := p.get("my-api"); out.Token != "fm2_fromenvironment" {
		t.Errorf("%+v", out)
	}
}

func TestInvalidate_WithoutATokenMeansTheCurrentOne(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	first := p.get("my-api")
	p.open(Settings{}, p.Program.Configured) // another process, the same store
	if again := p.get("my-api"); again.Token != first.Token || again.Source != SourceStore {
		t.Fatalf("%+v", again)
	}
	p.open(Settings{}, p.Program.Configured)
	out, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api"})
	if err != nil || !slices.Equal(out.Dropped, []Source{SourceStore}) {
		t.Fatalf("%+v %v", out, err)
	}
	if third := p.get("my-api"); third.Token == first.Token {
		t.Error("the same token again")
	}
}

func TestRefresh_MakesAnother(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	first := p.get("my-api")
	out, err := p.Refresh(t.Context(), &AppParams{App: "my-api"})
	if err != nil || out.Token == first.Token || out.Source != SourceCLI {
		t.Fatalf("%+v %v", out, err)
	}
	if again := p.get("my-api"); again.Token != out.Token {
		t.Error("the old one is back")
	}
}

func TestCLI_ShortExpiryOrgAndNoTokenInArguments(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	p.login("access_token: fm2_usersown\n")
	if _, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api", Token: spec.NewSecret("fm2_usersown")}); err != nil {
		t.Fatal(err)
	}
	out := p.get("my-api")
	if out.Source != SourceCLI || out.ExpiresAt != "2026-06-02T12:00:00Z" || !strings.HasPrefix(out.Header, "FlyV1 fm2_standinreadonly") || strings.Contains(out.Token, "notice") {
		t.Fatalf("%+v", out)
	}
	run := p.runs()[0]
	if !strings.Contains(run, `"args":["tokens","create","readonly","--org","my-org","--name","atlas my-api","--expiry","24h0m0s","--json"]`) || strings.Contains(run, "fm2_") {
		t.Errorf("ran %s", run)
	}
	// No organization to be found: a token for the one app.
	p2 := newPlace(t, Settings{}, "plain")
	if out := p2.get("unseen"); !strings.Contains(out.Token, "standindeploy") {
		t.Errorf("%+v", out)
	}
	p3 := newPlace(t, Settings{Scope: ScopeReadonly}, "ok")
	if _, err := p3.Get(t.Context(), &AppParams{App: "unseen"}); spec.AsError(err).Kind != spec.KindUnauthorized || len(p3.runs()) != 0 {
		t.Errorf("%v", err)
	}
}

// TestCLI_AsksForTheOrganizationAnewOfAnAppThatMoved: what is known of an app for a
// day must not make tokens of its old organization for so long.
func TestCLI_AsksForTheOrganizationAnewOfAnAppThatMoved(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	p.set("FLY_API_TOKEN", "fm2_refused")
	refuse := func(token string) {
		t.Helper()
		if _, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api", Token: spec.NewSecret(token)}); err != nil {
			t.Fatal(err)
		}
	}
	in := func(org string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.org = func() (string, *spec.Error) { return org, nil }
	}
	madeFor := func(org string, runs int) {
		t.Helper()
		if list := p.runs(); len(list) != runs || !strings.Contains(list[runs-1], `"--org","`+org+`"`) {
			t.Fatalf("want a token of %s: %v", org, list)
		}
	}
	refuse("fm2_refused")
	in("first-org")
	first := p.get("my-api")
	madeFor("first-org", 1)
	in("second-org")
	refuse(first.Token) // Fly refuses a token of the old one
	p.get("my-api")
	madeFor("second-org", 2)

	in("third-org")
	p.set(flycli.EnvScenario, "nologin") // as good as: flyctl does not know the old one
	if _, err := p.Refresh(t.Context(), &AppParams{App: "my-api"}); err == nil {
		t.Fatal("flyctl failed")
	}
	madeFor("second-org", 3)
	p.set(flycli.EnvScenario, "ok")
	if _, err := p.Refresh(t.Context(), &AppParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	madeFor("third-org", 4)
}

func TestCLI_KeepsARefusedVariableFromFlyctl(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	p.set("FLY_API_TOKEN", "fm2_refused")
	if _, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	p.get("my-api")
	if run := p.runs()[0]; strings.Contains(run, "FLY_API_TOKEN") || strings.Contains(run, "token_sha256") {
		t.Errorf("ran %s", run)
	}
}

func TestCLI_FailuresSayWhatToDoAndNoSecret(t *testing.T) {
	for scenario, part := range map[string]string{"nologin": "no access token available", "garbage": "printed no token"} {
		p := newPlace(t, Settings{}, scenario)
		_, err := p.Get(t.Context(), &AppParams{App: "my-api"})
		if e := spec.AsError(err); e == nil || e.Kind != spec.KindUnauthorized || !strings.Contains(e.Message, part) || e.Hint == "" {
			t.Errorf("%s: %v", scenario, err)
		}
	}
	p := newPlace(t, Settings{Timeout: 300 * time.Millisecond}, "hang,deaf")
	if _, err := p.Get(t.Context(), &AppParams{App: "my-api"}); spec.AsError(err).Kind != spec.KindTimeout {
		t.Errorf("%v", err)
	}
	p = newPlace(t, Settings{NoCLI: true}, "ok")
	if _, err := p.Get(t.Context(), &AppParams{App: "my-api"}); err == nil || len(p.runs()) != 0 {
		t.Errorf("%v", err)
	}
}

func TestGet_OneSearchAnAppAndAllAppsAtOnce(t *testing.T) {
	p := newPlace(t, Settings{}, "gated")
	var mu sync.Mutex
	acquirers := map[string]int{}
	p.Telemetry = func() func(string, any) {
		return func(_ string, data any) {
			mu.Lock()
			defer mu.Unlock()
			if a := data.(Acquired); a.Source == SourceCLI && a.Outcome == "found" {
				acquirers[a.Acquirer]++
			}
		}
	}
	var wg sync.WaitGroup
	tokens := make([]string, 40)
	for i := range tokens {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if out, err := p.Get(t.Context(), &AppParams{App: fmt.Sprint("app-", i%4)}); err != nil {
				t.Error(err)
			} else {
				tokens[i] = out.Token
			}
		}()
	}
	until(t, "apps wait for each other", func() bool { return len(p.runs()) == 4 })
	p.letGo()
	wg.Wait()
	if n := len(p.runs()); n != 4 {
		t.Errorf("flyctl ran %d times", n)
	}
	if acquirers[acquirerSearch] != 4 || acquirers[acquirerJoined]+acquirers[acquirerMemory] != len(tokens)-4 {
		t.Errorf("telemetry tells of %v", acquirers)
	}
	for i := range tokens {
		if tokens[i] != tokens[i%4] {
			t.Error("two tokens for one app")
		}
	}
}

func TestGet_ACallerThatLeavesTakesNothingFromTheOthers(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Get(ctx, &AppParams{App: "my-api"}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	p.get("my-api")
	if n := len(p.runs()); n != 1 {
		t.Errorf("flyctl ran %d times", n)
	}
}

func TestManual_OverridesAndIsNeverLostSilently(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	p.set("FLY_API_TOKEN", "fm2_env")
	set := func(token string) error {
		_, err := p.SetManual(t.Context(), &ManualParams{App: "my-api", Token: spec.NewSecret(token)})
		return err
	}
	p.get("my-api")
	if err := set("FlyV1 fm2_manual"); err != nil {
		t.Fatal(err)
	}
	if out := p.get("my-api"); out.Token != "fm2_manual" || out.Source != SourceManual {
		t.Fatalf("%+v", out)
	}
	if out := p.get("other"); out.Source != SourceEnvironment {
		t.Errorf("%+v", out)
	}
	p.open(Settings{}, p.Program.Configured)
	if out := p.get("my-api"); out.Source != SourceManual {
		t.Fatalf("lost over a restart: %+v", out)
	}
	// Refused: another one is used, the answer says so, and it is kept.
	if _, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	if out := p.get("my-api"); out.Token != "fm2_env" || len(out.Warnings) != 1 {
		t.Fatalf("%+v", out)
	}
	if _, there, readable, _ := p.sealed.get(t.Context(), "manual:my-api"); !there || !readable {
		t.Error("the manual token is gone")
	}
	// Another key: it cannot be read, and that is an error, not another token.
	p.key[0]++
	p.open(Settings{}, p.Program.Configured)
	if _, err := p.Get(t.Context(), &AppParams{App: "my-api"}); spec.AsError(err).Kind != spec.KindConflict {
		t.Errorf("%v", err)
	}
	p.key[0]--
	p.open(Settings{}, p.Program.Configured)
	// A store that does not take it is an error.
	p.box.fail = errors.New("disk full")
	if err := set("fm2_second"); err == nil {
		t.Error("a token that was not stored was accepted")
	}
	if out := p.get("my-api"); len(out.Warnings) != 1 || out.Token != "fm2_env" {
		t.Errorf("%+v", out)
	}
	p.box.fail = nil
	p.pass(memoryFor)
	if out := p.get("my-api"); out.Token != "fm2_manual" {
		t.Errorf("%+v", out)
	}
	if _, err := p.SetManual(t.Context(), &ManualParams{App: "my-api", Remove: true}); err != nil {
		t.Fatal(err)
	}
	if out := p.get("my-api"); out.Token != "fm2_env" {
		t.Errorf("%+v", out)
	}
	for _, bad := range []string{"", "two words here", "line\nend"} {
		if err := set(bad); spec.AsError(err).Kind != spec.KindValidation || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestForDeploy_TakesNoReadonlyToken(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	p.login("access_token: fm2_file\n")
	if token, source, _, err := p.ForDeploy(t.Context(), "my-api"); err != nil || !token.Empty() || source != SourceConfig {
		t.Errorf("%v %v", source, err)
	}
	p.set("FLY_API_TOKEN", "FlyV1 fm2_env")
	if token, source, _, _ := p.ForDeploy(t.Context(), ""); token.Reveal() != "fm2_env" || source != SourceEnvironment {
		t.Errorf("%v", source)
	}
}

// macaroon makes a token with validity windows that end at the given seconds.
func macaroon(ends ...int64) string {
	raw := []byte{0x94, 0x93, 0xc4, 2, 1, 2, 0xc4, 1, 3, 0xc2, 0xa3, 'f', 'l', 'y', 0xdc, 0, byte(2*len(ends) + 2), 3, 0x91, 0x81, 0xcd, 1, 0, 31}
	for _, end := range ends {
		raw = append(raw, 4, 0x92, 0xce, 0x60, 0, 0, 0, 0xd3)
		for shift := 56; shift >= 0; shift -= 8 {
			raw = append(raw, byte(end>>shift))
		}
	}
	raw = append(raw, 0xc4, 1, 9)
	return "fm2_" + base64.StdEncoding.EncodeToString(raw)
}

func TestExpires_ReadsTheEarliestWindow(t *testing.T) {
	day := time.Date(2026, 6, 1, 13, 0, 0, 0, time.UTC)
	token := macaroon(day.Unix()+100, day.Unix()) + "," + macaroon(day.Unix()+7) + ",fo1_user"
	if at, known := expires("FlyV1 " + token); !known || !at.Equal(day) {
		t.Errorf("%v %v", at, known)
	}
	for _, none := range []string{"fo1_user", "fm2_", "fm2_AAAA", "fm2_!!", macaroon(), "fm2_3f////8=", ""} {
		if at, known := expires(none); known {
			t.Errorf("%q expires at %v", none, at)
		}
	}
	p := newPlace(t, Settings{}, "ok")
	p.set("FLY_API_TOKEN", macaroon(day.Unix()))
	if out := p.get("my-api"); out.ExpiresAt != "2026-06-01T13:00:00Z" {
		t.Errorf("%+v", out)
	}
	p.pass(59*time.Minute + time.Second) // within the margin
	if out := p.get("my-api"); out.Source != SourceCLI {
		t.Errorf("an expired token is used: %+v", out)
	}
}

func FuzzExpires(f *testing.F) {
	f.Add([]byte{0x94, 0x90, 0xa0, 0x92, 4, 0x92, 0, 1, 0xc0})
	f.Fuzz(func(_ *testing.T, raw []byte) { expires("fm2_" + base64.StdEncoding.EncodeToString(raw)) })
}
