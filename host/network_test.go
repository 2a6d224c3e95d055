package host

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// resolver answers every name with one address.
type resolver netip.Addr

func (r resolver) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.Addr(r)}, nil
}

// realArena is an arena whose requests go through the real HTTP client. Its
// built-in plugin talks to a server of the test's.
func realArena(t *testing.T, address string, providers map[string]ProviderOptions) *arena {
	t.Helper()
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+canary {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(pod))
	}))
	t.Cleanup(cloud.Close)
	if providers == nil {
		providers = map[string]ProviderOptions{}
	}
	providers["runpod"] = ProviderOptions{BaseURL: cloud.URL}
	client := egress.New(egress.Options{Resolver: resolver(netip.MustParseAddr(address)), Attempts: 1})
	return newArena(t, Options{Network: client, Providers: providers})
}

func TestHost_RefusesNamesThatLeadToPrivateAddresses(t *testing.T) {
	for n, address := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:192.168.1.1"} {
		a := realArena(t, address, nil)
		name := caseName("p", n)
		if err := a.load(name, asking(name, requestMeta("https://api.example.com/", nil), nil)); err != nil {
			t.Fatal(err)
		}
		a.healthy(func() {
			_, err := a.host.Call(context.Background(), callOf(name))
			expect(t, err, spec.KindPlugin, "may not reach api.example.com", netip.MustParseAddr(address).Unmap().String())
		})
	}
}

func TestHost_FollowsNoRedirectToAnotherHost(t *testing.T) {
	var stolen atomic.Int64
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	defer thief.Close()
	redirect := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL+"/", http.StatusFound)
	}))
	defer redirect.Close()
	a := realArena(t, "127.0.0.1", map[string]ProviderOptions{"redirected": {BaseURL: redirect.URL}})
	if err := a.load("redirected", asking("redirected", requestMeta(redirect.URL+"/x", nil), nil)); err != nil {
		t.Fatal(err)
	}
	a.healthy(func() {
		_, err := a.host.Call(context.Background(), callOf("redirected"))
		expect(t, err, spec.KindPlugin, "redirects to an address that is refused", strings.TrimPrefix(thief.URL, "http://"))
	})
	if stolen.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestHost_AttachesTheCredentialOutsideTheGuest(t *testing.T) {
	a := realArena(t, "127.0.0.1", nil)
	if _, err := a.host.Call(context.Background(), getCall()); err != nil {
		t.Fatal(err)
	}
	without := getCall()
	without.Key = spec.Secret{}
	if _, err := a.host.Call(context.Background(), without); err == nil {
		t.Error("the server of the test accepts a call without its credential")
	}
}

