package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func TestHost_FindsPluginsInItsFolder(t *testing.T) {
	dir := t.TempDir()
	sum := write(t, filepath.Join(dir, "acme.wasm"), answering("acme", `{"value":{"id":"1"}}`))
	write(t, filepath.Join(dir, "broken.wasm"), []byte("no module"))
	write(t, filepath.Join(dir, "other.wasm"), answering("another", `{"value":{}}`))
	write(t, filepath.Join(dir, "notes.txt"), []byte("not a plugin"))
	h := newHost(t, Options{Dir: dir, Network: newFakeNetwork(reply(200, ""))})
	if names := h.Names(); !reflect.DeepEqual(names, []string{"acme", "broken", "other"}) {
		t.Errorf("names are %v", names)
	}
	infos := h.Infos(context.Background())
	want := Info{Name: "acme", Version: "1", ABI: 1, Source: SourceDir, Path: filepath.Join(dir, "acme.wasm"), SHA256: sum,
		Rights: infos[0].Rights, EntryTime: 2 * time.Second, Instances: 16}
	if len(infos) != 3 || !reflect.DeepEqual(infos[0], want) {
		t.Errorf("infos are %+v", infos)
	}
	if infos[1].Version != "" {
		t.Errorf("a broken plugin has a version: %+v", infos[1])
	}
	m, err := h.Manifest(context.Background(), "acme")
	if err != nil || !reflect.DeepEqual(m.Operations, []string{spec.OpGet}) {
		t.Errorf("%+v %v", m, err)
	}
	_, err = h.Manifest(context.Background(), "broken")
	expect(t, err, spec.KindPlugin, "broken")
	_, err = h.Manifest(context.Background(), "other")
	expect(t, err, spec.KindPlugin, "another", "not other", "call it another.wasm")
	_, err = h.Manifest(context.Background(), "nobody")
	expect(t, err, spec.KindValidation, "nobody", "acme")
}

func TestNew_RefusesABadFolder(t *testing.T) {
	_, err := New(Options{Dir: filepath.Join(t.TempDir(), "absent")})
	expect(t, err, spec.KindValidation, "plugins.dir")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Bad Name.wasm"), nil)
	_, err = New(Options{Dir: dir})
	expect(t, err, spec.KindValidation, "Bad Name")
	dir = t.TempDir()
	write(t, filepath.Join(dir, "runpod.wasm"), nil)
	_, err = New(Options{Dir: dir, Builtin: builtins(t)})
	expect(t, err, spec.KindConflict, "built in", "providers.runpod.sha256")
}

func TestLoad_ChecksHashesAndNames(t *testing.T) {
	good := answering("acme", `{"value":{"id":"1"}}`)
	fake := answering("runpod", `{"value":{"id":"stolen"}}`)
	dir := t.TempDir()
	sum := write(t, filepath.Join(dir, "a.wasm"), good)
	fakeSum := write(t, filepath.Join(dir, "r.wasm"), fake)
	h := newHost(t, Options{Builtin: builtins(t), Network: newFakeNetwork(reply(200, pod)), Providers: map[string]ProviderOptions{"pinned": {SHA256: sum}}})
	ctx := context.Background()
	if info, err := h.Load(ctx, filepath.Join(dir, "a.wasm"), strings.ToUpper(sum)); err != nil || info.Name != "acme" || info.Source != SourceLoaded || info.SHA256 != sum {
		t.Errorf("%+v %v", info, err)
	}
	_, err := h.Load(ctx, filepath.Join(dir, "a.wasm"), fakeSum)
	expect(t, err, spec.KindPlugin, sum, fakeSum)
	_, err = h.Load(ctx, filepath.Join(dir, "absent.wasm"), "")
	expect(t, err, spec.KindNotFound, "there is no file", "absent.wasm")
	_, err = h.Load(ctx, filepath.Join(dir, "r.wasm"), "")
	expect(t, err, spec.KindConflict, "built in")
	write(t, filepath.Join(dir, "p.wasm"), answering("pinned", `{"value":{}}`))
	_, err = h.Load(ctx, filepath.Join(dir, "p.wasm"), "")
	expect(t, err, spec.KindPlugin, "pinned is", sum)
	if s := h.Stats(); s.Instances > 2 {
		t.Errorf("refused plugins have left something: %+v", s)
	}

	pinned := newHost(t, Options{Builtin: builtins(t), Network: newFakeNetwork(reply(200, pod)), Providers: map[string]ProviderOptions{"runpod": {SHA256: fakeSum}}})
	_, err = pinned.Call(ctx, getCall())
	expect(t, err, spec.KindPlugin, fakeSum)
	if _, err := pinned.Load(ctx, filepath.Join(dir, "r.wasm"), ""); err != nil {
		t.Error(err)
	}
	if value, err := pinned.Call(ctx, getCall()); err != nil || string(value) != `{"id":"stolen"}` {
		t.Errorf("%s %v", value, err)
	}
}

