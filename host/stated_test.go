package host

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/wasm"
	"github.com/exatlas/atlas/plugins/builtin"
)

// labelled is a plugin in whose file stands this manifest.
func labelled(t *testing.T, module, manifest []byte) []byte {
	t.Helper()
	module, err := wasm.WithLabel(module, manifest)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func TestStated_TellsWhatALoadedPluginTellsWithoutLoadingIt(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "acme.wasm"), labelled(t, answering("acme", `{"value":{"id":"1"}}`), manifestOf("acme", nil)))
	list := builtins(t)
	for i, m := range builtin.List() {
		list[i].Label = m.Label
	}
	h := newHost(t, Options{Dir: dir, Builtin: list, Network: newFakeNetwork(reply(200, "")), Providers: map[string]ProviderOptions{
		"runpod": {BaseURL: "http://127.0.0.1:1"}, "vast": {Hosts: []string{"console.vast.ai"}}}})
	before := h.Infos(context.Background())
	manifests := map[string]*spec.Manifest{}
	for _, name := range h.Names() {
		m, err := h.Manifest(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		manifests[name] = m
	}
	if s := h.Stats(); s.Compiled != 0 || len(before) != len(list)+1 {
		t.Errorf("%+v after %d plugins were described", s, len(before))
	}
	for _, name := range h.Names() {
		_, _ = h.Call(context.Background(), spec.Call{Provider: name, Operation: spec.OpGet, Request: spec.Raw(`{"id":"1"}`), Key: spec.NewSecret(canary)})
		m, err := h.Manifest(context.Background(), name)
		if err != nil || !reflect.DeepEqual(m, manifests[name]) || m == manifests[name] {
			t.Errorf("%s says %+v of itself, its file %+v; %v", name, m, manifests[name], err)
		}
	}
	if after := h.Infos(context.Background()); h.Stats().Compiled != len(list)+1 || !reflect.DeepEqual(before, after) {
		t.Errorf("%+v\n%+v", before, after)
	}
}

// Who has gone has nothing loaded: the compiling cannot be stopped, and closing the host
// would wait for it.
func TestStated_LoadsNothingForWhoHasGone(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	unlabelled := small("acme")
	var opened atomic.Int32
	open := unlabelled.Open
	unlabelled.Open = func() ([]byte, error) { opened.Add(1); return open() }
	h := newHost(t, Options{Builtin: []Plugin{unlabelled}, Network: newFakeNetwork(reply(200, ""))})
	if infos := h.Infos(gone); len(infos) != 1 || infos[0].Version != "" {
		t.Errorf("%+v", infos)
	}
	if err := h.Close(t.Context()); err != nil || opened.Load() != 0 {
		t.Errorf("it was opened %d times; %v", opened.Load(), err)
	}
}

func TestStated_LoadsAPluginWhoseFileTellsNothing(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "acme.wasm"), answering("acme", `{"value":{"id":"1"}}`))
	h := newHost(t, Options{Dir: dir, Network: newFakeNetwork(reply(200, ""))})
	if m, err := h.Manifest(context.Background(), "acme"); err != nil || m.Name != "acme" || h.Stats().Compiled != 1 {
		t.Errorf("%+v %v %+v", m, err, h.Stats())
	}
}

func TestStated_RefusesAPluginThatSaysOtherwise(t *testing.T) {
	for member, edit := range map[string]func(map[string]any){
		"hosts": func(m map[string]any) { m["hosts"] = []string{"api.other.example"} },
		"credential": func(m map[string]any) {
			m["credential"] = map[string]any{"env": []string{"ACME_KEY"}, "header": "x-key"}
		},
		"rate_limits":    func(m map[string]any) { m["rate_limits"] = []map[string]any{{"requests": 1, "window_ms": 7}} },
		"version":        func(m map[string]any) { m["version"] = "2" },
		"listing_lag_ms": func(m map[string]any) { m["listing_lag_ms"] = 7 },
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "acme.wasm"), labelled(t, answering("acme", `{"value":{"id":"1"}}`), manifestOf("acme", edit)))
		network := newFakeNetwork(reply(200, ""))
		h := newHost(t, Options{Dir: dir, Network: network})
		if _, err := h.Manifest(context.Background(), "acme"); err != nil || h.Stats().Compiled != 0 {
			t.Errorf("%s: %v %+v", member, err, h.Stats())
		}
		_, err := h.Call(context.Background(), callOf("acme"))
		expect(t, err, spec.KindPlugin, "label", "otherwise", "of its "+member, "exatlas plugin label")
		_, err = h.Manifest(context.Background(), "acme")
		expect(t, err, spec.KindPlugin, "label", member)
		if infos := h.Infos(context.Background()); infos[0].Version != "" || network.seen.Load() != 0 {
			t.Errorf("%s: %+v, %d requests", member, infos, network.seen.Load())
		}
	}
}

