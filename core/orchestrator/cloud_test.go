package orchestrator

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/memory"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// cloud is a provider in a map. fail decides what goes wrong.
type cloud struct {
	mu       sync.Mutex
	machines map[string]*spec.Compute
	calls    map[string]int
	envs     map[string]map[string]string
	price    *float64
	bill     float64                                     // USD charged for each machine; 0: the cloud tells no bills
	late     bool                                        // it tells them, and has charged nothing yet
	billed   []spec.BillRequest                          // what was asked for
	status   spec.Status                                 // of new machines
	down     string                                      // a provider that does not answer
	slow     string                                      // a provider that answers nothing while its caller waits
	stopless bool                                        // its machines cannot be stopped
	terse    bool                                        // it answers nothing to a terminate
	page     func(cursor string) spec.ComputePage        // how it lists them; nil: all at once
	accounts map[string]string                           // whose a credential is; nil: all are of one account
	owner    map[string]string                           // account of each machine
	fail     func(operation string, n int) *spec.Error   // an operation fails without effect
	lose     func(operation string, n int) *spec.Error   // it fails after its effect
	during   func(ctx context.Context, operation string) // runs while an operation is under way
}

func newCloud() *cloud {
	price := 0.5
	return &cloud{machines: map[string]*spec.Compute{}, calls: map[string]int{}, envs: map[string]map[string]string{}, owner: map[string]string{}, price: &price, status: spec.StatusRunning}
}

func (c *cloud) Names() []string { return []string{"runpod", "vast"} }

func (c *cloud) Manifest(context.Context, string) (*spec.Manifest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	able := []spec.Capability{spec.CapGPU, spec.CapCPU, spec.CapSpot}
	if !c.stopless {
		able = append(able, spec.CapStopStart)
	}
	if c.bill > 0 || c.late {
		able = append(able, spec.CapBilling)
	}
	return &spec.Manifest{Name: "runpod", Capabilities: able, Operations: spec.Operations(), ListingLagMS: 2000}, nil
}

func (c *cloud) Call(ctx context.Context, call spec.Call) (spec.Raw, error) {
	c.mu.Lock()
	c.calls[call.Operation]++
	n, fail, lose, during, down, slow := c.calls[call.Operation], c.fail, c.lose, c.during, c.down == call.Provider, c.slow == call.Provider
	c.mu.Unlock()
	if slow {
		<-ctx.Done()
	}
	if during != nil {
		during(ctx, call.Operation)
	}
	if err := ctx.Err(); err != nil {
		return nil, &spec.Error{Kind: spec.KindCancelled, Message: "cancelled", UnknownOutcome: true}
	}
	if down {
		return nil, &spec.Error{Kind: spec.KindProvider, Message: "down", Status: 503}
	}
	if fail != nil {
		if e := fail(call.Operation, n); e != nil {
			return nil, e
		}
	}
	value, e := c.do(n, call)
	if e == nil && lose != nil {
		e = lose(call.Operation, n)
	}
	if e != nil {
		return nil, e
	}
	return json.Marshal(value)
}

