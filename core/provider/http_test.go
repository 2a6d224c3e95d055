package provider

import (
	"context"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

// plain is a back end whose providers need no credential.
type plain struct{ last spec.Call }

func (p *plain) Call(_ context.Context, call spec.Call) (spec.Raw, error) {
	p.last = call
	return nil, nil
}
func (p *plain) Manifest(_ context.Context, name string) (*spec.Manifest, error) {
	return &spec.Manifest{Name: name}, nil
}
func (p *plain) Names() []string { return []string{"acme", "other"} }

func TestHTTP_OfACallComesBeforeTheConfigurationsAndOutlivesItNot(t *testing.T) {
	b := &plain{}
	d := NewDirectory(b, Settings{Default: "acme", HTTP: map[string]spec.HTTP{"acme": {TimeoutMS: 1000, Attempts: 2}}})
	for _, row := range []struct {
		provider  string
		own       *spec.HTTP
		want, std spec.HTTP
	}{
		{"", nil, spec.HTTP{TimeoutMS: 1000, Attempts: 2}, spec.HTTP{TimeoutMS: 1000, Attempts: 2}},
		{"", &spec.HTTP{Attempts: 5}, spec.HTTP{TimeoutMS: 1000, Attempts: 5}, spec.HTTP{TimeoutMS: 1000, Attempts: 2}},
		{"other", &spec.HTTP{TimeoutMS: 300}, spec.HTTP{TimeoutMS: 300}, spec.HTTP{}},
		{"other", nil, spec.HTTP{}, spec.HTTP{}},
	} {
		a, err := d.At(context.Background(), Target{Provider: row.provider, HTTP: row.own})
		if err != nil || a.HTTP != row.want || a.Standing().HTTP != row.std {
			t.Errorf("%+v: %+v, standing %+v, %v", row, a.HTTP, a.Standing().HTTP, err)
		}
		if _, err := Do[struct{}](context.Background(), b, a, spec.OpGet, nil, false); err != nil || b.last.HTTP != row.want {
			t.Errorf("%+v: called with %+v, %v", row, b.last.HTTP, err)
		}
		all, err := d.FindAll(context.Background(), Targets{Provider: []string{"acme", "other"}, HTTP: row.own})
		if err != nil || len(all) != 2 || row.own != nil && all[1].HTTP != *row.own {
			t.Errorf("several: %+v %v", all, err)
		}
	}
}
