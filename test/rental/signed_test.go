package rental

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/sim"
)

// TestSignedURL_OfAMachinesAddressIsTakenByEveryCloud signs a path below the
// address that a machine's port has, and asks for it as a browser does. A
// simulator's address has a path of its own, which is signed with the rest.
func TestSignedURL_OfAMachinesAddressIsTakenByEveryCloud(t *testing.T) {
	for name, p := range map[string]atlas.SpawnParams{
		"runpod": {GPU: []string{"rtx_4090"}}, "mock": {GPU: []string{"rtx_4090"}}, "vast": {GPU: []string{"rtx_4090"}}, "lambda_labs": {GPU: []string{"a10"}}, "fly": {CPU: &spec.CPU{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := sim.Start(name, sim.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			client, err := atlas.Open(atlas.Config{Settings: atlas.Settings{DefaultProvider: name,
				Providers: map[string]atlas.ProviderSettings{name: {APIKey: atlas.NewSecret("signed-key-1"), BaseURL: server.URL()}},
				Plugins:   atlas.PluginSettings{CacheDir: os.TempDir() + "/exatlas-test-cache"}}})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close(10 * time.Second)
			ctx := context.Background()
			p.Image, p.Auth, p.Ports = "img", "signed_url", []spec.PortRequest{{Internal: 8000}}
			rented, err := client.Compute.Spawn(ctx, p)
			if err != nil {
				t.Fatalf("%v (%s)", err, spec.AsError(err).Hint)
			}
			machine, err := client.Compute.AwaitReady(ctx, atlas.AwaitParams{ID: rented.ID, TimeoutMS: 20_000})
			if err != nil {
				t.Fatal(err)
			}
			signed, err := client.Auth.URL.Sign(ctx, atlas.SignParams{URL: strings.TrimSuffix(machine.Ports[0].URL, "/") + "/stream", Secret: atlas.NewSecret(rented.Auth.Token)})
			if err != nil {
				t.Fatal(err)
			}
			for url, want := range map[string]int{signed.URL: 200, strings.Replace(signed.URL, "/stream", "/other", 1): 401, machine.Ports[0].URL: 401} {
				response, err := http.Get(url)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if response.StatusCode != want {
					t.Errorf("%s answered %d, want %d", url, response.StatusCode, want)
				}
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}
