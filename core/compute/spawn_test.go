package compute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/auth"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

func TestSpawn_RefusesMistakesBeforeAnythingIsSent(t *testing.T) {
	f := newFake()
	r := newRig(f, Settings{})
	key := provider.Targets{APIKey: spec.NewSecret("k")}
	for _, row := range []struct {
		name    string
		p       *SpawnParams
		kind    spec.Kind
		message string
	}{
		{"nothing to rent", &SpawnParams{}, spec.KindValidation, "params.gpu: missing"},
		{"gpu and cpu", &SpawnParams{GPU: []string{"h100"}, CPU: &spec.CPU{}}, spec.KindValidation, "params.cpu: given together with gpu"},
		{"a misspelt gpu", gpu("H-100"), spec.KindValidation, "params.gpu: no such GPU"},
		{"an empty gpu", gpu("h100", ""), spec.KindValidation, "params.gpu[1]: must not be empty"},
		{"spot", &SpawnParams{GPU: []string{"h100"}, Spot: true}, spec.KindUnsupported, "this provider sells no interruptible machines through its API REST v2; nothing was sent"},
		{"a bid without spot", &SpawnParams{GPU: []string{"h100"}, BidPerHour: 1}, spec.KindValidation, "params.bid_per_hour"},
		{"cpu", &SpawnParams{CPU: &spec.CPU{}}, spec.KindUnsupported, "sells no machines without GPUs"},
		{"an offer", &SpawnParams{OfferID: "1"}, spec.KindUnsupported, "single offers"},
		{"a port", &SpawnParams{GPU: []string{"h100"}, Ports: []spec.PortRequest{{Internal: 80}, {Internal: 70000}}}, spec.KindValidation, "params.ports[1].internal"},
		{"a port twice", &SpawnParams{GPU: []string{"h100"}, Ports: []spec.PortRequest{{Internal: 80}, {Internal: 80, Protocol: "http"}}}, spec.KindValidation, "params.ports[1]: the same"},
		{"an env name", &SpawnParams{GPU: []string{"h100"}, Env: map[string]string{"-v": "/:/host"}}, spec.KindValidation, "params.env"},
		{"a mount path", &SpawnParams{GPU: []string{"h100"}, VolumeMountPath: "data"}, spec.KindValidation, "params.volume_mount_path"},
		{"a mount path without a volume", &SpawnParams{GPU: []string{"h100"}, VolumeMountPath: "/data"}, spec.KindValidation, "params.volume_mount_path: given without a volume"},
		{"an offer of a GPU", &SpawnParams{OfferID: "1", GPU: []string{"h100"}}, spec.KindValidation, "params.gpu: given together with offer_id"},
		{"an offer of no GPU", &SpawnParams{OfferID: "1", CPU: &spec.CPU{}}, spec.KindValidation, "params.cpu: given together with offer_id"},
		{"an offer of GPUs", &SpawnParams{OfferID: "1", GPUCount: 2}, spec.KindValidation, "params.gpu_count: given together with offer_id"},
		{"an offer of a tier", &SpawnParams{OfferID: "1", CloudType: spec.CloudSecure}, spec.KindValidation, "params.cloud_type: given together with offer_id"},
		{"an offer of a place", &SpawnParams{OfferID: "1", RegionHints: []string{"DE"}}, spec.KindValidation, "params.region_hints: given together with offer_id"},
		{"a provider", &SpawnParams{Targets: provider.Targets{Provider: []string{"runpd"}, APIKey: key.APIKey}, GPU: []string{"h100"}}, spec.KindValidation, "params.provider: no such provider"},
	} {
		_, err := r.Spawn(context.Background(), row.p)
		if kind(err) != row.kind || !strings.Contains(err.Error(), row.message) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	if len(f.calls) != 0 {
		t.Errorf("sent: %v", f.calls)
	}
	r.finish(t)
}

func TestSpawn_NeedsACredentialAndTakesNoOtherProvidersVariable(t *testing.T) {
	f := newFake()
	r := newRig(f, Settings{})
	r.Directory = provider.NewDirectory(f, provider.Settings{Getenv: func(name string) string {
		if name == "SOMEONE_ELSES_KEY" {
			return "stolen"
		}
		return ""
	}})
	p := gpu("h100")
	_, err := r.Spawn(context.Background(), p)
	if kind(err) != spec.KindValidation || !strings.Contains(spec.AsError(err).Hint, "name a provider: mock, runpod") {
		t.Errorf("no provider: %v", err)
	}
	p.Provider = []string{"runpod"}
	_, err = r.Spawn(context.Background(), p)
	if kind(err) != spec.KindUnauthorized || !strings.Contains(spec.AsError(err).Hint, "RUNPOD_API_KEY") || strings.Contains(spec.AsError(err).Hint, "SOMEONE") {
		t.Errorf("no credential: %v %s", err, spec.AsError(err).Hint)
	}
	if len(f.calls) != 0 {
		t.Errorf("sent: %v", f.calls)
	}
	r.finish(t)
}

func TestSpawn_NamesMintsAndNormalizes(t *testing.T) {
	f := newFake()
	r := newRig(f, Settings{Owner: "web1"})
	p := gpu("h100")
	p.Auth, p.Env = SchemeBearer, map[string]string{"A": "1", auth.EnvPresharedKey: "mine"}
	p.Ports = []spec.PortRequest{{Internal: 8000}}
	got, err := r.Spawn(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	sent := f.spawns[0]
	if sent.Name != "atlas-web1-"+sent.RequestID || len(sent.RequestID) != 20 || sent.GPU != "NVIDIA H100 80GB HBM3" || sent.GPUCount != 1 || sent.CloudType != spec.CloudSecure || sent.Ports[0].Protocol != "http" {
		t.Errorf("sent %+v", sent)
	}
	if sent.Env[auth.EnvPresharedKey] != got.Auth.Token || sent.Env["A"] != "1" || p.Env[auth.EnvPresharedKey] != "mine" {
		t.Errorf("the credential does not win over the caller's: %+v", sent.Env)
	}
	if got.Auth.Scheme != "bearer" || !auth.VerifyToken(got.Auth.Token, got.Auth.Hash) || got.Auth.Header != "Authorization: Bearer "+got.Auth.Token {
		t.Errorf("auth %+v", got.Auth)
	}
	if got.Provider != "runpod" || got.GPUType != "h100" || got.GPUNative != "NVIDIA H100 80GB HBM3" || got.Ports == nil || len(got.Attempts) != 1 || got.Attempts[0].Outcome != OutcomeRented {
		t.Errorf("got %+v", got)
	}
	again, err := r.Get(context.Background(), &IDParams{ID: got.ID})
	if err != nil || again.Auth != nil {
		t.Errorf("a later get tells the credential: %+v %v", again, err)
	}
	p = gpu("h100")
	p.Auth, p.Name = SchemeSignedURL, "mine"
	got, err = r.Spawn(context.Background(), p)
	if err != nil || f.spawns[1].Name != "mine" || f.spawns[1].Env[auth.EnvSigningSecret] != got.Auth.Token || got.Auth.Hash != "" || got.Auth.Header != "" || len(got.Auth.Token) != 43 {
		t.Errorf("%+v %v", got, err)
	}
	r.finish(t)
}

func TestSpawn_FallsBackOnCapacityAlone(t *testing.T) {
	f := newFake()
	f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
		if n < 4 {
			return noCapacity(), false
		}
		return nil, true
	}
	r := newRig(f, Settings{})
	got, err := r.Spawn(context.Background(), gpu("h100", "NVIDIA H100 80GB HBM3", "a100_80g"))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for i, a := range got.Attempts {
		order = append(order, fmt.Sprint(a.GPU, " ", a.CloudType, " ", a.Outcome, " ", a.Kind))
		if a.RequestID != f.spawns[i].RequestID || i > 0 && a.RequestID == got.Attempts[i-1].RequestID {
			t.Error("each create carries an id of its own")
		}
	}
	if want := "h100 secure refused capacity, h100 community refused capacity, a100_80g secure refused capacity, a100_80g community rented "; strings.Join(order, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(order, ", "), want)
	}
	for _, stop := range []spec.Kind{spec.KindFunds, spec.KindValidation, spec.KindUnauthorized, spec.KindRateLimited} {
		before := len(f.spawns)
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) {
			return &spec.Error{Kind: stop, Message: "no"}, false
		}
		_, err := r.Spawn(context.Background(), gpu("h100", "a100_80g"))
		if kind(err) != stop || len(f.spawns) != before+1 {
			t.Errorf("%s: %v after %d creates", stop, err, len(f.spawns)-before)
		}
	}
	from := len(f.spawns)
	f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
		if n == from+1 { // the account has no access to that pool
			return &spec.Error{Kind: spec.KindForbidden, Message: "access denied", Status: 403}, false
		}
		return nil, true
	}
	if got, err := r.Spawn(context.Background(), gpu("h100")); err != nil || got.CloudType != spec.CloudCommunity || len(f.spawns) != from+2 {
		t.Errorf("%+v %v after %d creates", got, err, len(f.spawns)-from)
	}
	f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return noCapacity(), false }
	_, err = r.Spawn(context.Background(), &SpawnParams{GPU: []string{"h100"}, CloudType: spec.CloudCommunity})
	e := spec.AsError(err)
	var details struct{ Attempts []Attempt }
	if e.Kind != spec.KindCapacity || !e.Retryable || json.Unmarshal(e.Details, &details) != nil || len(details.Attempts) != 1 || details.Attempts[0].CloudType != spec.CloudCommunity {
		t.Errorf("%v %s", e, e.Details)
	}
	r.finish(t)
}

