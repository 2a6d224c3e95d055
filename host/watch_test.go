package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// changes collects what a watcher tells.
type changes struct {
	mu   sync.Mutex
	list []Change
	news chan struct{}
}

func (c *changes) tell(change Change) {
	c.mu.Lock()
	c.list = append(c.list, change)
	c.mu.Unlock()
	c.news <- struct{}{}
}

// next waits for the next change.
func (c *changes) next(t *testing.T) Change {
	t.Helper()
	select {
	case <-c.news:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing changed")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list[len(c.list)-1]
}

func watched(t *testing.T, dir string, o Options) (*Host, *changes) {
	c := &changes{news: make(chan struct{}, 64)}
	o.Dir, o.WatchEvery, o.Changed = dir, 5*time.Millisecond, c.tell
	o.Network = newFakeNetwork(reply(200, pod))
	return newHost(t, o), c
}

// drop puts a file in place as a careful operator does: written aside, then
// renamed.
func drop(t *testing.T, path string, data []byte) {
	t.Helper()
	write(t, path+".part", data)
	if err := os.Rename(path+".part", path); err != nil {
		t.Fatal(err)
	}
}

func ask(h *Host, name string) (string, error) {
	value, err := h.Call(context.Background(), spec.Call{Provider: name, Operation: spec.OpGet, Request: spec.Raw(`{"id":"x"}`)})
	return string(value), err
}

func TestWatch_TakesInReplacesAndRemovesPlugins(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "acme.wasm")
	h, c := watched(t, dir, Options{})
	drop(t, path, answering("acme", `{"value":{"id":"1"}}`))
	if change := c.next(t); change.What != ChangeAdded || change.Provider != "acme" || change.Info.SHA256 == "" || change.Info.Source != SourceDir || change.Path != path {
		t.Fatalf("%+v", change)
	}
	if value, err := ask(h, "acme"); value != `{"id":"1"}` || err != nil {
		t.Errorf("%s %v", value, err)
	}
	drop(t, path, answering("acme", `{"value":{"id":"2"}}`))
	if change := c.next(t); change.What != ChangeReplaced {
		t.Fatalf("%+v", change)
	}
	if value, err := ask(h, "acme"); value != `{"id":"2"}` || err != nil {
		t.Errorf("%s %v", value, err)
	}
	for name, bad := range map[string][]byte{
		"no module at all":      []byte("rubbish"),
		"another's name":        answering("other", `{"value":{}}`),
		"an operation of noise": answering("acme", `noise`),
	} {
		drop(t, path, bad)
		if change := c.next(t); change.What != ChangeRefused || change.Err == nil {
			t.Fatalf("%s: %+v", name, change)
		}
		if value, err := ask(h, "acme"); value != `{"id":"2"}` || err != nil {
			t.Errorf("after %s the old plugin answers %s %v", name, value, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if change := c.next(t); change.What != ChangeRemoved || len(h.Names()) != 0 {
		t.Fatalf("%+v, names %v", change, h.Names())
	}
}

func TestWatch_RefusesWhatItMustNotTakeIn(t *testing.T) {
	dir := t.TempDir()
	h, c := watched(t, dir, Options{Builtin: builtins(t), Providers: map[string]ProviderOptions{"pinned": {SHA256: strings.Repeat("0", 64)}}})
	drop(t, filepath.Join(dir, "Bad Name.wasm"), answering("acme", `{"value":{}}`))
	change := c.next(t)
	expect(t, change.Err, spec.KindValidation, "Bad Name")
	drop(t, filepath.Join(dir, "runpod.wasm"), answering("runpod", `{"value":{"id":"stolen"}}`))
	change = c.next(t)
	expect(t, change.Err, spec.KindConflict, "built in")
	elsewhere := filepath.Join(t.TempDir(), "mine.wasm")
	write(t, elsewhere, answering("acme", `{"value":{"id":"loaded"}}`))
	if _, err := h.Load(t.Context(), elsewhere, ""); err != nil {
		t.Fatal(err)
	}
	drop(t, filepath.Join(dir, "acme.wasm"), answering("acme", `{"value":{"id":"dropped"}}`))
	change = c.next(t)
	expect(t, change.Err, spec.KindConflict, "was loaded from "+elsewhere, "providers.load")
	if value, err := ask(h, "acme"); err != nil || !strings.Contains(value, "loaded") {
		t.Errorf("%s %v", value, err)
	}
	drop(t, filepath.Join(dir, "pinned.wasm"), answering("pinned", `{"value":{}}`))
	change = c.next(t)
	expect(t, change.Err, spec.KindPlugin, "SHA-256")
	if names := strings.Join(h.Names(), " "); strings.Contains(names, "pinned") || !strings.Contains(names, "runpod") {
		t.Errorf("names are %s", names)
	}
	if value, err := ask(h, "runpod"); err != nil || strings.Contains(value, "stolen") {
		t.Errorf("%s %v", value, err)
	}
}

func TestWatch_CallsInFlightEndOnTheOldPlugin(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pdk.wasm")
	drop(t, path, answering("pdk", `{"value":{"id":"1"}}`))
	h, c := watched(t, dir, Options{})
	m, failure := h.acquire(context.Background(), "pdk")
	if failure != nil {
		t.Fatal(failure)
	}
	drop(t, path, answering("pdk", `{"value":{"id":"2"}}`))
	if change := c.next(t); change.What != ChangeReplaced {
		t.Fatalf("%+v", change)
	}
	call := h.newCall(context.Background(), m, spec.Secret{})
	if failure := call.setInput(spec.Call{Provider: "pdk", Operation: spec.OpGet}); failure != nil {
		t.Fatal(failure)
	}
	if value, failure := call.run(spec.OpGet); failure != nil || string(value) != `{"id":"1"}` {
		t.Errorf("a call that began before the change: %s %v", value, failure)
	}
	call.free()
	m.release()
	if value, err := ask(h, "pdk"); value != `{"id":"2"}` || err != nil {
		t.Errorf("a call after it: %s %v", value, err)
	}
}

func TestWatch_LeavesAFileAloneThatIsBeingWritten(t *testing.T) {
	dir := t.TempDir()
	w := newWatcher(&Host{options: Options{Dir: dir}})
	var told []Change
	w.host.options.Changed = func(c Change) { told = append(told, c) }
	path := filepath.Join(dir, "Not-Valid.wasm") // refused by name, before anything is loaded
	for size := 1; size <= 4; size++ {
		write(t, path, make([]byte, size))
		w.round()
		if len(told) != 0 {
			t.Fatalf("taken while it grew to %d bytes", size)
		}
	}
	w.round()
	w.round()
	if len(told) != 1 || told[0].What != ChangeRefused {
		t.Errorf("told %+v", told)
	}
}

// TestWatch_TriesAFileAgainThatCouldNotBeRead: a change of its rights, or a process
// that has descriptors again, changes neither size nor time of the file.
func TestWatch_TriesAFileAgainThatCouldNotBeRead(t *testing.T) {
	dir := t.TempDir()
	told := &changes{news: make(chan struct{}, 64)}
	h := newHost(t, Options{Dir: dir, WatchEvery: -1, Changed: told.tell, Network: newFakeNetwork(reply(200, pod))})
	read, closed := h.read, true
	h.read = func(path string) ([]byte, error) {
		if closed {
			return nil, os.ErrPermission
		}
		return read(path)
	}
	w := newWatcher(h)
	drop(t, filepath.Join(dir, "late.wasm"), answering("late", `{"value":{"id":"x"}}`))
	for range 4 {
		w.round()
	}
	if len(told.list) != 1 || told.list[0].What != ChangeRefused || !strings.Contains(told.list[0].Err.Message, "permission") {
		t.Fatalf("while it cannot be read: %+v", told.list)
	}
	closed = false
	for range 2 {
		w.round()
	}
	if len(told.list) != 2 || told.list[1].What != ChangeAdded {
		t.Fatalf("once it can be read: %+v", told.list)
	}
	if value, err := ask(h, "late"); err != nil || value != `{"id":"x"}` {
		t.Errorf("%s %v", value, err)
	}
}

// by returns a host whose folder nobody watches but the test.
func by(t *testing.T, dir string) (*Host, *watcher, *[]Change) {
	var told []Change
	h := newHost(t, Options{Dir: dir, WatchEvery: -1, Network: newFakeNetwork(reply(200, pod)), Changed: func(c Change) { told = append(told, c) }})
	return h, newWatcher(h), &told
}

func TestWatch_KeepsAPluginWhoseFileCannotBeLookedAt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "acme.wasm")
	write(t, path, answering("acme", `{"value":{"id":"1"}}`))
	h, w, told := by(t, dir)
	if err := os.Rename(path, path+".aside"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("acme.wasm", path); err != nil { // a link to itself cannot be followed
		t.Skip("no links here: ", err)
	}
	w.round()
	if len(*told) != 0 || len(h.Names()) != 1 {
		t.Errorf("%+v, left are %v", *told, h.Names())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if w.round(); len(*told) != 1 || (*told)[0].What != ChangeRemoved {
		t.Errorf("%+v", *told)
	}
}

func TestWatch_TakesInAFileThatCameWhileTheHostWasMade(t *testing.T) {
	dir := t.TempDir()
	h := newHost(t, Options{Dir: dir, WatchEvery: -1, Network: newFakeNetwork(reply(200, pod))})
	write(t, filepath.Join(dir, "acme.wasm"), answering("acme", `{"value":{"id":"1"}}`))
	w := newWatcher(h)
	for range 2 {
		w.round()
	}
	if value, err := ask(h, "acme"); value != `{"id":"1"}` || err != nil {
		t.Errorf("%s %v", value, err)
	}
}

func TestWatch_LeavesAPluginThatWasLoadedMeanwhile(t *testing.T) {
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "mine.wasm")
	h, w, told := by(t, dir)
	write(t, elsewhere, answering("acme", `{"value":{"id":"loaded"}}`))
	write(t, filepath.Join(dir, "acme.wasm"), answering("acme", `{"value":{"id":"folder"}}`))
	read := h.read
	h.read = func(path string) ([]byte, error) {
		if path != elsewhere {
			if _, err := h.Load(context.Background(), elsewhere, ""); err != nil {
				t.Error(err)
			}
		}
		return read(path)
	}
	for range 2 {
		w.round()
	}
	if value, err := ask(h, "acme"); value != `{"id":"loaded"}` || err != nil {
		t.Errorf("%s %v", value, err)
	}
	if len(*told) != 1 || (*told)[0].What != ChangeRefused || (*told)[0].Err == nil {
		t.Errorf("%+v", *told)
	}
}
