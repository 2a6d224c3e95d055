package egress

import (
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
	// the part of a path that is compared.
	Operator     []string
	OperatorBare []string

	Credential *spec.Credential
	RateLimits []spec.RateLimit
}

// Policy says where a provider's requests may go.
type Policy struct {
	provider string
}

// Policy checks a specification and prepares it. The error is a *spec.Error.
func (c *Client) Policy(s PolicySpec) (*Policy, error) {
	return &Policy{provider: s.Provider}, nil
}

// Check reports whether the policy allows a URL: scheme, host and port. The
// error is a *spec.Error of kind plugin. Addresses are checked when they are
// dialled.
func (c *Client) Check(p *Policy, url string) error { return nil }
