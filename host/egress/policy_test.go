package egress

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestPolicy_AllowsWhatIsListedOnly(t *testing.T) {
	c := newClient(t)
	p := mustPolicy(t, c, PolicySpec{Hosts: []string{"api.example.com", "odd.example.com:8443", "*.proxy.example.net", "8.8.8.8"},
		Operator: []string{"http://127.0.0.1:8080/base", "https://[fd00::1]:9", "https://{id}-{port}.pods.internal.example/x"}})
	rows := []struct {
		url     string
		allowed bool
	}{
		{"https://api.example.com/v2", true}, {"https://API.EXAMPLE.COM:443/", true}, {"https://api.example.com:8443/", false}, {"http://api.example.com/", false}, {"http://api.example.com:443/", false},
		{"https://xapi.example.com/", false}, {"https://api.example.com.evil.example/", false}, {"https://example.com/", false}, {"https://sub.api.example.com/", false},
		{"https://odd.example.com:8443/", true}, {"https://odd.example.com/", false},
		{"https://a.proxy.example.net/", true}, {"https://a.b.proxy.example.net/", true}, {"https://proxy.example.net/", false}, {"https://aproxy.example.net/", false}, {"https://a.proxy.example.net:444/", false},
		{"https://8.8.8.8/", true}, {"https://8.8.4.4/", false}, {"https://1.1.1.1/", false}, {"https://127.0.0.1/", false}, {"https://169.254.169.254/", false}, {"https://localhost/", false},
		{"http://127.0.0.1:8080/v2/pods", true}, {"http://127.0.0.1:8081/", false}, {"https://127.0.0.1:8080/", false}, {"http://localhost:8080/", false}, {"https://[fd00::1]:9/", true}, {"https://[fd00::2]:9/", false},
		{"https://p1-80.pods.internal.example/", true}, {"https://pods.internal.example/", false}, {"http://p1-80.pods.internal.example/", false},
	}
	for _, row := range rows {
		err := c.Check(p, row.url)
		if (err == nil) != row.allowed {
			t.Errorf("%s: %v, want allowed %v", row.url, err, row.allowed)
		}
		if err != nil && spec.AsError(err).Kind != spec.KindPlugin {
			t.Errorf("%s: kind %s", row.url, spec.AsError(err).Kind)
		}
	}
	for _, url := range refusedURLs {
		if c.Check(p, url) == nil {
			t.Errorf("%q is allowed", url)
		}
	}
}

func TestPolicy_NarrowsHosts(t *testing.T) {
	c := newClient(t)
	p := mustPolicy(t, c, PolicySpec{Hosts: []string{"api.example.com", "*.proxy.example.net"}, Narrow: []string{"a.proxy.example.net", "evil.example"}, Operator: []string{"http://127.0.0.1:8080"}})
	for url, allowed := range map[string]bool{"https://a.proxy.example.net/": true, "https://b.proxy.example.net/": false, "https://api.example.com/": false, "https://evil.example/": false, "http://127.0.0.1:8080/": true} {
		err := c.Check(p, url)
		if (err == nil) != allowed {
			t.Errorf("%s: %v, want allowed %v", url, err, allowed)
		}
	}
	if err := spec.AsError(c.Check(p, "https://api.example.com/")); !strings.Contains(err.Message, "api.example.com") || !strings.Contains(err.Hint, "setting hosts") {
		t.Errorf("the refusal does not say what to do: %q %q", err.Message, err.Hint)
	}
}

func TestPolicy_BindsTheCredentialToItsHosts(t *testing.T) {
	c := newClient(t)
	p := mustPolicy(t, c, PolicySpec{Hosts: []string{"api.example.com", "*.proxy.example.net"}, Credential: &spec.Credential{Scheme: "Bearer", Hosts: []string{"api.example.com"}},
		Operator: []string{"http://127.0.0.1:8080", "http://127.0.0.1:8080/jobs"}, OperatorBare: []string{"http://127.0.0.1:8080/proxy/{id}/{port}", "http://127.0.0.1:9090"}})
	rows := []struct {
		url                 string
		credential, private bool
	}{
		{"https://api.example.com/", true, false}, {"https://p.proxy.example.net/", false, false},
		{"http://127.0.0.1:8080/v2/pods", true, true}, {"http://127.0.0.1:8080/jobs/v2/e/run", true, true}, {"http://127.0.0.1:8080/proxy/p/80/x", false, true}, {"http://127.0.0.1:9090/x", false, true},
	}
	for _, row := range rows {
		_, granted, refused := p.locate(row.url)
		if refused != nil || granted != (route{private: row.private, credential: row.credential}) {
			t.Errorf("%s: %+v %v", row.url, granted, refused)
		}
	}
}

func TestPolicy_RefusesSpecificationsThatCannotBeMeant(t *testing.T) {
	c := newClient(t)
	rows := []struct {
		name string
		spec PolicySpec
		kind spec.Kind
	}{
		{"everything", PolicySpec{Hosts: []string{"*"}}, spec.KindPlugin},
		{"a top-level domain", PolicySpec{Hosts: []string{"*.com"}}, spec.KindPlugin},
		{"a wildcard inside", PolicySpec{Hosts: []string{"a.*.example.com"}}, spec.KindPlugin},
		{"a path", PolicySpec{Hosts: []string{"api.example.com/v2"}}, spec.KindPlugin},
		{"a URL", PolicySpec{Hosts: []string{"https://api.example.com"}}, spec.KindPlugin},
		{"a wildcard of addresses", PolicySpec{Hosts: []string{"*.1.2.3.4"}}, spec.KindPlugin},
		{"narrowing", PolicySpec{Narrow: []string{"a b"}}, spec.KindValidation},
		{"base URL without scheme", PolicySpec{Operator: []string{"127.0.0.1:80"}}, spec.KindValidation},
		{"base URL with another scheme", PolicySpec{Operator: []string{"ftp://127.0.0.1"}}, spec.KindValidation},
		{"base URL with a user", PolicySpec{Operator: []string{"http://u@127.0.0.1"}}, spec.KindValidation},
		{"base URL for any host", PolicySpec{Operator: []string{"http://{host}/"}}, spec.KindValidation},
		{"credential for a host of nobody's", PolicySpec{Hosts: []string{"api.example.com"}, Credential: &spec.Credential{Hosts: []string{"*.example.com"}}}, spec.KindPlugin},
		{"credential in a framing header", PolicySpec{Credential: &spec.Credential{Header: "Transfer-Encoding"}}, spec.KindPlugin},
		{"credential in no header", PolicySpec{Credential: &spec.Credential{Header: "x y"}}, spec.KindPlugin},
		{"scheme with a line end", PolicySpec{Credential: &spec.Credential{Scheme: "Bearer\r\nX: y"}}, spec.KindPlugin},
		{"pace of nothing", PolicySpec{RateLimits: []spec.RateLimit{{Requests: 0, WindowMS: 1}}}, spec.KindPlugin},
	}
	for _, row := range rows {
		if _, err := c.Policy(row.spec); err == nil || spec.AsError(err).Kind != row.kind {
			t.Errorf("%s: %v, want kind %s", row.name, err, row.kind)
		}
	}
}