// A cloud may have one answer for a wrong request and for a shortage, as RunPod has.
func TestSpawn_TriesTheNextCandidateAfterARefusalThatMayBeAShortage(t *testing.T) {
	f := newFake()
	unclear := func() *spec.Error {
		return &spec.Error{Kind: spec.KindValidation, Status: 400, Message: "could not be scheduled", Retryable: true}
	}
	f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
		if n <= 5 {
			return unclear(), false
		}
		return nil, true
	}
	r := newRig(f, Settings{})
	if got, err := r.Spawn(context.Background(), gpu("h100", "a100_80g", "l40s")); err != nil || got.GPUType != "l40s" || len(got.Attempts) != 6 {
		t.Errorf("%+v %v", got, err)
	}
	f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return unclear(), false }
	p := gpu("h100", "a100_80g")
	p.WaitForCapacityMS = 60_000
	_, err := r.Spawn(context.Background(), p)
	if e := spec.AsError(err); e.Kind != spec.KindValidation || e.Retryable || e.Message != "every candidate is refused; the last one: could not be scheduled" {
		t.Errorf("all refused: %+v", e)
	}
	from := len(f.spawns)
	f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
		if n == from+1 {
			return noCapacity(), false
		}
		return unclear(), false
	}
	if _, err := r.Spawn(context.Background(), gpu("h100", "a100_80g")); kind(err) != spec.KindCapacity || len(f.spawns) != from+4 {
		t.Errorf("one of them said that there is none: %v after %d creates", err, len(f.spawns)-from)
	}
	r.finish(t)
}

