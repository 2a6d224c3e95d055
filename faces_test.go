package atlas_test

import (
	"reflect"
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