func TestHost_DropsHeadersThatAreItsOwn(t *testing.T) {
	var got []egress.Header
	network := newFakeNetwork(func(ctx context.Context, k spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
		got = append([]egress.Header(nil), r.Header...)
		return reply(200, "{}")(ctx, k, r)
	})
	a := newArena(t, Options{Network: network})
	meta := requestMeta("https://api.example.com/", map[string]string{"Authorization": "Bearer mine", "Host": "evil.example.net", "cookie": "a=b",
		"Content-Length": "1", "Transfer-Encoding": "chunked", "accept": "text/plain"})
	if err := a.load("own", asking("own", meta, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.host.Call(context.Background(), callOf("own")); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Name != "accept" {
		t.Errorf("headers sent are %v", got)
	}
}

// TestHost_TellsWhenTheOutcomeIsUnknown goes through every fate of a request
// that changes something.
func TestHost_TellsWhenTheOutcomeIsUnknown(t *testing.T) {
	answer := func(status int, body string) func() (*egress.Response, *egress.Failure) {
		return func() (*egress.Response, *egress.Failure) {
			return &egress.Response{Status: status, Body: []byte(body)}, nil
		}
	}
	fail := func(kind spec.Kind, sent bool) func() (*egress.Response, *egress.Failure) {
		return func() (*egress.Response, *egress.Failure) {
			return nil, &egress.Failure{Error: spec.NewError(kind, "broken"), Sent: sent}
		}
	}
	create := spec.Raw(`{"request_id":"r","name":"n","gpu":"NVIDIA A40","gpu_count":1,"image":"i","cloud_type":"secure"}`)
	cases := []struct {
		name      string
		operation string
		request   spec.Raw
		answer    func() (*egress.Response, *egress.Failure)
		unknown   bool
		retryable bool
	}{
		{"create lost", spec.OpSpawn, create, fail(spec.KindTransport, true), true, false},
		{"create never sent", spec.OpSpawn, create, fail(spec.KindTransport, false), false, true},
		{"create timed out", spec.OpSpawn, create, fail(spec.KindTimeout, true), true, false},
		{"create answered 500", spec.OpSpawn, create, answer(500, `{}`), true, false},
		{"create answered 400", spec.OpSpawn, create, answer(400, `{}`), false, true}, // a shortage, perhaps
		{"create answered 422", spec.OpSpawn, create, answer(422, `{}`), false, false},
		{"create answered 429", spec.OpSpawn, create, answer(429, `{}`), false, true},
		{"create answered rubbish", spec.OpSpawn, create, answer(201, `<html>`), true, false},
		{"terminate answered 502", spec.OpTerminate, spec.Raw(`{"id":"x"}`), answer(502, ``), true, true},
		{"terminate answered 409", spec.OpTerminate, spec.Raw(`{"id":"x"}`), answer(409, `{}`), false, false},
		{"get lost", spec.OpGet, spec.Raw(`{"id":"x"}`), fail(spec.KindTransport, true), false, true},
		{"stream lost", spec.OpStreamJob, spec.Raw(`{"endpoint":"e","id":"x"}`), fail(spec.KindTransport, true), true, true},
		{"stream never asked for", spec.OpStreamJob, spec.Raw(`{"endpoint":"e","id":"x"}`), fail(spec.KindTransport, false), false, true},
		{"stream answered 503", spec.OpStreamJob, spec.Raw(`{"endpoint":"e","id":"x"}`), answer(503, `{}`), false, true},
		{"stream answered 502", spec.OpStreamJob, spec.Raw(`{"endpoint":"e","id":"x"}`), answer(502, ``), true, true},
		{"stream answered 404", spec.OpStreamJob, spec.Raw(`{"endpoint":"e","id":"x"}`), answer(404, `{}`), false, false},
		{"stream answered rubbish", spec.OpStreamJob, spec.Raw(`{"endpoint":"e","id":"x"}`), answer(200, `<html>`), true, false},
		{"get answered 500", spec.OpGet, spec.Raw(`{"id":"x"}`), answer(500, `{}`), false, true},
		{"get answered rubbish", spec.OpGet, spec.Raw(`{"id":"x"}`), answer(200, `<html>`), false, false},
	}
	var current func() (*egress.Response, *egress.Failure)
	network := newFakeNetwork(func(context.Context, spec.Secret, *egress.Request) (*egress.Response, *egress.Failure) {
		return current()
	})
	h := newHost(t, Options{Builtin: builtins(t), Network: network})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			current = c.answer
			_, err := h.Call(context.Background(), spec.Call{Provider: "runpod", Operation: c.operation, Request: c.request})
			if err == nil {
				t.Fatal("it succeeds")
			}
			e := spec.AsError(err)
			if e.UnknownOutcome != c.unknown || e.Retryable != c.retryable && e.Kind != spec.KindProvider {
				t.Errorf("%v (%s): unknown outcome %v, retryable %v; want %v, %v", e, e.Kind, e.UnknownOutcome, e.Retryable, c.unknown, c.retryable)
			}
			if e.Provider != "runpod" || e.Operation != c.operation {
				t.Errorf("provider %q, operation %q", e.Provider, e.Operation)
			}
		})
	}
}

func TestHost_SaysHowRequestsAreSentAndWhatToDoWhereTheyAreNot(t *testing.T) {
	var sent egress.Request
	refuse := &egress.Failure{Error: &spec.Error{Kind: spec.KindRateLimited, Message: "used up", Hint: "wait, or ask less often", RetryAfterMS: 2500}}
	network := newFakeNetwork(func(_ context.Context, _ spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
		sent = *r
		return nil, refuse
	})
	for name, plugin := range transports(t) {
		h := newHost(t, Options{Builtin: []Plugin{plugin}, Network: network})
		for operation, once := range map[string]bool{spec.OpGet: false, spec.OpStreamJob: true} {
			if once && name == "pdk" {
				continue // that guest has no jobs
			}
			_, err := h.Call(context.Background(), spec.Call{Provider: "runpod", Operation: operation, Request: spec.Raw(`{"endpoint":"e","id":"x"}`),
				HTTP: spec.HTTP{TimeoutMS: 1500, Attempts: 2}})
			if e := spec.AsError(err); e == nil || e.Kind != spec.KindRateLimited || e.Hint != refuse.Hint || e.RetryAfterMS != 2500 || !e.Retryable || e.UnknownOutcome {
				t.Errorf("%s: %s: %+v", name, operation, e)
			}
			if sent.Timeout != 1500*time.Millisecond || sent.Attempts != 2 || sent.Once != once {
				t.Errorf("%s: %s: sent with %+v", name, operation, sent)
			}
		}
	}
}
