package tokens

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// until waits for something that another goroutine or process does.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// A search that began before a manual token was set must not answer, or remember,
// what it found elsewhere.
func TestSetManual_OvertakesASearchUnderWay(t *testing.T) {
	for _, remove := range []bool{false, true} {
		p := newPlace(t, Settings{}, "gated")
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if out, err := p.Get(t.Context(), &AppParams{App: "my-api"}); err != nil || !remove && out.Source != SourceManual {
					t.Errorf("%+v %v", out, err)
				}
			})
		}
		until(t, "flyctl does not run", func() bool { return len(p.runs()) == 1 })
		if _, err := p.SetManual(t.Context(), &ManualParams{App: "my-api", Token: spec.NewSecret("fm2_manual")}); err != nil {
			t.Fatal(err)
		}
		if remove {
			if _, err := p.SetManual(t.Context(), &ManualParams{App: "my-api", Remove: true}); err != nil {
				t.Fatal(err)
			}
		}
		p.letGo()
		wg.Wait()
		if out := p.get("my-api"); (out.Source == SourceManual) == remove {
			t.Errorf("removed %v: %+v", remove, out)
		}
	}
}

// A token that Fly refuses while a search reads it in the store is not what the
// search answers: a stream that has asked for another one would end.
func TestInvalidate_OvertakesASearchUnderWay(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	first := p.get("my-api")
	p.open(Settings{}, p.Program.Configured)
	reading, refused := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	p.box.mu.Lock()
	p.box.read = func(key string) {
		if key == "cached:my-api" && once.CompareAndSwap(false, true) {
			close(reading)
			<-refused
		}
	}
	p.box.mu.Unlock()
	got := make(chan *FlyToken)
	go func() {
		out, err := p.Get(t.Context(), &AppParams{App: "my-api"})
		if err != nil {
			t.Error(err)
		}
		got <- out
	}()
	<-reading
	if _, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api", Token: spec.NewSecret(first.Token)}); err != nil {
		t.Fatal(err)
	}
	close(refused)
	if out := <-got; out != nil && out.Token == first.Token {
		t.Error("the refused token was answered")
	}
}

// Callers say what they sent, and of a list with an OAuth token the macaroons
// alone are sent.
func TestInvalidate_KnowsATokenByWhatIsSent(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	p.set("FLY_API_TOKEN", "fo1_user,fm2_a, fm2_b")
	first := p.get("my-api")
	out, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api", Token: spec.NewSecret(first.Header)})
	if err != nil || len(out.Dropped) != 1 || out.Dropped[0] != SourceEnvironment {
		t.Errorf("%+v %v", out, err)
	}
	if again := p.get("my-api"); again.Source != SourceCLI {
		t.Errorf("%+v", again)
	}
}

func TestGet_JoinsASearchAnew(t *testing.T) {
	p := newPlace(t, Settings{}, "gated")
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := p.Refresh(t.Context(), &AppParams{App: "my-api"}); err != nil {
			t.Error(err)
		}
	})
	until(t, "flyctl does not run", func() bool { return len(p.runs()) == 1 })
	for range 10 {
		wg.Go(func() { p.get("my-api") })
	}
	p.letGo()
	wg.Wait()
	if n := len(p.runs()); n != 1 {
		t.Errorf("flyctl ran %d times", n)
	}
}

// The Machines API takes a request a second for an app, three at once; the seed
// knew no limit.
func TestOrg_IsAskedForAtThePaceOfTheMachinesAPI(t *testing.T) {
	p := newPlace(t, Settings{}, "nologin")
	p.set("FLY_API_TOKEN", "fm2_refused")
	p.org = func() (string, *spec.Error) { return "", spec.NewError(spec.KindForbidden, "no") }
	if _, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	began := p.Now()
	for range 20 {
		if _, err := p.Get(t.Context(), &AppParams{App: "my-api"}); err == nil {
			t.Fatal("a token from nowhere")
		}
	}
	if passed := p.Now().Sub(began); p.orgs != 20 || passed != 17*time.Second {
		t.Errorf("asked %d times in %v", p.orgs, passed)
	}
	began = p.Now()
	p.org = nil
	_, _ = p.Get(t.Context(), &AppParams{App: "another"})
	if passed := p.Now().Sub(began); passed != 0 {
		t.Errorf("another app waited %v", passed)
	}
}

