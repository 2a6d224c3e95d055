package egress

import (
	"hash/maphash"
	"strings"
	"sync"

	"github.com/exatlas/atlas/core/spec"
)

// PolicySpec is what a provider's policy is made of.
type PolicySpec struct {
	Provider string
	Hosts    []string // of the manifest: host, host:port or *.domain; HTTPS only
	Narrow   []string // the operator's narrowing, same grammar; empty: none

	// Operator holds the base URLs the operator has set. Exactly their scheme,
	// host and port are allowed too, also with http and on private addresses.
	// Requests to them carry the credential, unless the URL begins with an entry
	// of OperatorBare, which is for addresses that are not the cloud's API, such
	// as the proxy in front of a rented machine. Placeholders such as {id} end
	// the part of a path that is compared; one in the first label of a host
	// stands for any label.
	Operator     []string
	OperatorBare []string

	Credential *spec.Credential
	RateLimits []spec.RateLimit
}

// Policy says where a provider's requests may go, what they carry and how fast
// they are sent.
type Policy struct {
	provider string
	hosts    []pattern
	narrow   []pattern
	operator []pattern
	bare     []pattern

	credential *spec.Credential
	header     string    // the credential's, in lower case
	scheme     string    // the credential's, with the space behind it
	bound      []pattern // hosts the credential goes to

	limits []spec.RateLimit
	seed   maphash.Seed

	mu       sync.Mutex
	accounts map[uint64]*account // by hash of the key
}

// route is what a policy grants a request.
type route struct {
	private    bool // private addresses may be dialled
	credential bool // the credential is attached
}

// Policy checks a specification and prepares it. The error is a *spec.Error of
// kind plugin where the manifest is wrong, validation where the operator is.
func (c *Client) Policy(s PolicySpec) (*Policy, error) {
	p := &Policy{provider: s.Provider, limits: s.RateLimits, seed: maphash.MakeSeed(), accounts: map[uint64]*account{}}
	var err error
	if p.hosts, err = parseAll(s.Hosts, parseHost, spec.KindPlugin, "the manifest's hosts"); err != nil {
		return nil, err
	}
	if p.narrow, err = parseAll(s.Narrow, parseHost, spec.KindValidation, "hosts"); err != nil {
		return nil, err
	}
	if p.operator, err = parseAll(s.Operator, parseBase, spec.KindValidation, "base_url or urls"); err != nil {
		return nil, err
	}
	if p.bare, err = parseAll(s.OperatorBare, parseBase, spec.KindValidation, "base_url or urls"); err != nil {
		return nil, err
	}
	for _, limit := range s.RateLimits {
		if limit.Requests <= 0 || limit.WindowMS <= 0 || limit.Burst < 0 {
			return nil, malformed("the manifest's rate_limits need requests and window_ms above 0")
		}
	}
	if s.Credential == nil {
		return p, nil
	}
	p.credential = s.Credential
	p.header, p.scheme = lower(s.Credential.Header), s.Credential.Scheme+" "
	if p.header == "" {
		p.header = "authorization"
	}
	if !token(p.header) || reserved(p.header) && p.header != "authorization" || !headerText(s.Credential.Scheme) {
		return nil, malformed("the manifest's credential names a header or scheme that cannot be sent")
	}
	if len(s.Credential.Hosts) == 0 {
		p.bound = p.hosts
		return p, nil
	}
	if p.bound, err = parseAll(s.Credential.Hosts, parseHost, spec.KindPlugin, "the manifest's credential.hosts"); err != nil {
		return nil, err
	}
	for i := range p.bound {
		covered := false
		for j := range p.hosts {
			covered = covered || p.hosts[j].covers(&p.bound[i])
		}
		if !covered {
			return nil, malformed("the manifest's credential.hosts name " + s.Credential.Hosts[i] + ", which its hosts do not")
		}
	}
	return p, nil
}

func parseAll(texts []string, parse func(string) (pattern, string), kind spec.Kind, what string) ([]pattern, error) {
	var all []pattern
	for _, text := range texts {
		one, wrong := parse(text)
		if wrong != "" {
			return nil, spec.NewError(kind, what+" name \""+printable(text)+"\": "+wrong)
		}
		all = append(all, one)
	}
	return all, nil
}

// Check reports whether the policy allows a URL: scheme, host and port. The
// error is a *spec.Error of kind plugin. Addresses are checked when they are
// dialled.
func (c *Client) Check(p *Policy, url string) error {
	if _, _, refused := p.locate(url); refused != nil {
		return refused
	}
	return nil
}

// locate takes a URL apart and finds what the policy grants it.
func (p *Policy) locate(url string) (target, route, *spec.Error) {
	t, wrong := parseURL(url)
	if wrong != "" {
		return t, route{}, malformed("the plugin asked for a URL that is refused: " + wrong)
	}
	r, ok := p.grant(&t)
	if !ok {
		return t, route{}, p.refusal(&t)
	}
	return t, r, nil
}

// grant decides. Among the operator's entries of one origin the longest path
// tells whether the credential is attached, so that base_url and a proxy below
// it can share an origin.
func (p *Policy) grant(t *target) (route, bool) {
	own, bare := longest(p.operator, t), longest(p.bare, t)
	if own >= 0 || bare >= 0 {
		return route{private: true, credential: p.credential != nil && own >= bare}, true
	}
	if !matchesAny(p.hosts, t) || len(p.narrow) > 0 && !matchesAny(p.narrow, t) {
		return route{}, false
	}
	return route{credential: p.credential != nil && matchesAny(p.bound, t)}, true
}

// longest returns the length of the longest prefix among the entries of the
// target's origin that its path begins with: 0 where only the origin matches,
// -1 where it does not.
func longest(patterns []pattern, t *target) int {
	length := -1
	for i := range patterns {
		if !patterns[i].matches(t) {
			continue
		}
		length = max(length, 0)
		if strings.HasPrefix(t.path, patterns[i].prefix) {
			length = max(length, len(patterns[i].prefix))
		}
	}
	return length
}

// refusal says which host was refused and what to do about it.
func (p *Policy) refusal(t *target) *spec.Error {
	scheme := "http://"
	if t.secure {
		scheme = "https://"
	}
	e := spec.NewError(spec.KindPlugin, "the plugin may not reach "+scheme+t.authority)
	switch {
	case matchesAny(p.hosts, t):
		e.Hint = "the plugin's manifest lists it, the provider's setting hosts does not; add it there to allow it"
	case !t.secure:
		e.Hint = "only HTTPS is allowed, except for addresses set by base_url or urls"
	default:
		e.Hint = "the hosts of the plugin's manifest do not list it; set the provider's base_url or urls to reach an address of your own"
	}
	return e
}

// printable keeps a text of somebody else's readable and short.
func printable(text string) string {
	if len(text) > 100 {
		text = text[:100]
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' {
			return '?'
		}
		return r
	}, text)
}
