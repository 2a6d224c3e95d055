package compute

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

const canary = "CANARY-key-4711"

// fake is a cloud in a map. Its hooks decide what goes wrong.
type fake struct {
	mu       sync.Mutex
	manifest spec.Manifest
	machines map[string]*spec.Compute
	seen     map[string]time.Time // when a machine came into being
	calls    []string
	spawns   []spec.SpawnRequest
	finds    []int // request ids asked for, by find
	bills    []spec.BillRequest
	cleaned  []string // request ids of clean_up
	offers   []spec.Offer
	types    []spec.GPUType

	page    int                                                            // machines an answer of a listing; 0: all
	endless bool                                                           // listings lead on for ever
	lag     time.Duration                                                  // listings miss machines younger than this
	create  func(n int, r *spec.SpawnRequest) (*spec.Error, bool)          // error, and whether the machine came into being all the same
	before  func(ctx context.Context, n int, operation string) *spec.Error // an operation's failure
	change  func(c *spec.Compute)                                          // a new machine's looks
	answer  func(operation string, value any) (spec.Raw, bool)             // replaces an answer
	count   map[string]int
}

func newFake() *fake {
	return &fake{machines: map[string]*spec.Compute{}, seen: map[string]time.Time{}, count: map[string]int{}, manifest: spec.Manifest{Name: "runpod",
		Capabilities: []spec.Capability{spec.CapGPU, spec.CapCloudTiers, spec.CapStopStart, spec.CapLogs, spec.CapNetworkVolumes}, Operations: spec.Operations(),
		Credential: &spec.Credential{Env: []string{"RUNPOD_API_KEY", "SOMEONE_ELSES_KEY"}}, API: spec.API{Generation: "REST v2"}}}
}

func (f *fake) Names() []string { return []string{"mock", "runpod"} }

func (f *fake) Manifest(_ context.Context, name string) (*spec.Manifest, error) {
	if name != "runpod" {
		return nil, spec.NewError(spec.KindNotFound, "no such plugin")
	}
	return &f.manifest, nil
}

