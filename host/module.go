package host

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// module is a plugin that is compiled and described. It is released when the
// registry and every call have let go of it, so that a reload disturbs nobody.
type module struct {
	host    *Host
	name    string
	source  string
	path    string
	sha     string
	checked bool // whether deadline checks are compiled in
	options ProviderOptions

	engine   *engine
	letGo    func() // of the engine
	exports  map[string]bool
	parking  bool
	label    []byte // the manifest that the plugin's file tells; nil: none
	manifest *spec.Manifest
	policy   *egress.Policy
	contexts [2][]byte // spec.Context, without and with include_raw

	refs      atomic.Int64 // the registry's and one of each call
	instances atomic.Int64

	// Of a parking module.
	list    atomic.Pointer[[]*instance]
	mu      sync.Mutex    // guards writing list
	inside  chan struct{} // holds a token for each call inside, where the plugin parks
	making  chan struct{} // holds a token while no instance is being made
	waiting atomic.Int64  // goroutines that wait for an instance
	turn    atomic.Uint32 // which instance the next waiter waits for

	retiring atomic.Int64 // exchanged instances that still hold calls

	// Of a blocking module.
	slots  chan struct{} // a token for each instance that may be in use
	idleMu sync.Mutex
	idle   []*instance
}

// inspect reads what the module exports and imports.
func (m *module) inspect() *spec.Error {
	m.exports = map[string]bool{}
	functions := m.engine.compiled.ExportedFunctions()
	for _, name := range append(spec.Operations(), spec.OpDescribe, exportResume) {
		f, ok := functions[name]
		if !ok {
			continue
		}
		want := 0
		if name == exportResume {
			want = 1
		}
		if p, r := f.ParamTypes(), f.ResultTypes(); len(p) != want || want == 1 && p[0] != api.ValueTypeI32 || len(r) != 1 || r[0] != api.ValueTypeI32 {
			return spec.NewError(spec.KindPlugin, "the plugin's export "+name+" has the wrong type")
		}
		m.exports[name] = true
	}
	if f, ok := functions["_initialize"]; ok && len(f.ParamTypes())+len(f.ResultTypes()) > 0 {
		return spec.NewError(spec.KindPlugin, "the plugin's export _initialize has the wrong type")
	}
	if !m.exports[spec.OpDescribe] {
		return &spec.Error{Kind: spec.KindPlugin, Message: "the plugin does not export describe", Hint: "is this a provider plugin of Atlas?"}
	}
	if failure := m.engine.foreign(); failure != nil {
		return failure
	}
	for _, f := range m.engine.compiled.ImportedFunctions() {
		if from, name, _ := f.Import(); from == atlasModule && name == "http_begin" {
			m.parking = true
		}
	}
	if m.parking && !m.exports[exportResume] {
		return spec.NewError(spec.KindPlugin, "the plugin imports http_begin but does not export "+exportResume)
	}
	m.inside = make(chan struct{}, m.host.limits.Inside)
	m.making = make(chan struct{}, 1)
	m.making <- struct{}{}
	m.list.Store(&[]*instance{})
	m.slots = make(chan struct{}, m.host.limits.BlockingInstances)
	for range cap(m.slots) {
		m.slots <- struct{}{}
	}
	return nil
}

// describe reads what the plugin says of itself. It is asked once for all modules of an
// engine: it answers before it knows anything of a client. Each keeps a manifest of
// its own, which nobody can change under another.
func (m *module) describe(ctx context.Context) (failure *spec.Error) {
	e := m.engine
	select {
	case e.describing <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx)
	}
	defer func() { <-e.describing }()
	said := e.said
	if said == nil {
		if said, failure = m.ask(ctx); failure != nil {
			return failure
		}
	}
	if m.manifest, failure = readManifest(said, m.exports); failure != nil {
		return failure
	}
	e.said = said
	return m.checkLabel()
}

// ask runs describe, without network, and returns its answer.
func (m *module) ask(ctx context.Context) ([]byte, *spec.Error) {
	c := m.host.newCall(ctx, m, spec.Secret{})
	defer c.free()
	c.input = append(c.input, `{"request":{},"context":{}}`...)
	i, failure := m.take(ctx, c)
	if failure != nil {
		return nil, failure
	}
	result, failure := i.enter(ctx, c, i.function(spec.OpDescribe), spec.OpDescribe, 0)
	if failure == nil && result == resultParked {
		i.drop()
		failure = badManifest("describe waits for HTTP")
	}
	m.give(i)
	switch {
	case c.failed != nil:
		return nil, c.failed
	case failure != nil:
		return nil, failure
	case result != resultFinished || !c.hasOutput:
		_, failure = c.result(spec.OpDescribe, result)
		return nil, failure
	}
	return slices.Clone(c.output), nil
}

// configure applies the operator's settings to the manifest.
func (m *module) configure(options ProviderOptions) *spec.Error {
	m.options = options
	if failure := checkURLs(m.manifest, options.URLs); failure != nil {
		return failure
	}
	urls, operator, bare := resolveURLs(m.manifest, options)
	for raw := range m.contexts {
		m.contexts[raw] = encodeContext(urls, options.Config, raw == 1)
	}
	policy, err := m.host.network.Policy(egress.PolicySpec{
		Provider: m.manifest.Name, Hosts: m.manifest.Hosts, Narrow: options.Hosts,
		Operator: operator, OperatorBare: bare,
		Credential: m.manifest.Credential, RateLimits: m.manifest.RateLimits,
	})
	if err != nil {
		return spec.AsError(err)
	}
	m.policy = policy
	return nil
}

// retain takes hold of the module for a call. It reports false when the module
// is gone.
func (m *module) retain() bool {
	for {
		n := m.refs.Load()
		if n <= 0 {
			return false
		}
		if m.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release lets go of the module; the last one closes it.
func (m *module) release() {
	if m.refs.Add(-1) == 0 {
		m.close()
	}
}

// close ends every instance and frees the code. Nobody is inside any more.
func (m *module) close() {
	for _, i := range *m.list.Load() {
		<-i.lock
		i.drop()
		i.unlock()
	}
	m.idleMu.Lock()
	idle := m.idle
	m.idle = nil
	m.idleMu.Unlock()
	for _, i := range idle {
		i.drop()
	}
	m.letGo()
}

func (m *module) info() Info {
	info := Info{Name: m.name, Version: m.manifest.Version, ABI: m.manifest.ABI, Source: m.source, Path: m.path, SHA256: m.sha,
		Pinned: m.options.SHA256 != "", Parking: m.parking, Rights: m.policy.Rights(), EntryTime: m.host.limits.EntryTime, Instances: m.host.limits.Instances}
	if !m.checked {
		info.EntryTime = 0
	}
	if !m.parking {
		info.Instances = m.host.limits.BlockingInstances
	}
	return info
}
