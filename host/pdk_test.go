package host

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// The guests under test/guests, each built once for all tests of a run.
var (
	pdkGuest      = sync.OnceValues(func() ([]byte, error) { return buildGuest("pdk") })
	providerGuest = sync.OnceValues(func() ([]byte, error) { return buildGuest("provider") })
	brokenGuest   = sync.OnceValues(func() ([]byte, error) { return buildGuest("broken") })
)

func buildGuest(name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "atlas-guest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	output := filepath.Join(dir, name+".wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", output, "../test/guests/"+name)
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		return text, err
	}
	return os.ReadFile(output)
}

// newPDKArena is an arena with that guest in it, under the name pdk.
func newPDKArena(t *testing.T, options Options) *arena {
	t.Helper()
	module, err := pdkGuest()
	if err != nil {
		t.Fatalf("%v: %s", err, module)
	}
	a := newArena(t, options)
	if err := a.load("pdk", module); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *arena) pdk(id string) (string, error) {
	value, err := a.host.Call(context.Background(), spec.Call{Provider: "pdk", Operation: spec.OpGet, Request: spec.Raw(`{"id":"` + id + `"}`), Key: spec.NewSecret(canary)})
	return string(value), err
}

func TestHost_RunsAGuestOfThePlainExtismPDK(t *testing.T) {
	var got egress.Request
	var key string
	network := newFakeNetwork(func(ctx context.Context, k spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
		if strings.HasPrefix(r.URL, "https://api.example.com/") {
			got, key = *r, k.Reveal()
			got.Header = append([]egress.Header(nil), r.Header...)
		}
		return reply(200, "hello")(ctx, k, r)
	})
	a := newPDKArena(t, Options{Network: network, Providers: map[string]ProviderOptions{"pdk": {Config: map[string]string{"region": "eu"}}}})
	for _, c := range []struct{ id, want string }{
		{"get pods", `{"text":"200 r1 hello"}`},
		{"post 12345678", `{"text":"200"}`},
		{"config region", `{"text":"true eu"}`},
		{"config api_key", `{"text":"false "}`},
		{"config PDK_API_KEY", `{"text":"false "}`},
		{"config ", `{"text":"false "}`},
		{"count", `{"text":"1"}`},
		{"count", `{"text":"2"}`},
		{"log some thing", `{"text":"logged"}`},
		{"system", `{"text":"{\"arguments\":0,\"environment\":0,\"file\":true,\"folder\":true,\"year\":true}"}`},
		{"echo " + strings.Repeat("long ", 5000), `{"text":"` + strings.Repeat("long ", 5000) + `"}`},
	} {
		value, err := a.pdk(c.id)
		if err != nil || value != c.want {
			t.Errorf("%.40s: %.200s, want %.200s; %v", c.id, value, c.want, err)
		}
		switch c.id {
		case "get pods":
			if got.Method != "GET" || got.URL != "https://api.example.com/pods" || len(got.Header) != 1 || got.Header[0] != (egress.Header{Name: "accept", Value: "application/json"}) || key != canary {
				t.Errorf("the request was %+v", got)
			}
		case "post 12345678":
			if got.Method != "POST" {
				t.Errorf("the request was %+v", got)
			}
		}
	}
	for _, line := range []string{"pdk warn some thing\n", "pdk info standard error: some thing"} {
		if !strings.Contains(a.logged(), line) {
			t.Errorf("the log lacks %q: %s", line, a.logged())
		}
	}
}