func TestOrg_ALimitIsWaitedOutAndMakesNoStrongerToken(t *testing.T) {
	answers := []*spec.Error{{Kind: spec.KindRateLimited, Message: "429", Retryable: true, RetryAfterMS: 7000}, {Kind: spec.KindProvider, Message: "503", Retryable: true}, nil}
	p := newPlace(t, Settings{}, "ok")
	p.login("access_token: fm2_usersown\n")
	p.org = func() (string, *spec.Error) {
		e := answers[0]
		if answers = answers[1:]; e != nil {
			return "", e
		}
		return "my-org", nil
	}
	if _, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	began := p.Now()
	if out := p.get("my-api"); !strings.Contains(out.Token, "standinreadonly") || len(out.Warnings) != 0 {
		t.Errorf("%+v", out)
	}
	if passed := p.Now().Sub(began); passed != 8*time.Second {
		t.Errorf("waited %v", passed)
	}
	// The organization is known for a day: an app may be moved.
	p.org = nil
	before := p.orgs
	p.pass(23 * time.Hour)
	another := func() { // token of the CLI's, though none of its was refused
		t.Helper()
		login := "fm2_another" + p.Now().Format("150405")
		p.login("access_token: " + login + "\n")
		if _, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api", Token: spec.NewSecret(login)}); err != nil {
			t.Fatal(err)
		}
		if out, err := p.Refresh(t.Context(), &AppParams{App: "my-api"}); err != nil || out.Source != SourceCLI {
			t.Fatalf("%+v %v", out, err)
		}
	}
	if another(); p.orgs != before {
		t.Error("asked again within a day")
	}
	p.pass(2 * time.Hour)
	if another(); p.orgs != before+1 {
		t.Errorf("asked %d times after a day", p.orgs-before)
	}
	// An outage that does not end: the token is for the app alone, and the answer says why.
	p2 := newPlace(t, Settings{}, "ok")
	p2.login("access_token: fm2_usersown\n")
	p2.org = func() (string, *spec.Error) {
		return "", &spec.Error{Kind: spec.KindProvider, Message: "503", Retryable: true}
	}
	if _, err := p2.Invalidate(t.Context(), &InvalidateParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	if out := p2.get("my-api"); !strings.Contains(out.Token, "standindeploy") || len(out.Warnings) != 1 {
		t.Errorf("%+v", out)
	}
}

func TestForDeploy_SaysWhyAManualTokenIsNotUsed(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	p.set("FLY_API_TOKEN", "fm2_env")
	if _, err := p.SetManual(t.Context(), &ManualParams{App: "my-api", Token: spec.NewSecret("fm2_manual")}); err != nil {
		t.Fatal(err)
	}
	if _, source, warnings, err := p.ForDeploy(t.Context(), "my-api"); err != nil || source != SourceManual || len(warnings) != 0 {
		t.Errorf("%v %v %v", source, warnings, err)
	}
	if _, err := p.Invalidate(t.Context(), &InvalidateParams{App: "my-api"}); err != nil {
		t.Fatal(err)
	}
	if _, source, warnings, err := p.ForDeploy(t.Context(), "my-api"); err != nil || source != SourceEnvironment || len(warnings) != 1 || !strings.Contains(warnings[0], "refused the manual token") {
		t.Errorf("%v %v %v", source, warnings, err)
	}
}

func TestMemory_ForgetsWhatIsOver(t *testing.T) {
	p := newPlace(t, Settings{}, "ok")
	p.set("FLY_API_TOKEN", "fm2_env")
	names := func(round byte) {
		for i := range mostRemembered {
			p.get("app-" + string(rune('a'+round)) + strings.Repeat("x", i%7) + "-" + time.Duration(i).String()[:1] + "-" + spelled(i))
		}
	}
	names(0)
	p.pass(memoryFor)
	names(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.memory); n > mostRemembered+1 {
		t.Errorf("%d apps in memory", n)
	}
}

func spelled(n int) string {
	text := ""
	for ; n > 0; n /= 26 {
		text += string(rune('a' + n%26))
	}
	return text + "z"
}
