package provider

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

// bare is the backend of a program that was built without plugins.
type bare struct{ clouds }

func (*bare) Names() []string { return nil }

func (*bare) Manifest(context.Context, string) (*spec.Manifest, error) {
	return nil, &spec.Error{Kind: spec.KindValidation, Message: "no plugin"}
}

func TestDirectory_SaysWhatToDoWithoutAnyPlugin(t *testing.T) {
	ctx := context.Background()
	for _, settings := range []Settings{{}, {Default: "runpod"}} {
		d := NewDirectory(&bare{}, settings)
		for _, name := range []string{"", "runpod"} {
			if _, err := d.Find(ctx, name, spec.Secret{}); !strings.Contains(spec.AsError(err).Hint, "make plugins") {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, err := d.FindAll(ctx, Targets{Provider: []string{Any}}); !strings.Contains(spec.AsError(err).Hint, "make plugins") {
			t.Error(err)
		}
	}
}

func TestDirectory_DividesTheSentencesOfAHint(t *testing.T) {
	d := NewDirectory(&clouds{}, Settings{Default: "mycloud"})
	_, err := d.Find(context.Background(), "", spec.Secret{})
	if want := "the providers are: lambda_labs, runpod. The configuration's default_provider says mycloud"; spec.AsError(err).Hint != want {
		t.Errorf("the hint is %q", spec.AsError(err).Hint)
	}
}

func TestDirectory_SaysWhereAnyIsTaken(t *testing.T) {
	d := NewDirectory(&clouds{}, Settings{})
	_, err := d.Find(context.Background(), Any, spec.Secret{})
	if e := spec.AsError(err); e.Kind != spec.KindValidation || !strings.Contains(e.Message, "any is for spawns") || !strings.Contains(e.Hint, "lambda_labs, runpod") {
		t.Errorf("%v", e)
	}
}

// TestDirectory_LooksAtEachOfManyNamesOnce gives as many names as a request may hold:
// to hold each against all before it takes a minute, which no deadline ends.
func TestDirectory_LooksAtEachOfManyNamesOnce(t *testing.T) {
	many := make([]string, 250_000)
	for i := range many {
		many[i] = strconv.Itoa(i)
	}
	d := NewDirectory(&clouds{}, Settings{})
	for want, names := range map[string][]string{
		"no such provider": many,
		"same name twice":  append(slices.Clone(many), many[0]),
	} {
		if _, err := d.FindAll(context.Background(), Targets{Provider: names}); !strings.Contains(spec.AsError(err).Message, want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