func TestStated_RefusesALabelThatIsWrong(t *testing.T) {
	module := answering("acme", `{"value":{"id":"1"}}`)
	good := labelled(t, module, manifestOf("acme", nil))
	for why, file := range map[string][]byte{
		"not a JSON object":  labelled(t, module, []byte(`{"name":"acme"`)),
		"larger than":        labelled(t, module, bytes.Repeat([]byte(" "), maxManifest+1)),
		"two labels":         append(bytes.Clone(good), good[len(module):]...),
		"of its name":        labelled(t, module, manifestOf("other", nil)),
		"which ABI":          labelled(t, module, []byte(`{"name":"acme"}`)),
		"cut off":            good[:len(good)-1],
		"is no full host":    labelled(t, module, manifestOf("acme", func(m map[string]any) { m["hosts"] = []string{"no host"} })),
		"has no requests or": labelled(t, module, manifestOf("acme", func(m map[string]any) { m["rate_limits"] = []map[string]any{{"requests": 0}} })),
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "acme.wasm"), file)
		h := newHost(t, Options{Dir: dir, Network: newFakeNetwork(reply(200, ""))})
		_, err := h.Manifest(context.Background(), "acme")
		expect(t, err, spec.KindPlugin, why)
		_, err = h.Load(context.Background(), filepath.Join(dir, "acme.wasm"), "")
		expect(t, err, spec.KindPlugin, why)
	}
}

func TestStated_HoldsPinsAndSettings(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "acme.wasm")
	write(t, path, labelled(t, answering("acme", `{"value":{"id":"1"}}`), manifestOf("acme", nil)))
	pinned := newHost(t, Options{Dir: dir, Network: newFakeNetwork(reply(200, "")), Providers: map[string]ProviderOptions{"acme": {SHA256: strings.Repeat("0", 64)}}})
	_, err := pinned.Manifest(context.Background(), "acme")
	expect(t, err, spec.KindPlugin, "pinned")
	set := newHost(t, Options{Dir: dir, Network: newFakeNetwork(reply(200, "")), Providers: map[string]ProviderOptions{"acme": {URLs: map[string]string{"nowhere": "http://127.0.0.1:1"}}}})
	_, err = set.Manifest(context.Background(), "acme")
	expect(t, err, spec.KindValidation, "nowhere")
}

// What counts is what stands in the file that is loaded, not in the one that was there
// when somebody asked.
func TestStated_ComparesAPluginWithItsOwnFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "acme.wasm")
	module := answering("acme", `{"value":{"id":"1"}}`)
	write(t, path, labelled(t, module, manifestOf("acme", func(m map[string]any) { m["version"] = "2" })))
	h := newHost(t, Options{Dir: dir, WatchEvery: -1, Network: newFakeNetwork(reply(200, ""))})
	if m, err := h.Manifest(context.Background(), "acme"); err != nil || m.Version != "2" {
		t.Fatalf("%+v %v", m, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, labelled(t, module, manifestOf("acme", nil)))
	if _, err := h.Call(context.Background(), callOf("acme")); err != nil {
		t.Error(err)
	}
	if m, err := h.Manifest(context.Background(), "acme"); err != nil || m.Version != "1" {
		t.Errorf("%+v %v", m, err)
	}
}
