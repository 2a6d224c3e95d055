package host

import (
	"context"
	"errors"
	"io/fs"
	"maps"

	"github.com/exatlas/atlas/core/spec"
)

// Manifest returns what a plugin says of itself. Where the plugin's file does not tell,
// it is compiled if that has not been done. The caller must not change it.
func (h *Host) Manifest(ctx context.Context, provider string) (*spec.Manifest, error) {
	var manifest *spec.Manifest
	err := h.admitted(ctx, provider, func(ctx context.Context) *spec.Error {
		h.mu.Lock()
		p := h.plugins[provider]
		h.mu.Unlock()
		if p != nil {
			if m := h.stated(ctx, p); m != nil {
				manifest = m.manifest
				return nil
			}
		}
		m, failure := h.acquire(ctx, provider)
		if failure != nil {
			return failure
		}
		defer m.release()
		manifest = m.manifest
		return nil
	})
	return manifest, err
}

// Infos describes all plugins, in the order of Names. Those that nobody has used and
// whose files do not tell what they are are compiled, all at the same time. Where one
// cannot be loaded its version is empty; Manifest tells why.
func (h *Host) Infos(ctx context.Context) []Info {
	h.mu.Lock()
	list := maps.Clone(h.plugins)
	h.mu.Unlock()
	for name, p := range list { // files are read beside each other
		_ = h.admitted(ctx, name, func(context.Context) *spec.Error {
			h.beginStatement(p)
			return nil
		})
	}
	stated := make(map[string]*module, len(list))
	for name, p := range list {
		_ = h.admitted(ctx, name, func(ctx context.Context) *spec.Error {
			stated[name] = h.stated(ctx, p)
			return nil
		})
		if stated[name] == nil && ctx.Err() == nil { // who asked is still there
			h.mu.Lock()
			if !h.closing {
				h.begin(p)
			}
			h.mu.Unlock()
		}
	}
	infos := make([]Info, 0, len(list))
	for _, name := range h.Names() {
		p := list[name]
		if p == nil {
			continue
		}
		info := Info{Name: name, Source: p.source, Path: p.path, SHA256: p.sha}
		_ = h.admitted(ctx, name, func(ctx context.Context) *spec.Error {
			if m := stated[name]; m != nil {
				info = m.info()
				return nil
			}
			if ctx.Err() != nil {
				return ended(ctx)
			}
			m, failure := h.wait(ctx, p)
			if m != nil {
				info = m.info()
				m.release()
			}
			return failure
		})
		infos = append(infos, info)
	}
	return infos
}

// Load adds a plugin from a file. sha256, where it is not empty, must be the
// file's. A plugin of the same name is replaced, a built-in one only where the
// operator has pinned the new one's hash.
func (h *Host) Load(ctx context.Context, path, sha256 string) (Info, error) {
	var info Info
	err := h.admitted(ctx, "", func(ctx context.Context) *spec.Error {
		p := h.filePlugin("", SourceLoaded, path)
		m, failure := h.wait(ctx, p)
		if failure != nil {
			h.retire(p)
			return missing(failure, path)
		}
		defer m.release()
		if sha256 != "" && !equalFold(sha256, m.sha) {
			m.release()
			return spec.NewError(spec.KindPlugin, "the file's SHA-256 is "+m.sha+", not "+clean(sha256, 64))
		}
		p.name = m.name
		h.mu.Lock()
		old := h.plugins[m.name]
		if old != nil && old.source == SourceBuiltin && h.options.Providers[m.name].SHA256 == "" {
			h.mu.Unlock()
			m.release()
			return taken(old)
		}
		h.plugins[m.name] = p
		h.mu.Unlock()
		if old != nil {
			h.retire(old)
		}
		info = m.info()
		return nil
	})
	return info, err
}

// Reload reads a plugin anew. Calls in flight end with the old one. Where the
// new one cannot be loaded the old one stays.
func (h *Host) Reload(ctx context.Context, name string) (Info, error) {
	var info Info
	err := h.admitted(ctx, name, func(ctx context.Context) *spec.Error {
		h.mu.Lock()
		old := h.plugins[name]
		h.mu.Unlock()
		if old == nil {
			return h.unknown(name)
		}
		p := &plugin{name: name, source: old.source, path: old.path, sha: old.sha, open: old.open, outline: old.outline}
		m, failure := h.wait(ctx, p)
		if failure != nil {
			h.retire(p)
			return missing(failure, p.path)
		}
		defer m.release()
		h.mu.Lock()
		if h.plugins[name] != old {
			h.mu.Unlock()
			m.release()
			return &spec.Error{Kind: spec.KindConflict, Message: "the plugin was replaced meanwhile", Retryable: true}
		}
		h.plugins[name] = p
		h.mu.Unlock()
		h.retire(old)
		info = m.info()
		return nil
	})
	return info, err
}

// missing is the error of a plugin whose file is not there. Only those who asked for
// the file get it: of a machine's call not_found would say that the machine is gone.
func missing(failure *spec.Error, path string) *spec.Error {
	if !errors.Is(failure.Err, fs.ErrNotExist) {
		return failure
	}
	return &spec.Error{Kind: spec.KindNotFound, Message: "there is no file " + clean(path, 300), Hint: "give the path of a .wasm file, absolute or from this process's working directory", Err: failure.Err}
}

// admitted runs f as a call, so that Close waits for it.
func (h *Host) admitted(ctx context.Context, provider string, f func(context.Context) *spec.Error) error {
	t, failure := h.admit(ctx)
	if failure == nil {
		defer h.leave(t)
		failure = f(t.ctx)
	}
	if failure == nil {
		return nil
	}
	e := *failure
	if e.Provider == "" {
		e.Provider = provider
	}
	return &e
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i]|0x20 != b[i]|0x20 {
			return false
		}
	}
	return true
}

// Limits returns the limits in force.
func (h *Host) Limits() Limits { return h.limits }
