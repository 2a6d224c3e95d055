package host

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// counted are the built-in plugins, and how often one has been unpacked.
func counted(t *testing.T) ([]Plugin, *atomic.Int64) {
	list, opened := builtins(t), new(atomic.Int64)
	for n := range list {
		open := list[n].Open
		list[n].Open = func() ([]byte, error) {
			opened.Add(1)
			return open()
		}
	}
	return list, opened
}

// tenants makes hosts of one process's clients, which share with no host of another
// test: their sandboxes have a limit of memory that nobody else's have. None is closed for
// being idle, however long a busy machine takes.
func tenants(t *testing.T) func(Options) *Host {
	limit := 256*mib + tests.Add(1)*pageSize
	return func(options Options) *Host {
		t.Helper()
		options.Limits.MemoryBytes, options.Limits.IdleTime = limit, time.Hour
		if options.Network == nil {
			options.Network = newFakeNetwork(reply(200, pod))
		}
		return newHost(t, options)
	}
}

var tests atomic.Int64

func TestHost_ReadsAndAsksABuiltInPluginOnceForAllClients(t *testing.T) {
	list, opened := counted(t)
	tenant := tenants(t)
	hosts := make([]*Host, 4)
	for n := range hosts {
		hosts[n] = tenant(Options{Builtin: list})
	}
	var all sync.WaitGroup
	infos := make([][]Info, len(hosts))
	for n, h := range hosts { // at once, as a program does that starts
		all.Add(1)
		go func() {
			defer all.Done()
			infos[n] = h.Infos(context.Background())
		}()
	}
	all.Wait()
	sandboxes := 0
	for n, h := range hosts {
		sandboxes += h.Stats().Instances
		if !reflect.DeepEqual(infos[n], infos[0]) || infos[n][0].Version == "" {
			t.Errorf("%d is told %v", n, infos[n])
		}
	}
	if n := int(opened.Load()); n != len(list) || sandboxes != len(list) {
		t.Errorf("%d plugins were unpacked %d times and asked in %d sandboxes", len(list), n, sandboxes)
	}
	for _, h := range hosts {
		if err := h.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	h := tenant(Options{Builtin: list})
	if again := h.Infos(context.Background()); !reflect.DeepEqual(again, infos[0]) {
		t.Errorf("after all have closed: %v", again)
	}
	if n := int(opened.Load()); n != 2*len(list) {
		t.Errorf("after all have closed they were unpacked %d times in all", n)
	}
}

func TestHost_AnEngineOutlivesWhoeverMadeIt(t *testing.T) {
	list, opened := counted(t)
	tenant := tenants(t)
	first, second := tenant(Options{Builtin: list}), tenant(Options{Builtin: list})
	engineOf(t, first)
	shared := engineOf(t, second)
	if err := first.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Call(context.Background(), getCall()); err != nil {
		t.Errorf("the maker has closed: %v", err)
	}
	if engineOf(t, tenant(Options{Builtin: list})) != shared || opened.Load() != 1 {
		t.Errorf("it was unpacked %d times", opened.Load())
	}
}

// TestHost_ShowsNoClientAnythingOfAnother has two clients share all that clients share,
// and looks for what one was given at the other.
func TestHost_ShowsNoClientAnythingOfAnother(t *testing.T) {
	tenant := tenants(t)
	type client struct {
		host       *Host
		secret     string
		asked, got atomic.Pointer[string]
	}
	clients := map[string]*client{"red": {}, "blue": {}}
	for name, c := range clients {
		c.secret = "key-of-" + name
		c.host = tenant(Options{Builtin: builtins(t),
			Providers: map[string]ProviderOptions{"runpod": {BaseURL: "http://" + name + ".example.com", Hosts: []string{"*.runpod.io"}, Config: map[string]string{"who": "config-of-" + name}}},
			Network: newFakeNetwork(func(ctx context.Context, key spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
				url, secret := r.URL, key.Reveal()
				c.asked.Store(&url)
				c.got.Store(&secret)
				return reply(200, strings.ReplaceAll(pod, "pod123", "pod-of-"+name))(ctx, key, r)
			})})
	}
	if engineOf(t, clients["red"].host) != engineOf(t, clients["blue"].host) {
		t.Fatal("they share nothing, so this shows nothing")
	}
	for name, c := range clients {
		call := getCall()
		call.Key = spec.NewSecret(c.secret)
		call.Request = spec.Raw(`{"id":"asked-by-` + name + `"}`)
		if _, err := c.host.Call(context.Background(), call); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(*c.asked.Load(), "http://"+name+".example.com/") || *c.got.Load() != c.secret {
			t.Errorf("%s went to %s with %s", name, *c.asked.Load(), *c.got.Load())
		}
	}
	for name, c := range clients {
		other := map[string]string{"red": "blue", "blue": "red"}[name]
		own := false
		c.host.Inspect(func(_ string, memory []byte) {
			own = own || bytes.Contains(memory, []byte("asked-by-"+name))
			for _, text := range []string{"asked-by-" + other, "pod-of-" + other, "config-of-" + other, "key-of-", other + ".example.com"} {
				if bytes.Contains(memory, []byte(text)) {
					t.Errorf("the memory of %s holds %s", name, text)
				}
			}
		})
		if !own {
			t.Errorf("the memory of %s holds nothing of its own, so this shows nothing", name)
		}
	}
}

func TestHost_GivesEachClientAManifestOfItsOwn(t *testing.T) {
	tenant := tenants(t)
	manifest := func(h *Host) *spec.Manifest {
		m, err := h.Manifest(context.Background(), "runpod")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := manifest(tenant(Options{Builtin: builtins(t)}))
	second := manifest(tenant(Options{Builtin: builtins(t)}))
	if !reflect.DeepEqual(first, second) {
		t.Errorf("%v is not %v", first, second)
	}
	want := second.Hosts[0]
	for n := range first.Hosts {
		first.Hosts[n] = "changed.example.com"
	}
	first.Capabilities[0] = "changed"
	if second.Hosts[0] != want || second.Capabilities[0] == "changed" {
		t.Error("what one client does to its manifest the other one sees")
	}
}

// TestHost_AsksAPluginAnewWhereTheFirstCouldNot has the first client to ask fail at it.
func TestHost_AsksAPluginAnewWhereTheFirstCouldNot(t *testing.T) {
	list, opened := counted(t)
	tenant := tenants(t)
	first := tenant(Options{Builtin: list, Limits: Limits{OutputBytes: 10}})
	// Another one holds the engine, but has not got to asking.
	p := first.plugins["runpod"]
	m := &module{host: first, name: p.name, source: p.source, sha: p.sha}
	if err := first.equip(context.Background(), p, m); err != nil {
		t.Fatal(err)
	}
	defer m.letGo()
	if _, err := first.Call(context.Background(), getCall()); err == nil {
		t.Fatal("a plugin that says more than it may is used")
	}
	second := tenant(Options{Builtin: list})
	if _, err := second.Call(context.Background(), getCall()); err != nil {
		t.Errorf("the second client: %v", err)
	}
	if engineOf(t, second) != m.engine || opened.Load() != 1 {
		t.Errorf("it was unpacked %d times", opened.Load())
	}
}

// TestModule_DoesNotWaitForAskingLongerThanItsHost has somebody ask for ever.
func TestModule_DoesNotWaitForAskingLongerThanItsHost(t *testing.T) {
	m := &module{engine: &engine{describing: make(chan struct{}, 1)}}
	m.engine.describing <- struct{}{}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errClosing)
	if failure := m.describe(ctx); failure == nil || failure.Kind != spec.KindCancelled {
		t.Errorf("it ended with %v", failure)
	}
}

func TestShelf_CountsOutAMakerThatPanics(t *testing.T) {
	s := shelf{held: map[engineKey]*shelved{}}
	func() {
		defer func() { _ = recover() }()
		_, _, _ = s.take(context.Background(), engineKey{}, func() (*engine, error) { panic("a defect") })
	}()
	if len(s.held) != 0 {
		t.Error("its attempt is held")
	}
}

// TestInstance_HoldsAStackForWhatWasEnteredAlone counts the exports that have one.
func TestInstance_HoldsAStackForWhatWasEnteredAlone(t *testing.T) {
	h := tenants(t)(Options{Builtin: builtins(t)})
	for range 2 {
		if _, err := h.Call(context.Background(), getCall()); err != nil {
			t.Fatal(err)
		}
	}
	m, failure := h.acquire(context.Background(), "runpod")
	if failure != nil {
		t.Fatal(failure)
	}
	defer m.release()
	for _, i := range *m.list.Load() {
		<-i.lock
		if n := len(i.functions); n != 2 { // describe and get_compute
			t.Errorf("%d exports have a stack", n)
		}
		i.unlock()
	}
}