func (c *cloud) do(n int, call spec.Call) (any, *spec.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch call.Operation {
	case spec.OpSpawn:
		var r spec.SpawnRequest
		if err := json.Unmarshal(call.Request, &r); err != nil {
			return nil, spec.NewError(spec.KindInternal, err.Error())
		}
		m := &spec.Compute{ID: fmt.Sprintf("m%d", n), Status: c.status, Name: r.Name, RequestID: r.RequestID, CostPerHour: c.price, CreatedAt: time.Now().UTC().Format(time.RFC3339), Spot: r.Spot, Actions: []string{spec.ActionTerminate}}
		for _, p := range r.Ports {
			m.Ports = append(m.Ports, spec.Port{Internal: p.Internal, Protocol: p.Protocol, URL: "http://" + m.ID})
		}
		c.machines[m.ID], c.envs[m.ID], c.owner[m.ID] = m, r.Env, c.accounts[call.Key.Reveal()]
		return *m, nil
	case spec.OpGetBill:
		var r spec.BillRequest
		if err := json.Unmarshal(call.Request, &r); err != nil {
			return nil, spec.NewError(spec.KindInternal, err.Error())
		}
		c.billed = append(c.billed, r)
		return spec.Bill{AmountUSD: c.bill}, nil
	case spec.OpList, spec.OpFind:
		var r spec.ListRequest
		if err := json.Unmarshal(call.Request, &r); err == nil && c.page != nil && call.Operation == spec.OpList {
			return c.page(r.Cursor), nil
		}
		out := spec.ComputeList{}
		for _, m := range c.machines {
			if c.owner[m.ID] == c.accounts[call.Key.Reveal()] {
				out.Items = append(out.Items, *m)
			}
		}
		return out, nil
	}
	var r spec.IDRequest
	if err := json.Unmarshal(call.Request, &r); err != nil {
		return nil, spec.NewError(spec.KindInternal, err.Error())
	}
	m := c.machines[r.ID]
	if m == nil || c.owner[m.ID] != c.accounts[call.Key.Reveal()] {
		return nil, &spec.Error{Kind: spec.KindNotFound, Message: "none", Status: 404}
	}
	switch call.Operation {
	case spec.OpTerminate:
		delete(c.machines, r.ID)
		if c.terse {
			return spec.Compute{}, nil
		}
	case spec.OpStop:
		m.Status = spec.StatusStopped
	case spec.OpStart:
		m.Status = spec.StatusRunning
	}
	return *m, nil
}

func (c *cloud) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.machines)
}

