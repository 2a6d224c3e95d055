package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
	"github.com/exatlas/atlas/internal/safego"
)

// Network is what a Host needs of its HTTP client. *egress.Client is one.
type Network interface {
	Policy(egress.PolicySpec) (*egress.Policy, error)
	Check(*egress.Policy, string) error
	Do(context.Context, *egress.Policy, spec.Secret, *egress.Request) (*egress.Response, *egress.Failure)
	Close()
}

// Host runs plugins. Its methods may be called from any goroutine.
type Host struct {
	options Options
	limits  Limits
	network Network
	calls   sync.Pool                         // of *call
	read    func(path string) ([]byte, error) // a plugin's file

	ctx        context.Context // of loading; ends with Close
	stop       context.CancelCauseFunc
	background sync.WaitGroup // goroutines that load, and the idle watch
	memory     atomic.Int64   // linear memory of all instances
	parked     atomic.Int64
	idle       idleWatch
	loads      chan struct{} // holds a token for each plugin that is being loaded and not built in

	mu      sync.Mutex // guards what follows
	plugins map[string]*plugin
	tickets map[*ticket]struct{}
	closing bool
	drained chan struct{} // closed when closing and no call is in flight
	closed  chan struct{} // closed when everything is released
}

// ticket is a call's right to run until Close.
type ticket struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

var errClosing = errors.New("the host is closing")

// New makes a host. It reads names only: nothing is compiled before it is used.
// The error is a *spec.Error of kind validation.
func New(options Options) (*Host, error) {
	h := &Host{options: options, limits: options.Limits.withDefaults(), plugins: map[string]*plugin{}, tickets: map[*ticket]struct{}{},
		loads: make(chan struct{}, loadsPerCore*runtime.GOMAXPROCS(0)), drained: make(chan struct{}), closed: make(chan struct{})}
	h.calls.New = func() any { return &call{} }
	h.read = h.readModule
	for _, b := range options.Builtin {
		if !spec.ValidProvider(b.Name) || len(b.SHA256) != 64 || h.plugins[b.Name] != nil {
			return nil, spec.NewError(spec.KindInternal, "the built-in plugin "+b.Name+" has a bad name or hash, or is there twice")
		}
		h.plugins[b.Name] = &plugin{name: b.Name, source: SourceBuiltin, sha: b.SHA256, open: b.Open, outline: b.Label}
	}
	if err := h.scan(); err != nil {
		return nil, err
	}
	if h.network = options.Network; h.network == nil {
		settings := options.Egress
		if settings.MaxResponseBytes == 0 {
			settings.MaxResponseBytes = h.limits.ResponseBytes
		}
		h.network = egress.New(settings)
	}
	if h.options.Clock == nil {
		h.options.Clock = egress.SystemClock{}
	}
	h.ctx, h.stop = context.WithCancelCause(context.Background())
	if h.options.WatchEvery == 0 {
		h.options.WatchEvery = time.Second
	}
	h.watch()
	return h, nil
}

// scan registers the plugins of the folder, under the names of their files.
func (h *Host) scan() error {
	if h.options.Dir == "" {
		return nil
	}
	entries, err := os.ReadDir(h.options.Dir)
	if err != nil {
		return &spec.Error{Kind: spec.KindValidation, Message: "the plugin folder cannot be read: " + err.Error(), Hint: "plugins.dir names it", Err: err}
	}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".wasm")
		if !ok || entry.IsDir() {
			continue
		}
		if !spec.ValidProvider(name) {
			return &spec.Error{Kind: spec.KindValidation, Message: "the plugin folder holds " + clean(entry.Name(), 100), Hint: "name the file as the provider: 1 to 32 of a-z, 0-9 and underscore, then .wasm"}
		}
		path := filepath.Join(h.options.Dir, entry.Name())
		if old := h.plugins[name]; old != nil && h.options.Providers[name].SHA256 == "" {
			return taken(old)
		}
		h.plugins[name] = h.filePlugin(name, SourceDir, path)
	}
	return nil
}

