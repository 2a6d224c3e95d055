package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// Change is what happened to a plugin of the folder.
type Change struct {
	Provider string
	Path     string
	What     string      // added, replaced, removed or refused
	Info     Info        // of the one in use now; zero where there is none
	Err      *spec.Error // why it was refused
}

// What may happen to a plugin of the folder.
const (
	ChangeAdded    = "added"
	ChangeReplaced = "replaced"
	ChangeRemoved  = "removed"
	ChangeRefused  = "refused"
)

// fileState tells two versions of a file apart.
type fileState struct {
	size     int64
	modified time.Time
	inode    os.FileInfo
}

func (f fileState) same(other fileState) bool {
	return f.size == other.size && f.modified.Equal(other.modified) && os.SameFile(f.inode, other.inode)
}

// watcher looks after the plugin folder. It asks for the files' sizes and times
// at a pace: that works on every file system, and costs nothing to speak of.
type watcher struct {
	host  *Host
	used  map[string]fileState // by file name: what was taken or refused
	seen  map[string]fileState // by file name: at the last look
	tried map[string]fileState // by file name: what could not be looked into, and was told of
	late  map[string]time.Time // by file name: when one was refused since it took too long
}

// watch starts the watcher.
func (h *Host) watch() {
	if h.options.Dir == "" || h.options.WatchEvery < 0 {
		return
	}
	w := newWatcher(h)
	safego.Go(&h.background, nil, func() {
		ticker := time.NewTicker(h.options.WatchEvery)
		defer ticker.Stop()
		for {
			select {
			case <-h.ctx.Done():
				return
			case <-ticker.C:
				w.round()
			}
		}
	})
}

// newWatcher makes a watcher to which the files that New has registered are no news.
// One that came after New had looked is.
func newWatcher(h *Host) *watcher {
	w := &watcher{host: h, used: map[string]fileState{}, seen: map[string]fileState{}, tried: map[string]fileState{}, late: map[string]time.Time{}}
	if files, err := w.look(); err == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		maps.DeleteFunc(files, func(file string, _ fileState) bool {
			p := h.plugins[strings.TrimSuffix(file, ".wasm")]
			return p == nil || p.source != SourceDir
		})
		w.used, w.seen = files, maps.Clone(files)
	}
	return w
}

// look reads the folder. A file that is there and cannot be looked at, as when the disk
// that a link leads to fails, is as it was.
func (w *watcher) look() (map[string]fileState, error) {
	entries, err := os.ReadDir(w.host.options.Dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string]fileState, len(entries))
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".wasm") {
			continue
		}
		info, err := os.Stat(filepath.Join(w.host.options.Dir, entry.Name()))
		if err == nil && info.Mode().IsRegular() {
			files[entry.Name()] = fileState{size: info.Size(), modified: info.ModTime(), inode: info}
		} else if old, known := w.used[entry.Name()]; known && err != nil && !errors.Is(err, fs.ErrNotExist) {
			files[entry.Name()] = old
		}
	}
	return files, nil
}

// round takes in what has changed. A file counts once it is the same in two
// looks, so that one that is still being written is left alone. One that fails in
// passing, as a file does that may not be read yet, is tried again in each round and
// told of once; one that took too long, after a pause. A folder that cannot be read says nothing about the files in it.
func (w *watcher) round() {
	files, err := w.look()
	if err != nil {
		return
	}
	for name, state := range files {
		old, known := w.used[name]
		before, again := w.seen[name]
		if known && old.same(state) && !w.due(name) || !again || !before.same(state) {
			continue
		}
		delete(w.late, name)
		change, passing := w.take(name)
		if !passing {
			w.used[name] = state
			delete(w.tried, name)
		} else if told, ok := w.tried[name]; ok && told.same(state) {
			continue
		} else {
			w.tried[name] = state
		}
		w.host.took(change)
	}
	maps.DeleteFunc(w.tried, func(name string, _ fileState) bool {
		_, there := files[name]
		return !there
	})
	for name := range w.used {
		if _, there := files[name]; !there {
			delete(w.used, name)
			delete(w.late, name)
			w.remove(name)
		}
	}
	w.seen = files
}

