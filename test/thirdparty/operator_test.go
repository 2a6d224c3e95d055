package thirdparty

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/sim"
)

// folder copies modules into a plugin folder.
func folder(t *testing.T, paths ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, path := range paths {
		code, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(path)), code, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func client(t *testing.T, settings atlas.Settings) *atlas.Client {
	t.Helper()
	settings.Plugins.CacheDir = compiled
	c, err := atlas.Open(atlas.Config{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if outcome := c.Close(10 * time.Second); outcome != atlas.OK {
			t.Errorf("close: %d", outcome)
		}
	})
	return c
}

func TestOperator_PinsAndNarrows(t *testing.T) {
	paths := modules(t)
	code, err := os.ReadFile(paths["acme_c"])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(code)
	c := client(t, atlas.Settings{
		Plugins: atlas.PluginSettings{Dir: folder(t, paths["acme_c"], paths["acme_as"])},
		Providers: map[string]atlas.ProviderSettings{
			"acme_c":  {SHA256: hex.EncodeToString(sum[:]), Hosts: []string{"eu.acmecompute.invalid"}, APIKey: atlas.NewSecret("key-1")},
			"acme_as": {SHA256: strings.Repeat("0", 64)},
		},
	})
	list, err := c.Providers.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, p := range list {
		switch p.Name {
		case "acme_c":
			seen++
			if p.Error != nil || !p.Pinned || !p.Narrowed || len(p.Hosts) != 0 || len(p.Addresses) != 0 {
				t.Errorf("%+v", p)
			}
		case "acme_as":
			seen++
			if p.Error == nil || p.Error.Kind != atlas.KindPlugin || !strings.Contains(p.Error.Message, "pinned") || p.Limits != nil {
				t.Errorf("a file that is not the pinned one is listed as %+v", p)
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d of 2 are listed", seen)
	}
	_, err = c.Compute.Get(t.Context(), atlas.IDParams{Target: atlas.Target{Provider: "acme_c"}, ID: "m-1"})
	if atlas.KindOf(err) != atlas.KindPlugin || !strings.Contains(err.Error(), "may not reach https://api.acmecompute.invalid") {
		t.Errorf("a host that the operator took away was asked: %v", err)
	}
}

// TestLogs_OfAPluginAreEvents lets a plugin on Extism's PDK log a line and write
// another to its standard error.
func TestLogs_OfAPluginAreEvents(t *testing.T) {
	module := filepath.Join(t.TempDir(), "pdk.wasm")
	shell(t, root, []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"}, "go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", module, "./test/guests/pdk")
	const key = "key-CANARY-5b1d"
	c := client(t, atlas.Settings{Plugins: atlas.PluginSettings{Dir: folder(t, module)}, Limits: atlas.LimitSettings{Queue: 4},
		Providers: map[string]atlas.ProviderSettings{"pdk": {APIKey: atlas.NewSecret(key)}}})
	lines, err := c.Events.Subscribe(t.Context(), atlas.SubscribeParams{Topic: atlas.TopicProviderLogs})
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	ask := func(id string) {
		_, _ = c.Compute.Get(t.Context(), atlas.IDParams{Target: atlas.Target{Provider: "pdk"}, ID: id}) // what it answers is no compute
	}
	next := func() (event string, said struct {
		Provider, Level, Line string
		Count                 int
	}) {
		t.Helper()
		e, err := lines.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(e.Data), key) {
			t.Errorf("a line shows the credential: %s", e.Data)
		}
		if err := json.Unmarshal(e.Data, &said); err != nil {
			t.Fatal(err)
		}
		return e.Name, said
	}
	ask("log hello there")
	for _, want := range []struct{ level, line string }{{"warn", "hello there"}, {"info", "standard error: hello there"}} {
		if event, said := next(); event != "line" || said.Provider != "pdk" || said.Level != want.level || said.Line != want.line {
			t.Errorf("%s %+v, want %+v", event, said, want)
		}
	}
	ask("log " + strings.Repeat("x", 10_000))
	for _, level := range []string{"warn", "info"} { // the second is cut in two
		if event, said := next(); event != "line" || said.Level != level || len(said.Line) != 4096 {
			t.Errorf("%s %s of %d bytes", event, said.Level, len(said.Line))
		}
	}
	for range 2 {
		next()
	}
	ask("shout lorem")
	ask("log at last")
	for range 4 {
		if event, said := next(); event != "line" || !strings.HasPrefix(said.Line, "loremlorem") {
			t.Errorf("%s %.40q", event, said.Line)
		}
	}
	ask("log after the flood")
	if event, said := next(); event != "dropped" || said.Count < 100 {
		t.Errorf("%s %+v: lines that nobody took are not counted", event, said)
	}
}

// TestThree_ListLargeAccounts lists an account that no provider answers at once.
func TestThree_ListLargeAccounts(t *testing.T) {
	const machines = 1150
	paths := modules(t)
	server, err := sim.Start("acme", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	for n := range machines {
		request, err := http.NewRequestWithContext(t.Context(), "POST", server.URL()+"/v1/machines", strings.NewReader(fmt.Sprintf(`{"name":"m-%d","size":"l40s-1"}`, n)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer key-1")
		answer, err := web.Do(request)
		if err != nil || answer.StatusCode != 201 {
			t.Fatal(answer, err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	for name, path := range paths {
		c := client(t, atlas.Settings{Plugins: atlas.PluginSettings{Dir: folder(t, path)}, Providers: map[string]atlas.ProviderSettings{name: {BaseURL: server.URL(), APIKey: atlas.NewSecret("key-1")}}})
		list, err := c.Compute.List(t.Context(), atlas.ListParams{Target: atlas.Target{Provider: name}})
		if err != nil || len(list.Items) != machines || list.Items[machines-1].Name != fmt.Sprintf("m-%d", machines-1) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		seen := map[string]bool{}
		for _, m := range list.Items {
			seen[m.ID] = true
		}
		if len(seen) != machines {
			t.Errorf("%s: %d different machines of %d", name, len(seen), machines)
		}
	}
}