func TestHost_SurvivesMisbehaviourCompiledByGo(t *testing.T) {
	a, brief := newPDKArena(t, Options{}), newPDKArena(t, Options{Limits: Limits{EntryTime: 3 * time.Second}})
	a.healthy(func() {
		for _, c := range []struct {
			id    string
			kind  spec.Kind
			words []string
		}{
			{"fail of its own", spec.KindPlugin, []string{"of its own"}},
			{"error none left", spec.KindCapacity, []string{"none left", "409"}},
			{"panic for a reason", spec.KindPlugin, []string{"it wrote: panic: for a reason"}},
			{"exit", spec.KindPlugin, []string{"exit code 4"}},
			{"sleep", spec.KindPlugin, []string{tooLong}},
			{"deadlock", spec.KindPlugin, []string{"it wrote: fatal error: all goroutines are asleep"}},
			{"recurse", spec.KindPlugin, []string{"get_compute"}},
			{"hoard", spec.KindPlugin, []string{"out of memory"}},
			{"flood", spec.KindPlugin, []string{"variables take more"}},
			{"many 9", spec.KindPlugin, []string{"more than 8"}},
		} {
			a := a
			if c.words[0] == tooLong {
				a = brief
			}
			_, err := a.pdk(c.id)
			t.Run(c.id, func(t *testing.T) { expect(t, err, c.kind, c.words...) })
			if value, err := a.pdk("echo fine"); err != nil || value != `{"text":"fine"}` {
				t.Errorf("after %s: %s %v", c.id, value, err)
			}
		}
	})
}

func TestHost_CutsAFloodOfStandardOutput(t *testing.T) {
	a := newPDKArena(t, Options{})
	a.healthy(func() {
		if value, err := a.pdk("shout loud "); err != nil || value != `{"text":"shouted"}` {
			t.Errorf("%s %v", value, err)
		}
	})
	if text := a.logged(); !strings.Contains(text, "is dropped") || len(text) > 3*4<<10 {
		t.Errorf("%d bytes are logged", len(text))
	}
}

func TestHost_LimitsBlockingGuestsAndQueuesTheRest(t *testing.T) {
	gate := make(chan struct{})
	network := newFakeNetwork(func(ctx context.Context, k spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
		if strings.Contains(r.URL, "example.com") {
			<-gate
		}
		return reply(200, "x")(ctx, k, r)
	})
	a := newPDKArena(t, Options{Network: network, Limits: Limits{BlockingInstances: 2}})
	results := make(chan error, 6)
	for range 6 {
		go func() {
			_, err := a.pdk("get x")
			results <- err
		}()
	}
	for network.seen.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	c := callOf("pdk")
	_, err := a.host.Call(ctx, c)
	expect(t, err, spec.KindTimeout)
	if seen := network.seen.Load(); seen != 2 {
		t.Errorf("%d calls are inside, 2 are allowed", seen)
	}
	close(gate)
	for range 6 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestHost_KeepsTheCredentialOutOfGuestMemory(t *testing.T) {
	echo := newFakeNetwork(reply(200, pod))
	a := newPDKArena(t, Options{Network: echo, Limits: Limits{Instances: 1, BlockingInstances: 1}})
	for range 20 {
		if _, err := a.pdk("get x"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.host.Call(context.Background(), getCall()); err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	for _, name := range []string{"pdk", "runpod"} {
		m, failure := a.host.acquire(context.Background(), name)
		if failure != nil {
			t.Fatal(failure)
		}
		i, failure := m.take(context.Background(), nil)
		if failure != nil {
			t.Fatal(failure)
		}
		memory, ok := i.memory.Read(0, i.memory.Size())
		if !ok {
			t.Fatal("memory cannot be read")
		}
		if bytes.Contains(memory, []byte(canary)) || bytes.Contains(memory, []byte(canary[7:20])) {
			t.Errorf("the memory of %s holds the credential", name)
		}
		for _, known := range []string{"pod123", "atlas-a-1"} { // what it must hold, or the search proves nothing
			if bytes.Contains(memory, []byte(known)) {
				found++
			}
		}
		m.give(i)
		m.release()
	}
	if found == 0 {
		t.Error("the search finds nothing at all")
	}
	if strings.Contains(a.logged(), canary) {
		t.Error("the log holds the credential")
	}
}