// due reports whether the time has come to try a file again that took too long.
func (w *watcher) due(name string) bool {
	at, late := w.late[name]
	return late && w.host.options.Clock.Now().Sub(at) >= w.host.slowPause()
}

// take checks a new file and puts it in place of the old one. Calls in flight end
// on the old one; where the new one is refused the old one stays. passing tells that
// it is refused for a reason that says nothing of the file.
func (w *watcher) take(file string) (_ Change, passing bool) {
	h := w.host
	name := strings.TrimSuffix(file, ".wasm")
	change := Change{Provider: name, Path: filepath.Join(h.options.Dir, file), What: ChangeAdded}
	refused := func(e *spec.Error, passing bool) (Change, bool) {
		change.What, change.Err = ChangeRefused, e
		return change, passing
	}
	if !spec.ValidProvider(name) {
		change.Provider = clean(name, 64)
		return refused(&spec.Error{Kind: spec.KindValidation, Message: "the plugin folder holds " + clean(file, 100), Hint: "name the file as the provider: 1 to 32 of a-z, 0-9 and underscore, then .wasm"}, false)
	}
	h.mu.Lock()
	old := h.plugins[name]
	h.mu.Unlock()
	if h.protects(name, old) {
		return refused(taken(old), false)
	}
	p := h.filePlugin(name, SourceDir, change.Path)
	m, failure := h.wait(h.ctx, p)
	if failure == nil {
		failure = m.selfTest(h.ctx)
		if failure != nil {
			m.release()
		}
	}
	if failure != nil {
		if errors.Is(failure, errSlow) {
			w.late[file] = h.options.Clock.Now()
		}
		h.retire(p)
		return refused(failure, p.attempt().passing())
	}
	defer m.release()
	change.Info = m.info()
	h.mu.Lock()
	if old = h.plugins[name]; h.protects(name, old) { // it was loaded meanwhile
		h.mu.Unlock()
		h.retire(p)
		change.Info = Info{}
		return refused(taken(old), false)
	}
	h.plugins[name] = p
	h.mu.Unlock()
	if old != nil {
		change.What = ChangeReplaced
		h.retire(old)
	}
	return change, false
}

// protects reports whether a plugin gives way to no file of the folder that the operator
// has not pinned.
func (h *Host) protects(name string, old *plugin) bool {
	return old != nil && old.source != SourceDir && h.options.Providers[name].SHA256 == ""
}

// remove forgets the plugin of a file that is gone.
func (w *watcher) remove(file string) {
	h := w.host
	name := strings.TrimSuffix(file, ".wasm")
	h.mu.Lock()
	p := h.plugins[name]
	if p == nil || p.source != SourceDir {
		h.mu.Unlock()
		return
	}
	delete(h.plugins, name)
	h.mu.Unlock()
	h.retire(p)
	h.took(Change{Provider: name, Path: p.path, What: ChangeRemoved})
}

// took tells of a change.
func (h *Host) took(c Change) {
	if h.options.Changed != nil {
		h.options.Changed(c)
	}
}

// selfTest enters every operation once with an empty request and no network. A
// plugin may answer anything, and asking for HTTP is right; trapping, hanging
// and answering nothing are not.
func (m *module) selfTest(ctx context.Context) *spec.Error {
	for _, operation := range m.manifest.Operations {
		c := m.host.newCall(ctx, m, spec.Secret{})
		failure := c.setInput(spec.Call{Provider: m.name, Operation: operation})
		if failure == nil {
			_, failure = c.run(operation)
		}
		asked := c.requested > 0
		answered := c.hasOutput && json.Valid(c.output) && bytes.Contains(c.output, []byte(`"error"`))
		c.free()
		if failure != nil && failure.Kind == spec.KindPlugin && !asked && !answered {
			e := *failure
			e.Message = "the self-test of " + operation + " failed: " + e.Message
			e.Hint = "an operation answers {\"value\":…} or {\"error\":…}, whatever it is asked; exatlas plugin test tells more"
			return &e
		}
	}
	return nil
}