// A cloud that has said that there is none says it in other words in the next round.
func TestSpawn_WaitsOnThroughRefusalsThatMayBeAShortage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
			switch {
			case n == 1:
				return noCapacity(), false
			case n <= 20:
				return &spec.Error{Kind: spec.KindValidation, Status: 400, Message: "could not be scheduled", Retryable: true}, false
			}
			return nil, true
		}
		r := newRig(f, Settings{})
		p := gpu("h100", "a100_80g")
		p.WaitForCapacityMS = time.Hour.Milliseconds()
		if got, err := r.Spawn(context.Background(), p); err != nil || got.ID == "" {
			t.Errorf("%+v %v", got, err)
		}
		r.finish(t)
	})
}

// A create that comes a moment too early is sent again as it was, whoever else could be
// asked; one that the provider says nothing of, or that may have made something, is not.
func TestSpawn_SendsAgainWhatCameTooEarlyForTheCloud(t *testing.T) {
	early := func(change func(*spec.Error)) *spec.Error {
		e := &spec.Error{Kind: spec.KindProvider, Message: "the app does not show", Status: 404, Retryable: true, RetryAfterMS: 1000}
		change(e)
		return e
	}
	for name, row := range map[string]struct {
		says  *spec.Error
		times int // that it says so
		sent  int // creates of one request id
		took  time.Duration
	}{
		"once":              {early(func(*spec.Error) {}), 1, 2, time.Second},
		"for a while":       {early(func(*spec.Error) {}), 4, 5, 12 * time.Second},
		"for ever":          {early(func(*spec.Error) {}), 99, 5, 12 * time.Second},
		"it does not pass":  {early(func(e *spec.Error) { e.Retryable = false }), 1, 1, 0},
		"of unknown length": {early(func(e *spec.Error) { e.RetryAfterMS = 0 }), 1, 1, 0},
		"for long":          {early(func(e *spec.Error) { e.RetryAfterMS = 60_000 }), 1, 1, 0},
		"of another kind":   {early(func(e *spec.Error) { e.Kind = spec.KindConflict }), 1, 1, 0},
		"a machine is left": {early(func(e *spec.Error) { e.Details = spec.Raw(`{"left":"m1"}`) }), 1, 1, 5 * time.Second}, // to give it back
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
				if n <= row.times {
					return row.says, false
				}
				return nil, true
			}
			s := newRig(f, Settings{})
			start := time.Now()
			got, err := s.Spawn(t.Context(), gpu("rtx_4090"))
			took := time.Since(start)
			s.finish(t)
			ids := map[string]int{}
			for _, r := range f.spawns {
				ids[r.RequestID]++
			}
			if len(ids) != 1 || len(f.spawns) != row.sent || took != row.took {
				t.Errorf("%s: creates %v, took %v", name, ids, took)
			}
			if rented := row.sent > row.times; rented != (err == nil) || rented && (len(got.Attempts) != 1 || len(f.machines) != 1 || len(f.cleaned) != 0) {
				t.Errorf("%s: %+v %v; cleaned up %v", name, got, err, f.cleaned)
			}
		})
	}
}

