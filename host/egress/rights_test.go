package egress

import (
	"slices"
	"testing"
)

func TestRights_TellWhatIsInForce(t *testing.T) {
	c := New(Options{})
	defer c.Close()
	for name, row := range map[string]struct {
		hosts, narrow, operator []string
		want                    []string
		narrowed                bool
		base                    []string
	}{
		"all of the manifest's":     {[]string{"api.acme.com", "*.acme.net:8443"}, nil, nil, []string{"api.acme.com", "*.acme.net:8443"}, false, nil},
		"one of two":                {[]string{"api.acme.com", "jobs.acme.com"}, []string{"api.acme.com"}, nil, []string{"api.acme.com"}, true, nil},
		"a part of a wildcard":      {[]string{"*.acme.com"}, []string{"api.acme.com", "eu.acme.com", "api.other.com"}, nil, []string{"api.acme.com", "eu.acme.com"}, true, nil},
		"a narrowing that is wider": {[]string{"api.acme.com"}, []string{"*.acme.com"}, nil, []string{"api.acme.com"}, false, nil},
		"nothing is left":           {[]string{"api.acme.com"}, []string{"api.other.com"}, nil, []string{}, true, nil},
		"an address more":           {[]string{"api.acme.com"}, nil, []string{"http://127.0.0.1:8700/acme"}, []string{"api.acme.com"}, false, []string{"http://127.0.0.1:8700/acme"}},
	} {
		p, err := c.Policy(PolicySpec{Provider: "acme", Hosts: row.hosts, Narrow: row.narrow, Operator: row.operator})
		if err != nil {
			t.Fatal(name, err)
		}
		if r := p.Rights(); !slices.Equal(r.Hosts, row.want) || r.Narrowed != row.narrowed || !slices.Equal(r.Operator, row.base) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