func (c *cloud) set(edit func(c *cloud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	edit(c)
}

func broken(operations ...string) func(string, int) *spec.Error {
	return func(operation string, _ int) *spec.Error {
		for _, o := range operations {
			if o == operation {
				return &spec.Error{Kind: spec.KindProvider, Message: "down", Status: 503, Retryable: true}
			}
		}
		return nil
	}
}

// faulty is a store whose methods can be made to fail.
type faulty struct {
	store.Store
	logless bool
	mu      sync.Mutex
	spoil   func(what string) error
	hang    func(what string) // takes its time before the method begins
	mute    atomic.Bool       // does not answer at all: whoever reads a session waits as long as he likes
}

func (f *faulty) check(what string) error {
	f.mu.Lock()
	hang := f.hang
	f.mu.Unlock()
	if hang != nil {
		hang(what)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.spoil == nil {
		return nil
	}
	if err := f.spoil(what); err != nil {
		return &store.CannotTell{Doing: what, Err: err}
	}
	return nil
}

func (f *faulty) set(spoil func(what string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = spoil
}

func (f *faulty) Lease(ctx context.Context, name, holder string, ttl int64) (store.Lease, bool, error) {
	if err := f.check("lease"); err != nil {
		return store.Lease{}, false, err
	}
	return f.Store.Lease(ctx, name, holder, ttl)
}

func (f *faulty) Commit(ctx context.Context, by store.Lease, c []store.Change) ([]store.Result, error) {
	if err := f.check("commit"); err != nil {
		return nil, err
	}
	r, err := f.Store.Commit(ctx, by, c)
	if err == nil {
		err = f.check("committed") // done, and the answer is lost
	}
	return r, err
}

func (f *faulty) Get(ctx context.Context, id string) (store.Session, bool, error) {
	if f.mute.Load() {
		<-ctx.Done()
		return store.Session{}, false, &store.CannotTell{Doing: "get", Err: ctx.Err()}
	}
	if err := f.check("get"); err != nil {
		return store.Session{}, false, err
	}
	return f.Store.Get(ctx, id)
}

func (f *faulty) Events(ctx context.Context, topic string, from uint64, limit int) ([]store.Event, uint64, error) {
	if err := f.check("events"); err != nil {
		return nil, 0, err
	}
	return f.Store.Events(ctx, topic, from, limit)
}

func (f *faulty) Claim(ctx context.Context, by store.Lease, n int) ([]store.Claimed, error) {
	if err := f.check("claim"); err != nil {
		return nil, err
	}
	list, err := f.Store.Claim(ctx, by, n)
	if err == nil {
		err = f.check("claimed")
	}
	return list, err
}

// OpenTouchLog is the store's, unless this one is to have none.
func (f *faulty) OpenTouchLog(holder string) (store.TouchLog, error) {
	if f.logless {
		return nil, errors.New("it has no log")
	}
	return f.Store.(store.TouchLogger).OpenTouchLog(holder)
}

// world is a cloud and a store with the processes that use them.
type world struct {
	t       *testing.T
	cloud   *cloud
	store   *memory.Store
	logless bool // the store has no touch log
	key     string
}

func newWorld(t *testing.T) *world {
	return &world{t: t, cloud: newCloud(), store: memory.New(clock.System{})}
}

// line is what a process has to the cloud, until it is killed.
type line struct {
	*cloud
	cut atomic.Bool
}

func (l *line) Call(ctx context.Context, call spec.Call) (spec.Raw, error) {
	if l.cut.Load() {
		return nil, &spec.Error{Kind: spec.KindTransport, Message: "killed"}
	}
	return l.cloud.Call(ctx, call)
}

// process is one of them.
type process struct {
	*Service
	line  *line
	w     *world
	store *faulty
	bus   *events.Bus
}

func (w *world) process(change ...func(*Settings)) *process {
	w.t.Helper()
	f := &faulty{Store: w.store.Handle(), logless: w.logless}
	bus := events.NewBus(clock.System{}, events.Settings{})
	l := &line{cloud: w.cloud}
	d := provider.NewDirectory(l, provider.Settings{Default: "runpod", Keys: map[string]spec.Secret{"runpod": spec.NewSecret(w.key)}, Accounts: map[string]spec.Secret{"runpod:acme": spec.NewSecret(w.key)}})
	settings := Settings{NamePrefix: "atlas-"}
	for _, c := range change {
		c(&settings)
	}
	s := New(Wiring{Open: func(context.Context) (store.Store, error) { return f, nil }, Key: func() ([32]byte, error) { return [32]byte{1, 2, 3}, nil },
		Directory: d, Names: w.cloud.Names, Bus: bus, Clock: clock.System{}, Random: rand.Reader, Settings: settings})
	s.Compute = compute.New(compute.Wiring{Backend: l, Directory: d, Catalog: catalog.New(), Events: s, Acting: s.Acting, Clock: clock.System{}, Random: rand.Reader, Settings: compute.Settings{NamePrefix: "atlas-"}})
	p := &process{Service: s, line: l, w: w, store: f, bus: bus}
	if err := s.Start(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// close ends a process in order.
func (p *process) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p.Close(ctx)
	p.Compute.Close(ctx)
	p.bus.Close()
}

// kill ends a process as a signal does: nothing is written any more, no lease is
// given back.
func (p *process) kill() {
	p.line.cut.Store(true)
	p.store.set(func(string) error { return errors.New("killed") })
	p.end()
	p.work.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p.Compute.Close(ctx)
	p.bus.Close()
}

func ms(d time.Duration) *int64 {
	n := d.Milliseconds()
	return &n
}

func params(change ...func(*SpawnParams)) *SpawnParams {
	p := &SpawnParams{}
	p.CPU, p.Image = &spec.CPU{VCPUCount: 2}, "image"
	for _, c := range change {
		c(p)
	}
	return p
}

func idle(d time.Duration) func(*SpawnParams) { return func(p *SpawnParams) { p.IdleTTLMS = ms(d) } }

func (p *process) spawn(change ...func(*SpawnParams)) *Session {
	p.w.t.Helper()
	s, err := p.Spawn(context.Background(), params(change...))
	if err != nil {
		p.w.t.Fatal(err)
	}
	return s
}

func (p *process) touch(id string) error {
	_, err := p.Touch(context.Background(), &TouchParams{ID: []string{id}})
	return err
}

func (p *process) get(id string) *Session {
	p.w.t.Helper()
	s, err := p.Get(context.Background(), &SessionParams{ID: id})
	if err != nil {
		p.w.t.Fatal(err)
	}
	return s
}

// told lists the names of a machine's events, from the store.
func (w *world) told(machine string) string {
	w.t.Helper()
	list, last, err := w.store.Events(context.Background(), "compute:"+machine, 1, 1000)
	if err != nil || int(last) != len(list) {
		w.t.Fatal(len(list), last, err)
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name
	}
	return strings.Join(names, " ")
}

// bubble runs a test on virtual time.
func bubble(t *testing.T, run func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) { run(t, newWorld(t)) })
}

func wait(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}