// What swallows the answer of a create, an edge or a proxy, may refuse the listing that
// is to tell of its machine, too, in words that mean a wrong key or a wrong request.
func TestSpawn_FindsItsMachineThoughTheListingIsRefusedAtFirst(t *testing.T) {
	for _, refusal := range []spec.Kind{spec.KindForbidden, spec.KindValidation, spec.KindUnauthorized} {
		for _, passes := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), true }
				f.before = func(_ context.Context, n int, operation string) *spec.Error {
					if operation == spec.OpFind && (n < 3 || !passes) {
						return &spec.Error{Kind: refusal, Message: "error code: 1010", Status: 403}
					}
					return nil
				}
				r := newRig(f, Settings{Settle: 4 * time.Second})
				start := time.Now()
				got, err := r.Spawn(t.Context(), gpu("rtx_4090"))
				switch took := time.Since(start); {
				case passes && (err != nil || got.ID != "m1" || got.Attempts[0].Outcome != OutcomeAdopted):
					t.Errorf("%s: %+v %v", refusal, got, err)
				case !passes && (err == nil || !spec.AsError(err).UnknownOutcome || took > 7*time.Second || len(f.spawns) != 1):
					t.Errorf("%s that stays: %v after %v, %d creates", refusal, err, took, len(f.spawns))
				}
				r.finish(t)
			})
		}
	}
}

func TestSpawn_EndsWithItsCallerWhileItWaitsForTheCloud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) {
			return &spec.Error{Kind: spec.KindProvider, Retryable: true, RetryAfterMS: 1000}, false
		}
		s := newRig(f, Settings{})
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		_, err := s.Spawn(ctx, gpu("rtx_4090"))
		if kind(err) != spec.KindTimeout || len(f.spawns) != 2 {
			t.Errorf("%d creates, %v", len(f.spawns), err)
		}
		s.finish(t)
		if len(f.machines) != 0 || len(f.cleaned) != 1 {
			t.Errorf("%d machines, cleaned up %v", len(f.machines), f.cleaned)
		}
	})
}

func TestSpawn_AdoptsWhatALostAnswerCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.lag = 3 * time.Second
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), true }
		r := newRig(f, Settings{})
		got, err := r.Spawn(context.Background(), gpu("h100"))
		if err != nil || got.ID != "m1" || len(f.spawns) != 1 || got.Attempts[0].Outcome != OutcomeAdopted || got.Attempts[0].Kind != spec.KindTransport || got.GPUType != "h100" {
			t.Errorf("%+v %v after %d creates", got, err, len(f.spawns))
		}
		r.finish(t)
	})
}

func TestSpawn_TriesAgainOnceTheListingHasSettledWithoutIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.manifest.ListingLagMS = 4000
		f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
			if n == 1 {
				return lost(), false
			}
			return nil, true
		}
		r := newRig(f, Settings{})
		start := time.Now()
		got, err := r.Spawn(context.Background(), gpu("h100"))
		if err != nil || got.ID != "m2" || len(got.Attempts) != 2 || got.Attempts[0].Outcome != OutcomeLost {
			t.Fatalf("%+v %v", got, err)
		}
		if took := time.Since(start); took < 4*time.Second || took > 6*time.Second {
			t.Errorf("took %s", took)
		}
		r.finish(t)
	})
}

func TestSpawn_GivesUpAfterThreeLostCreatesAndSaysThereIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), false }
		r := newRig(f, Settings{Settle: time.Second})
		_, err := r.Spawn(context.Background(), gpu("h100", "a100_80g"))
		if e := spec.AsError(err); e.Kind != spec.KindTransport || e.UnknownOutcome || !e.Retryable || len(f.spawns) != 3 {
			t.Errorf("%+v after %d creates", e, len(f.spawns))
		}
		r.finish(t)
	})
}

func TestSpawn_SweepsAMachineThatTurnsUpLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.lag = 1500 * time.Millisecond // longer than it is said to be
		f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
			if n == 1 {
				return lost(), true
			}
			return nil, true
		}
		r := newRig(f, Settings{Settle: time.Second})
		got, err := r.Spawn(context.Background(), gpu("h100"))
		if err != nil || got.ID != "m2" {
			t.Fatalf("%+v %v", got, err)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(f.machines) != 1 || f.machines["m2"] == nil || fmt.Sprint(r.rentals(t)) != "[given_back]" {
			t.Errorf("left: %v, events %v", f.machines, r.rentals(t))
		}
		r.finish(t)
	})
}

// The machine of a lost create may be the very one that the cloud has none beside. It is
// not left to cost for as long as its spawn waits for another one.
func TestSpawn_SweepsAMachineThatTurnsUpWhileItWaitsForCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.lag = 10 * time.Second // longer than it is said to be
		f.create = func(n int, _ *spec.SpawnRequest) (*spec.Error, bool) {
			if n == 1 {
				return lost(), true
			}
			return noCapacity(), false
		}
		r := newRig(f, Settings{Settle: time.Second})
		p := gpu("h100")
		p.WaitForCapacityMS = time.Hour.Milliseconds()
		told := make(chan error, 1)
		go func() {
			_, err := r.Spawn(context.Background(), p)
			told <- err
		}()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(told) != 0 || len(f.machines) != 0 || fmt.Sprint(r.rentals(t)) != "[given_back]" {
			t.Errorf("over: %d, left: %v, events %v", len(told), f.machines, r.rentals(t))
		}
		if err := <-told; kind(err) != spec.KindCapacity {
			t.Error(err)
		}
		r.finish(t)
	})
}

