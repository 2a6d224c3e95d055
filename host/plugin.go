package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/codecache"
	"github.com/exatlas/atlas/host/wasm"
	"github.com/exatlas/atlas/internal/safego"
)

// plugin is an entry of the registry. Its module is compiled when it is first
// needed.
type plugin struct {
	name   string
	source string
	path   string
	sha    string // of a built-in one
	open   func() ([]byte, error)

	outline []byte // what a built-in one's file tells of it; see host/wasm

	mu        sync.Mutex
	loading   *loading   // nil: nobody has needed it yet
	statement *statement // nil: nobody has asked what it is
	retired   bool       // out of the registry, which so would never let go of what is loaded now
}

// loading is one attempt to load a plugin, which everybody who needs it waits
// for.
type loading struct {
	done   chan struct{} // closed when module and err are set
	module *module
	err    *spec.Error
	unread bool      // the file could not be read
	ended  time.Time // set with them
}

// passing reports whether an attempt failed for a reason that says nothing of the
// plugin, such as a process that has no descriptor or no memory left for a moment.
func (l *loading) passing() bool {
	return l.err != nil && (l.unread || l.err.Retryable || l.err.Kind == spec.KindInternal)
}

// errSlow marks what ended because it took too long: the plugin's doing, or that of a
// machine which had no time for it.
var errSlow = errors.New("it takes too long")

// slowPause is how many times as long as a compilation may take a plugin that took too
// long is left alone: one that always does must not take the machine for itself.
const slowPause = 5

func (h *Host) slowPause() time.Duration { return slowPause * h.limits.CompileTime }

// again reports whether an attempt that has ended is to be made again.
func (h *Host) again(l *loading) bool {
	slow := l.err != nil && errors.Is(l.err, errSlow)
	return l.passing() || slow && h.options.Clock.Now().Sub(l.ended) >= h.slowPause()
}

// attempt returns the latest attempt to load the plugin; nil: there was none.
func (p *plugin) attempt() *loading {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.loading
}

// begin starts loading unless that has been done, and returns the attempt. One that
// failed in passing is made again: a plugin must not be lost by it for good, since
// machines are given back through it. So is one that took too long, after a pause.
// nil: another plugin has replaced this one, for which no attempt is made any more.
func (h *Host) begin(p *plugin) *loading {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.loading; l != nil {
		select {
		case <-l.done:
			if !h.again(l) {
				return l
			}
		default:
			return l
		}
	}
	if p.retired {
		return nil
	}
	l := &loading{done: make(chan struct{})}
	p.loading = l
	end := func() {
		l.ended = h.options.Clock.Now()
		close(l.done)
	}
	safego.Go(&h.background, func(err *spec.Error) { l.err = err; end() }, func() {
		l.module, l.unread, l.err = h.load(h.ctx, p)
		end()
	})
	return l
}

// wait returns the plugin's module, retained. Neither a module nor an error:
// another plugin has replaced this one.
func (h *Host) wait(ctx context.Context, p *plugin) (*module, *spec.Error) {
	l := h.begin(p)
	if l == nil {
		return nil, nil
	}
	select {
	case <-l.done:
	default:
		select {
		case <-l.done:
		case <-ctx.Done():
			return nil, ended(ctx)
		}
	}
	if l.err != nil {
		e := *l.err
		return nil, &e
	}
	if l.module.retain() {
		return l.module, nil
	}
	return nil, nil
}

// retire lets go of a plugin that another has replaced, or that nobody wants.
func (h *Host) retire(p *plugin) {
	p.mu.Lock()
	p.retired = true
	l := p.loading
	p.mu.Unlock()
	if l == nil {
		return
	}
	let := func() {
		if <-l.done; l.module != nil {
			l.module.release()
		}
	}
	select {
	case <-l.done:
		let()
	default:
		safego.Go(&h.background, nil, let)
	}
}

// errUnread marks a plugin that could not even be read.
var errUnread = errors.New("it cannot be read")

// loadsPerCore is how many plugins that are not built in are loaded at one time: what
// they take of the machine while they say what they are is limited by time.
const loadsPerCore = 4

// load reads, compiles and describes a plugin. unread tells that it did not even
// come to the second.
func (h *Host) load(ctx context.Context, p *plugin) (m *module, unread bool, failure *spec.Error) {
	if p.source != SourceBuiltin { // which waits for nobody's
		select {
		case h.loads <- struct{}{}:
			defer func() { <-h.loads }()
		case <-ctx.Done():
			return nil, false, ended(ctx)
		}
	}
	m = &module{host: h, name: p.name, source: p.source, path: p.path, sha: p.sha, checked: p.source != SourceBuiltin}
	if err := h.equip(ctx, p, m); err != nil {
		if ctx.Err() != nil {
			return nil, false, ended(ctx)
		}
		return nil, errors.Is(err, errUnread), spec.AsError(err)
	}
	if p.source == SourceBuiltin {
		m.label, _ = wasm.Label(p.outline)
	}
	m.refs.Store(1)
	if failure := h.finish(ctx, p, m); failure != nil {
		m.release()
		return nil, false, failure
	}
	return m, false, nil
}