// taken is the error of a name that a plugin bears which gives way to none that the
// operator has not pinned.
func taken(by *plugin) *spec.Error {
	e := &spec.Error{Kind: spec.KindConflict, Message: "a plugin named " + by.name + " is built in", Provider: by.name,
		Hint: "to replace it, pin the SHA-256 of yours as providers." + by.name + ".sha256"}
	if by.source == SourceLoaded {
		e.Message = "a plugin named " + by.name + " was loaded from " + clean(by.path, 300)
		e.Hint = "to replace it, load the other file, too, with providers.load"
	}
	return e
}

func (h *Host) filePlugin(name, source, path string) *plugin {
	return &plugin{name: name, source: source, path: path, open: func() ([]byte, error) { return h.read(path) }}
}

// Names lists the providers, in alphabetical order.
func (h *Host) Names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, 0, len(h.plugins))
	for name := range h.plugins {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// admit lets a call in, unless the host is closing.
func (h *Host) admit(ctx context.Context) (*ticket, *spec.Error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	t := &ticket{}
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		t.cancel(errClosing)
		return nil, ended(t.ctx)
	}
	h.tickets[t] = struct{}{}
	return t, nil
}

// leave ends a call's stay.
func (h *Host) leave(t *ticket) {
	t.cancel(nil)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tickets, t)
	if h.closing && len(h.tickets) == 0 {
		close(h.drained)
	}
}

// acquire returns a provider's module, retained.
func (h *Host) acquire(ctx context.Context, name string) (*module, *spec.Error) {
	for {
		h.mu.Lock()
		p := h.plugins[name]
		h.mu.Unlock()
		if p == nil {
			return nil, h.unknown(name)
		}
		if m, failure := h.wait(ctx, p); m != nil || failure != nil {
			return m, failure
		}
	}
}

// unknown is the error of a name that no plugin has.
func (h *Host) unknown(name string) *spec.Error {
	return &spec.Error{Kind: spec.KindValidation, Message: "there is no provider " + clean(name, 64), Hint: "there are: " + strings.Join(h.Names(), ", ")}
}

// Stats counts what the host holds now.
func (h *Host) Stats() Stats {
	h.mu.Lock()
	s := Stats{Plugins: len(h.plugins), Calls: len(h.tickets)}
	list := make([]*plugin, 0, len(h.plugins))
	for _, p := range h.plugins {
		list = append(list, p)
	}
	h.mu.Unlock()
	s.Parked = int(h.parked.Load())
	s.Memory = h.memory.Load()
	for _, p := range list {
		if m := p.present(); m != nil {
			s.Compiled++
			s.Instances += int(m.instances.Load())
		}
	}
	return s
}

// present returns the plugin's module where it is loaded, not retained.
func (p *plugin) present() *module {
	l := p.attempt()
	if l == nil {
		return nil
	}
	select {
	case <-l.done:
		if l.module != nil && l.module.refs.Load() > 0 {
			return l.module
		}
	default:
	}
	return nil
}

// Close cancels every call, waits for them as long as ctx allows, and releases
// everything. What has not ended by then ends in the background, and the error
// says so. Closing twice is allowed.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	if !h.closing {
		h.closing = true
		for t := range h.tickets {
			t.cancel(errClosing)
		}
		if len(h.tickets) == 0 {
			close(h.drained)
		}
		h.stop(errClosing)
		safego.Go(nil, nil, h.shut)
	}
	h.mu.Unlock()
	select {
	case <-h.closed:
		return nil
	case <-ctx.Done():
		return &spec.Error{Kind: spec.KindTimeout, Message: "calls are still ending", Err: ctx.Err()}
	}
}

// shut releases everything once no call is in flight.
func (h *Host) shut() {
	defer close(h.closed)
	<-h.drained
	h.background.Wait()
	h.mu.Lock()
	list := h.plugins
	h.plugins = map[string]*plugin{}
	h.mu.Unlock()
	for _, p := range list {
		if m := p.present(); m != nil {
			m.release()
		}
	}
	h.network.Close()
}

func encodeContext(urls, config map[string]string, raw bool) []byte {
	text, err := json.Marshal(spec.Context{URLs: urls, IncludeRaw: raw, Config: config})
	if err != nil { // cannot be: it is text and a flag
		panic(err)
	}
	return text
}
