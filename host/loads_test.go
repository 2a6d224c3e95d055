package host

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestHost_LoadsFewPluginsAtOneTime has more plugins in the folder than are loaded at
// one time, none of which can be read for now: a built-in one is nonetheless loaded.
// All at once they would take from each other the time in which they have to say what
// they are.
func TestHost_LoadsFewPluginsAtOneTime(t *testing.T) {
	most := loadsPerCore * runtime.GOMAXPROCS(0)
	dir := t.TempDir()
	for n := range most + 1 {
		name := caseName("p", n)
		write(t, filepath.Join(dir, name+".wasm"), answering(name, `{"value":{"id":"x"}}`))
	}
	h := newHost(t, Options{Builtin: []Plugin{small("acme")}, Dir: dir, WatchEvery: -1, Network: newFakeNetwork(reply(200, pod))})
	arrived, gate := make(chan struct{}, 2*(most+1)), make(chan struct{}) // each is read for its label, and to be loaded
	h.read = func(path string) ([]byte, error) {
		arrived <- struct{}{}
		<-gate
		return h.readModule(path)
	}
	infos := make(chan []Info)
	go func() { infos <- h.Infos(context.Background()) }()
	for range most {
		<-arrived
	}
	if _, err := h.Manifest(t.Context(), "acme"); err != nil {
		t.Errorf("the built-in plugin waits for others: %v", err)
	}
	if len(arrived) > 0 {
		t.Error("more than that are loaded at one time")
	}
	close(gate)
	for _, info := range <-infos {
		if info.Version == "" {
			_, err := h.Manifest(t.Context(), info.Name)
			t.Errorf("%s is not loaded: %v", info.Name, err)
		}
	}
}

// TestReadModule_TakesTheRoomOfTheFile reads a file that is as large as its size says.
func TestReadModule_TakesTheRoomOfTheFile(t *testing.T) {
	const size = 16 << 20
	path := filepath.Join(t.TempDir(), "large.wasm")
	write(t, path, make([]byte, size))
	h := &Host{limits: Limits{}.withDefaults()}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	code, err := h.readModule(path)
	runtime.ReadMemStats(&after)
	if err != nil || len(code) != size {
		t.Fatalf("%d bytes, %v", len(code), err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 2*size {
		t.Errorf("reading %d bytes takes %d", size, took)
	}
	h.limits.ModuleBytes = size / 2
	if code, err = h.readModule(path); err != nil || len(code) != size/2+1 {
		t.Errorf("beyond the limit: %d bytes, %v", len(code), err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if code, err = h.readModule(path); err != nil || len(code) != 0 {
		t.Errorf("of an empty file: %d bytes, %v", len(code), err)
	}
}
