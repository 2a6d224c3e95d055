package provider

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// clouds is a backend of providers that need a credential.
type clouds struct{ called []spec.Call }

func (c *clouds) Names() []string { return []string{"lambda_labs", "runpod"} }

func (c *clouds) Manifest(_ context.Context, name string) (*spec.Manifest, error) {
	if !slices.Contains(c.Names(), name) {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "no plugin"}
	}
	return &spec.Manifest{Name: name, Credential: &spec.Credential{Env: []string{"RUNPOD_API_KEY", "LAMBDA_LABS_API_KEY"}}}, nil
}

func (c *clouds) Call(_ context.Context, call spec.Call) (spec.Raw, error) {
	c.called = append(c.called, call)
	return nil, missing
}

var missing = &spec.Error{Kind: spec.KindNotFound, Provider: "runpod", Message: "no such machine"}

func TestDirectory_FindsFurtherAccounts(t *testing.T) {
	ctx, b := context.Background(), &clouds{}
	acme, house := spec.NewSecret("key of acme"), spec.NewSecret("key of the house")
	d := NewDirectory(b, Settings{Default: "runpod:acme", Keys: map[string]spec.Secret{"runpod": house}, Accounts: map[string]spec.Secret{"runpod:acme": acme}})
	for _, row := range []struct {
		name string
		key  spec.Secret
		want spec.Secret
	}{
		{"", spec.Secret{}, acme}, {"runpod:acme", spec.Secret{}, acme}, {"runpod:acme", acme, acme}, {"runpod", spec.Secret{}, house}, {"runpod", acme, acme},
	} {
		a, err := d.Find(ctx, row.name, row.key)
		if err != nil || a.Key != row.want || a.Manifest.Name != "runpod" {
			t.Errorf("%q: %+v %v", row.name, a, err)
		}
	}
	for _, name := range []string{"runpod:other", "runpod:", "lambda_labs:acme", "rnpod:acme", ":acme"} {
		if a, err := d.Find(ctx, name, spec.Secret{}); err == nil || spec.AsError(err).Kind != spec.KindValidation {
			t.Errorf("%q: %+v %v", name, a, err)
		}
	}
	if _, err := d.Find(ctx, "runpod:acme", house); err == nil {
		t.Error("another key than the account's own is taken")
	}
	if got := d.Names(); !slices.Equal(got, []string{"lambda_labs", "runpod", "runpod:acme"}) {
		t.Errorf("names are %v", got)
	}
	all, err := d.FindAll(ctx, Targets{Provider: []string{Any}})
	if err != nil || len(all) != 1 || all[0].Provider != "runpod" {
		t.Errorf("any takes %+v %v", all, err)
	}
}

func TestDirectory_SaysThatTheConfigurationNamesAnAccountThatIsNotThere(t *testing.T) {
	ctx := context.Background()
	d := NewDirectory(&clouds{}, Settings{Default: "runpod:amce", Accounts: map[string]spec.Secret{"runpod:acme": spec.NewSecret("k")}})
	for name, want := range map[string]bool{"": true, "runpod:amce": true, "runpod:other": false} {
		_, err := d.Find(ctx, name, spec.Secret{})
		if err == nil || strings.Contains(spec.AsError(err).Hint, "default_provider says runpod:amce") != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestDo_SpeaksToThePluginByItsOwnNameAndToTheCallerByTheAccounts(t *testing.T) {
	b := &clouds{}
	a := Account{Provider: "runpod:acme", Manifest: &spec.Manifest{}, Key: spec.NewSecret("k")}
	_, err := Do[spec.Compute](context.Background(), b, a, spec.OpGet, spec.IDRequest{ID: "x"}, false)
	if len(b.called) != 1 || b.called[0].Provider != "runpod" || spec.AsError(err).Provider != "runpod:acme" {
		t.Errorf("%+v %v", b.called, err)
	}
	if missing.Provider != "runpod" || missing.Operation != "" {
		t.Errorf("the backend's own error is changed: %+v", missing)
	}
}