func TestSpawn_KeepsTheMachineItAdoptedAndGivesTheOtherBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.lag = 1500 * time.Millisecond // longer than it is said to be: the first machine shows during the second's lookup
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), true }
		r := newRig(f, Settings{Settle: time.Second})
		got, err := r.Spawn(context.Background(), gpu("h100"))
		if err != nil || got.ID != "m1" || got.RequestID != f.spawns[0].RequestID || len(f.spawns) != 2 {
			t.Fatalf("%+v %v after %d creates", got, err, len(f.spawns))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(f.machines) != 1 || f.machines["m1"] == nil || fmt.Sprint(r.rentals(t)) != "[given_back]" {
			t.Errorf("left: %v, events %v", f.machines, r.rentals(t))
		}
		r.finish(t)
	})
}

func TestSpawn_GivesBackAllThatACallerWhoLeftHasRented(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.lag = 1500 * time.Millisecond
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), true }
		r := newRig(f, Settings{Settle: time.Second})
		ctx, cancel := context.WithTimeout(context.Background(), 1300*time.Millisecond)
		defer cancel()
		_, err := r.Spawn(ctx, gpu("h100"))
		if e := spec.AsError(err); !e.UnknownOutcome || len(f.spawns) != 2 {
			t.Fatalf("%v after %d creates", err, len(f.spawns))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(f.machines) != 0 || fmt.Sprint(r.rentals(t)) != "[given_back given_back]" {
			t.Errorf("left: %v, events %v", f.machines, r.rentals(t))
		}
		r.finish(t)
	})
}

func TestSpawn_SaysUnknownOutcomeWhenNoListingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), true }
		f.before = func(_ context.Context, _ int, operation string) *spec.Error {
			if operation == spec.OpFind {
				return &spec.Error{Kind: spec.KindTransport, Message: "down"}
			}
			return nil
		}
		r := newRig(f, Settings{Settle: time.Second})
		_, err := r.Spawn(context.Background(), gpu("h100"))
		e := spec.AsError(err)
		if !e.UnknownOutcome || e.Retryable || !strings.Contains(e.Hint, f.spawns[0].Name) || !strings.Contains(e.Hint, f.spawns[0].RequestID) || len(f.spawns) != 1 {
			t.Errorf("%+v", e)
		}
		time.Sleep(5 * time.Minute)
		if len(f.machines) != 1 {
			t.Error("a machine reported to the caller was terminated behind its back")
		}
		r.finish(t)
	})
}

func TestSpawn_DoesNotWaitForHoursForAListingThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), true }
		f.before = func(_ context.Context, _ int, operation string) *spec.Error {
			if operation == spec.OpFind {
				return &spec.Error{Kind: spec.KindRateLimited, Message: "the hour is used up", RetryAfterMS: time.Hour.Milliseconds()}
			}
			return nil
		}
		r := newRig(f, Settings{Settle: time.Second})
		start := time.Now()
		_, err := r.Spawn(context.Background(), gpu("h100"))
		if e := spec.AsError(err); !e.UnknownOutcome || time.Since(start) > time.Second+undecidedAfter+time.Second {
			t.Errorf("%v after %v", e, time.Since(start))
		}
		r.finish(t)
	})
}

func TestSpawn_FindsByTheWholeListingWhereThereIsNoFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.manifest.Operations = []string{spec.OpSpawn, spec.OpList}
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), true }
		f.change = func(c *spec.Compute) { c.RequestID = "" } // the cloud keeps the name alone
		r := newRig(f, Settings{})
		if got, err := r.Spawn(context.Background(), gpu("h100")); err != nil || got.ID != "m1" || got.RequestID == "" {
			t.Errorf("%+v %v", got, err)
		}
		r.finish(t)
	})
}

