package atlas_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/dispatch"
)

// goName is a part of a method's name as Go writes it.
func goName(part string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(part, "_") {
		switch word {
		case "gpus":
			word = "GPUs"
		case "url":
			word = "URL"
		default:
			word = strings.ToUpper(word[:1]) + word[1:]
		}
		out.WriteString(word)
	}
	return out.String()
}

// methodsOf lists what a service offers, by the path that leads there.
func methodsOf(service reflect.Value, path string, into map[string]bool) {
	for i := range service.NumMethod() {
		into[path+service.Type().Method(i).Name] = true
	}
	if service.Kind() == reflect.Pointer {
		service = service.Elem()
	}
	for i := range service.NumField() {
		if f := service.Type().Field(i); f.IsExported() {
			methodsOf(service.Field(i), path+f.Name+".", into)
		}
	}
}

func TestFaces_GoHasTheMethodsOfTheTableByTheirNames(t *testing.T) {
	c := open(t, `{}`)
	offered := map[string]bool{"Info": true, "Metrics": true} // atlas.info is the client's own
	for i := range reflect.TypeOf(c).Elem().NumField() {
		if f := reflect.TypeOf(c).Elem().Field(i); f.IsExported() {
			methodsOf(reflect.ValueOf(c).Elem().Field(i), f.Name+".", offered)
		}
	}
	for _, row := range dispatch.Methods(&dispatch.Services{}).Methods() {
		if strings.HasSuffix(row.Name, ".unsubscribe") { // a Subscription is closed, as Go closes what it opens
			continue
		}
		parts := strings.Split(strings.TrimPrefix(row.Name, "atlas."), ".")
		for i := range parts {
			parts[i] = goName(parts[i])
		}
		path := strings.Join(parts, ".")
		if !offered[path] {
			t.Errorf("%s: there is no client.%s", row.Name, path)
		}
		delete(offered, path)
	}
	delete(offered, "Dashboard.Handler") // an http.Handler, which no JSON can hold
	for path := range offered {
		t.Errorf("client.%s: there is no such method in the table", path)
	}
}

func TestAuth_MintsSignsAndVerifies(t *testing.T) {
	c := open(t, `{}`)
	token, err := c.Auth.Token.Mint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{token.Token: true, token.Token + "x": false} {
		got, err := c.Auth.Token.Verify(t.Context(), atlas.VerifyTokenParams{Token: atlas.NewSecret(text), Hash: token.Hash})
		if err != nil || got.Valid != want {
			t.Errorf("token: %v %v, want %v", got, err, want)
		}
	}
	secret := atlas.NewSecret("s3cret")
	signed, err := c.Auth.URL.Sign(t.Context(), atlas.SignParams{URL: "https://pod.example/run", Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Auth.URL.Verify(t.Context(), atlas.VerifyURLParams{URL: signed.URL, Secret: secret}); err != nil || !got.Valid {
		t.Errorf("url: %v %v", got, err)
	}
	if _, err := c.Auth.Token.Verify(t.Context(), atlas.VerifyTokenParams{}); atlas.KindOf(err) != atlas.KindValidation {
		t.Errorf("no params: %v", err)
	}
	c.Close(-1)
	if _, err := c.Auth.Token.Mint(t.Context()); atlas.KindOf(err) != atlas.KindCancelled {
		t.Errorf("closed: %v", err)
	}
}

// TestProviders_AreCallsAsAllOthers holds what the JSON face says of these methods
// against what the typed one does.
func TestProviders_AreCallsAsAllOthers(t *testing.T) {
	c := open(t, `{}`)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func(ctx context.Context, name string) error{
		"providers.list": func(ctx context.Context, _ string) error { _, err := c.Providers.List(ctx); return err },
		"providers.capabilities": func(ctx context.Context, name string) error {
			_, err := c.Providers.Capabilities(ctx, name)
			return err
		},
		"providers.load":   func(ctx context.Context, name string) error { _, err := c.Providers.Load(ctx, name, ""); return err },
		"providers.reload": func(ctx context.Context, name string) error { _, err := c.Providers.Reload(ctx, name); return err },
	}
	hold := func(name, what string, err error, want atlas.Kind) {
		t.Helper()
		var e *atlas.Error
		if !errors.As(err, &e) || e.Kind != want || e.Operation != name {
			t.Errorf("%s, %s: %v, want %s of it", name, what, err, want)
		}
	}
	for name, call := range calls {
		if name != "providers.list" {
			hold(name, "no name", call(t.Context(), ""), atlas.KindValidation)
		}
	}
	if err := calls["providers.list"](ended, ""); err != nil { // where no plugin is loaded yet
		hold("providers.list", "cancelled", err, atlas.KindCancelled)
	}
	if text := c.Metrics().Text; !strings.Contains(text, `atlas_calls_total{method="providers.list"`) {
		t.Errorf("the metrics do not count them: %s", text)
	}
	c.Close(-1)
	for name, call := range calls {
		hold(name, "closed", call(t.Context(), "mock"), atlas.KindCancelled)
	}
}

func TestSpawn_LeavesTheParamsOfItsCallerAlone(t *testing.T) {
	c := open(t, `{"default_provider":"mock"}`)
	given := []atlas.PortRequest{{Internal: 8000}, {Internal: 22, Symmetric: true}}
	p := atlas.SpawnParams{GPU: []string{"h100"}, Image: "i", Ports: slices.Clone(given), Env: map[string]string{"1": "refused, so that nothing is sent"}}
	if _, err := c.Compute.Spawn(t.Context(), p); atlas.KindOf(err) != atlas.KindValidation || !slices.Equal(p.Ports, given) {
		t.Errorf("%+v, want %+v (%v)", p.Ports, given, err)
	}
}