// equip gives a module its engine. That of a built-in plugin is shared by the clients
// of the process, and only the first of them reads the plugin.
func (h *Host) equip(ctx context.Context, p *plugin, m *module) (err error) {
	build := func() (*engine, error) { return h.build(ctx, p, m) }
	if p.source == SourceBuiltin {
		if failure := h.checkPin(p.name, p.sha); failure != nil {
			return failure
		}
		key := engineKey{sha: p.sha, checked: m.checked, memory: h.limits.MemoryBytes, folder: h.options.CacheDir}
		m.engine, m.letGo, err = engines.take(ctx, key, build)
		return err
	}
	if m.engine, err = build(); err == nil {
		m.letGo = m.engine.close
	}
	return err
}

// build reads and compiles a plugin.
func (h *Host) build(ctx context.Context, p *plugin, m *module) (*engine, error) {
	code, err := p.open()
	if err != nil {
		return nil, &spec.Error{Kind: spec.KindPlugin, Message: "the plugin cannot be read: " + err.Error(), Err: errors.Join(errUnread, err)}
	}
	if len(code) > h.limits.ModuleBytes {
		return nil, spec.NewError(spec.KindPlugin, "the plugin is larger than "+utoa(uint64(h.limits.ModuleBytes))+" bytes")
	}
	if m.sha == "" {
		sum := sha256.Sum256(code)
		m.sha = hex.EncodeToString(sum[:])
		if p.name != "" {
			if failure := h.checkPin(p.name, m.sha); failure != nil {
				return nil, failure
			}
		}
	}
	limited := ctx
	if p.source != SourceBuiltin { // one of the library's own is bounded by its build, and given what a busy machine needs
		if m.label, err = wasm.Label(code); err != nil {
			return nil, spec.NewError(spec.KindPlugin, "the file is no plugin: "+err.Error())
		}
		var problem string
		if code, problem = wasm.Bound(code); problem != "" {
			return nil, spec.NewError(spec.KindPlugin, "the file is no plugin: "+problem)
		}
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, h.limits.CompileTime)
		defer cancel()
	}
	folder := codecache.Open(h.options.CacheDir, m.sha, m.checked)
	if folder != nil {
		defer folder.Close()
	}
	e, err := compile(limited, code, m.checked, h.limits.MemoryBytes, folder)
	switch {
	case err != nil && limited.Err() != nil:
		return nil, &spec.Error{Kind: spec.KindPlugin, Message: "the plugin cannot be compiled: it takes longer than " + h.limits.CompileTime.String(), Err: errSlow,
			Hint: "it is tried again when it is used, " + h.slowPause().String() + " after this attempt at the soonest; providers.reload tries at once"}
	case err != nil:
		return nil, &spec.Error{Kind: spec.KindPlugin, Message: "the plugin cannot be compiled: " + clean(err.Error(), 300), Err: err}
	}
	return e, nil
}

// finish describes a compiled module and gives it its name.
func (h *Host) finish(ctx context.Context, p *plugin, m *module) *spec.Error {
	if err := m.inspect(); err != nil {
		// close needs what inspect prepares.
		m.list.Store(&[]*instance{})
		return err
	}
	if err := m.describe(ctx); err != nil {
		return err
	}
	if p.name != "" && m.manifest.Name != p.name {
		failure := spec.NewError(spec.KindPlugin, fmt.Sprintf("the plugin calls itself %s, not %s", m.manifest.Name, p.name))
		failure.Hint = "a plugin's file bears its name: call it " + m.manifest.Name + ".wasm"
		return failure
	}
	m.name = m.manifest.Name
	if p.name == "" {
		if err := h.checkPin(m.name, m.sha); err != nil {
			return err
		}
	}
	return m.configure(h.options.Providers[m.name])
}

// checkPin compares a module's hash with the one the operator has pinned.
func (h *Host) checkPin(name, sha string) *spec.Error {
	pin := h.options.Providers[name].SHA256
	if pin == "" || strings.EqualFold(pin, sha) {
		return nil
	}
	return &spec.Error{Kind: spec.KindPlugin, Message: "the plugin's SHA-256 is " + sha + "; pinned is " + clean(pin, 64),
		Hint: "another file bears this name, or the pin of providers." + name + ".sha256 is out of date"}
}

// readModule reads a plugin's file, no more of it than the limit and a byte. What
// is no file is refused before it is opened, and again once it is: a pipe would hold
// whoever opens it until somebody writes.
func (h *Host) readModule(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, noFile(path)
	}
	file, err := openAtOnce(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, noFile(path)
	}
	most := int64(h.limits.ModuleBytes) + 1
	// Read into what grows as it comes, it would take several times the room.
	code := bytes.NewBuffer(make([]byte, 0, min(info.Size(), most)+bytes.MinRead))
	_, err = code.ReadFrom(io.LimitReader(file, most))
	return code.Bytes(), err
}

func noFile(path string) error {
	return &os.PathError{Op: "read", Path: path, Err: errors.New("it is no regular file")}
}