func (f *fake) Call(ctx context.Context, call spec.Call) (spec.Raw, error) {
	f.mu.Lock()
	f.calls = append(f.calls, call.Operation)
	f.count[call.Operation]++
	n := f.count[call.Operation]
	f.mu.Unlock()
	if f.before != nil {
		if e := f.before(ctx, n, call.Operation); e != nil {
			return nil, e
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	value, e := f.do(n, call)
	if e != nil {
		return nil, e
	}
	if f.answer != nil {
		if raw, ok := f.answer(call.Operation, value); ok {
			return raw, nil
		}
	}
	return json.Marshal(value)
}

func (f *fake) do(n int, call spec.Call) (any, *spec.Error) {
	var id spec.IDRequest
	switch call.Operation {
	case spec.OpSpawn:
		return f.spawn(n, call.Request)
	case spec.OpFind:
		var r spec.FindRequest
		if err := json.Unmarshal(call.Request, &r); err != nil {
			return nil, spec.NewError(spec.KindInternal, err.Error())
		}
		f.finds = append(f.finds, len(r.RequestIDs))
		return f.list(r.Cursor), nil
	case spec.OpList:
		var r spec.ListRequest
		if err := json.Unmarshal(call.Request, &r); err != nil {
			return nil, spec.NewError(spec.KindInternal, err.Error())
		}
		return f.list(r.Cursor), nil
	case spec.OpSearchOffers:
		return spec.OfferList{Items: f.offers}, nil
	case spec.OpListGPUTypes:
		return spec.GPUTypeList{Items: f.types}, nil
	case spec.OpCleanUp:
		var r spec.CleanUpRequest
		if err := json.Unmarshal(call.Request, &r); err != nil {
			return nil, spec.NewError(spec.KindInternal, err.Error())
		}
		f.cleaned = append(f.cleaned, r.RequestID)
		return struct{}{}, nil
	case spec.OpGetBill:
		var r spec.BillRequest
		if err := json.Unmarshal(call.Request, &r); err != nil {
			return nil, spec.NewError(spec.KindInternal, err.Error())
		}
		f.bills = append(f.bills, r)
		return spec.Bill{AmountUSD: 1.25, From: r.From, To: r.To}, nil
	}
	if err := json.Unmarshal(call.Request, &id); err != nil {
		return nil, spec.NewError(spec.KindInternal, err.Error())
	}
	c := f.machines[id.ID]
	if c == nil {
		return nil, &spec.Error{Kind: spec.KindNotFound, Message: "no such machine", Status: 404}
	}
	switch call.Operation {
	case spec.OpTerminate:
		delete(f.machines, id.ID)
		return map[string]any{}, nil
	case spec.OpStop:
		c.Status = spec.StatusStopped
		return map[string]any{}, nil
	case spec.OpStart:
		c.Status = spec.StatusRunning
	}
	return c, nil
}

func (f *fake) spawn(n int, data spec.Raw) (any, *spec.Error) {
	var r spec.SpawnRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, spec.NewError(spec.KindInternal, err.Error())
	}
	f.spawns = append(f.spawns, r)
	var failure *spec.Error
	born := true
	if f.create != nil {
		failure, born = f.create(n, &r)
		born = born || failure == nil
	}
	if !born {
		return nil, failure
	}
	c := &spec.Compute{ID: fmt.Sprintf("m%d", n), Status: spec.StatusProvisioning, Name: r.Name, RequestID: r.RequestID, GPUNative: r.GPU, GPUCount: r.GPUCount, CloudType: r.CloudType}
	if f.change != nil {
		f.change(c)
	}
	f.machines[c.ID], f.seen[c.ID] = c, time.Now()
	if failure != nil {
		return nil, failure
	}
	return c, nil
}

func (f *fake) list(after string) *spec.ComputePage {
	list := &spec.ComputePage{}
	if f.endless {
		list.Next = after + "x"
		return list
	}
	for _, id := range slices.Sorted(maps.Keys(f.machines)) {
		if time.Since(f.seen[id]) < f.lag || id <= after {
			continue
		}
		if list.Items = append(list.Items, *f.machines[id]); len(list.Items) == f.page {
			list.Next = id
			break
		}
	}
	return list
}

// lost is the error of an answer that did not arrive.
func lost() *spec.Error {
	return &spec.Error{Kind: spec.KindTransport, Message: "the connection broke", UnknownOutcome: true}
}

func noCapacity() *spec.Error {
	return &spec.Error{Kind: spec.KindCapacity, Message: "none left", Status: 400}
}

// rig is the service on a fake.
type rig struct {
	*Service
	fake *fake
	bus  *events.Bus
}

func newRig(f *fake, s Settings) *rig {
	if s.NamePrefix == "" {
		s.NamePrefix = "atlas-"
	}
	bus := events.NewBus(clock.System{}, events.Settings{})
	env := func(name string) string {
		if name == "SOMEONE_ELSES_KEY" {
			return "stolen"
		}
		return ""
	}
	directory := provider.NewDirectory(f, provider.Settings{Default: "runpod", Keys: map[string]spec.Secret{"runpod": spec.NewSecret(canary)}, Getenv: env})
	return &rig{fake: f, bus: bus, Service: New(Wiring{Backend: f, Directory: directory, Catalog: catalog.New(), Events: bus, Clock: clock.System{}, Random: rand.Reader, Settings: s})}
}

// rentals returns the events of the topic rentals so far.
func (r *rig) rentals(t *testing.T) []string {
	t.Helper()
	sub, err := r.bus.Subscribe(TopicRentals, 1, func(*events.Subscription) {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.bus.Unsubscribe(sub.ID)
	var out []string
	for {
		e, _ := sub.TakeEvent()
		if e == nil {
			return out
		}
		out = append(out, e.Name)
	}
}

func (r *rig) finish(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if !r.Close(ctx) {
		t.Error("background work was left")
	}
}

func kind(err error) spec.Kind {
	if err == nil {
		return ""
	}
	return spec.AsError(err).Kind
}

func gpu(names ...string) *SpawnParams { return &SpawnParams{GPU: names, Image: "img"} }