func TestSpawn_GivesBackWhatACallerWhoLeftHasRented(t *testing.T) {
	for _, row := range []struct {
		name string
		born bool
		want string
	}{{"the machine came into being", true, "[given_back]"}, {"it did not", false, "[]"}} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				defer cancel()
				f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) {
					return &spec.Error{Kind: spec.KindTimeout, Message: "out of time", UnknownOutcome: true}, row.born
				}
				f.lag = 500 * time.Millisecond
				f.before = func(ctx context.Context, _ int, operation string) *spec.Error {
					if operation == spec.OpSpawn {
						<-ctx.Done() // the deadline passes while the create is under way
					}
					return nil
				}
				r := newRig(f, Settings{Settle: time.Second})
				_, err := r.Spawn(ctx, gpu("h100"))
				e := spec.AsError(err)
				if e.Kind != spec.KindTimeout || !e.UnknownOutcome || !strings.Contains(e.Hint, f.spawns[0].RequestID) {
					t.Errorf("%+v", e)
				}
				r.finish(t) // Close waits for the giving back
				if len(f.machines) != 0 || fmt.Sprint(r.rentals(t)) != row.want {
					t.Errorf("left: %v, events %v", f.machines, r.rentals(t))
				}
			})
		})
	}
}

func TestSpawn_GivesBackWhenTheCallerLeavesDuringTheLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.lag = 2 * time.Second
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), true }
		terminates := 0
		f.before = func(_ context.Context, n int, operation string) *spec.Error {
			if operation == spec.OpTerminate {
				if terminates = n; n < 3 {
					return &spec.Error{Kind: spec.KindRateLimited, Message: "slowly", RetryAfterMS: 3000}
				}
			}
			return nil
		}
		r := newRig(f, Settings{Settle: 4 * time.Second})
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		_, err := r.Spawn(ctx, gpu("h100"))
		if kind(err) != spec.KindCancelled {
			t.Errorf("%v", err)
		}
		r.finish(t)
		if len(f.machines) != 0 || terminates != 3 || fmt.Sprint(r.rentals(t)) != "[given_back]" {
			t.Errorf("left: %v after %d terminates, events %v", f.machines, terminates, r.rentals(t))
		}
	})
}

func TestClose_EndsBackgroundWorkThatTakesTooLongAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), true }
		f.before = func(_ context.Context, _ int, operation string) *spec.Error {
			if operation == spec.OpTerminate {
				return &spec.Error{Kind: spec.KindProvider, Message: "down"}
			}
			return nil
		}
		r := newRig(f, Settings{})
		ctx, cancel := context.WithCancel(context.Background())
		f.lag = time.Second
		time.AfterFunc(100*time.Millisecond, cancel)
		if _, err := r.Spawn(ctx, gpu("h100")); kind(err) != spec.KindCancelled {
			t.Errorf("%v", err)
		}
		limited, end := context.WithTimeout(context.Background(), 5*time.Second)
		defer end()
		start := time.Now()
		if r.Close(limited) || time.Since(start) > 6*time.Second {
			t.Errorf("closed in %s", time.Since(start))
		}
		if fmt.Sprint(r.rentals(t)) != "[give_back_failed]" {
			t.Errorf("events %v", r.rentals(t))
		}
	})
}

func TestFinder_SharesListingsAmongLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return lost(), true }
		f.before = func(_ context.Context, _ int, operation string) *spec.Error {
			if operation == spec.OpFind {
				time.Sleep(100 * time.Millisecond)
			}
			return nil
		}
		r := newRig(f, Settings{})
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if _, err := r.Spawn(context.Background(), gpu("h100")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(f.spawns) != 1000 || len(f.machines) != 1000 || len(f.finds) > 3 {
			t.Errorf("%d creates, %d machines, listings of %v", len(f.spawns), len(f.machines), f.finds)
		}
		r.finish(t)
	})
}

func TestSpawn_ErrorsHoldNoSecret(t *testing.T) {
	f := newFake()
	f.create = func(int, *spec.SpawnRequest) (*spec.Error, bool) { return noCapacity(), false }
	r := newRig(f, Settings{})
	p := gpu("h100")
	p.Env, p.Auth = map[string]string{"TOKEN": "CANARY-env"}, SchemeBearer
	_, err := r.Spawn(context.Background(), p)
	text, _ := json.Marshal(spec.AsError(err))
	if strings.Contains(string(text)+fmt.Sprintf("%+v %#v", err, err), "CANARY") {
		t.Errorf("%s", text)
	}
	if errors.Is(err, context.Canceled) {
		t.Error("not cancelled")
	}
	r.finish(t)
}