func TestReload_LetsCallsInFlightFinish(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "acme.wasm")
	write(t, path, asking("acme", requestMeta("https://api.example.com/", nil), nil))
	arrived, gate := make(chan struct{}), make(chan struct{})
	h := newHost(t, Options{Dir: dir, Network: newFakeNetwork(func(ctx context.Context, k spec.Secret, r *egress.Request) (*egress.Response, *egress.Failure) {
		close(arrived)
		<-gate
		return reply(200, "{}")(ctx, k, r)
	})})
	old := make(chan string)
	go func() {
		value, err := h.Call(context.Background(), callOf("acme"))
		old <- fmt.Sprint(string(value), err)
	}()
	<-arrived
	write(t, path, []byte("broken"))
	_, err := h.Reload(context.Background(), "acme")
	expect(t, err, spec.KindPlugin)
	write(t, path, answering("acme", `{"value":{"id":"new"}}`))
	if _, err := h.Reload(context.Background(), "acme"); err != nil {
		t.Fatal(err)
	}
	if value, err := h.Call(context.Background(), callOf("acme")); err != nil || string(value) != `{"id":"new"}` {
		t.Errorf("%s %v", value, err)
	}
	close(gate)
	if got := <-old; got != `{"id":"x"}<nil>` {
		t.Errorf("the old call ends with %s", got)
	}
	if s := h.Stats(); s.Instances != 1 {
		t.Errorf("the old plugin is still there: %+v", s)
	}
	_, err = h.Reload(context.Background(), "nobody")
	expect(t, err, spec.KindValidation)
}

func TestClose_CancelsCallsAndRefusesNewOnes(t *testing.T) {
	arrived := make(chan struct{}, 50)
	h, err := New(Options{Builtin: builtins(t), CacheDir: compiled, Network: newFakeNetwork(func(ctx context.Context, _ spec.Secret, _ *egress.Request) (*egress.Response, *egress.Failure) {
		arrived <- struct{}{}
		<-ctx.Done()
		return nil, &egress.Failure{Error: ended(ctx), Sent: true}
	})})
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan error, 50)
	for range 50 {
		go func() {
			_, err := h.Call(context.Background(), getCall())
			results <- err
		}()
	}
	for range 50 {
		<-arrived
	}
	if err := h.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		expect(t, <-results, spec.KindCancelled)
	}
	_, err = h.Call(context.Background(), getCall())
	expect(t, err, spec.KindCancelled, "closing")
	_, err = h.Manifest(context.Background(), "runpod")
	expect(t, err, spec.KindCancelled)
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if s := h.Stats(); s != (Stats{}) {
		t.Errorf("something is left: %+v", s)
	}
}

func TestClose_WhileAPluginIsLoading(t *testing.T) {
	for range 5 {
		h, err := New(Options{Builtin: builtins(t), Network: newFakeNetwork(reply(200, pod))})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := h.Call(context.Background(), getCall())
			done <- err
		}()
		if err := h.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			expect(t, err, spec.KindCancelled)
		}
		if s := h.Stats(); s.Memory != 0 || s.Instances != 0 {
			t.Errorf("something is left: %+v", s)
		}
	}
}

func TestCall_EndsWithItsContext(t *testing.T) {
	h := newHost(t, Options{Builtin: builtins(t), Network: newFakeNetwork(func(ctx context.Context, _ spec.Secret, _ *egress.Request) (*egress.Response, *egress.Failure) {
		<-ctx.Done()
		return nil, &egress.Failure{Error: ended(ctx), Sent: true}
	})})
	if _, err := h.Manifest(context.Background(), "runpod"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := h.Call(ctx, getCall())
	expect(t, err, spec.KindTimeout)
	_, err = h.Call(ctx, getCall())
	expect(t, err, spec.KindTimeout)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = h.Call(gone, getCall())
	expect(t, err, spec.KindCancelled)
}

// TestHost_LoadsNoPluginThatWasReplaced has a call that has looked up a plugin which
// another replaces before anybody has used it: nobody would let go of its code.
func TestHost_LoadsNoPluginThatWasReplaced(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "acme.wasm"), answering("acme", `{"value":{}}`))
	h := newHost(t, Options{Dir: dir, WatchEvery: -1, Network: newFakeNetwork(reply(200, ""))})
	looked := h.plugins["acme"]
	if _, err := h.Reload(context.Background(), "acme"); err != nil {
		t.Fatal(err)
	}
	if m, failure := h.wait(context.Background(), looked); m != nil || failure != nil {
		t.Errorf("%v %v", m, failure)
	}
	if m, failure := h.acquire(context.Background(), "acme"); failure != nil {
		t.Error(failure)
	} else {
		m.release()
	}
}
