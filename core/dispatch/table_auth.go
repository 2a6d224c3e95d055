package dispatch

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/auth"
	"github.com/exatlas/atlas/core/spec"
)

// VerifyTokenParams asks whether a token is the one with a hash.
type VerifyTokenParams struct {
	Token spec.Secret `json:"token" required:"true" doc:"The candidate."`
	Hash  string      `json:"hash" required:"true" minlen:"1" doc:"The stored hash."`
}

// Valid is the result of auth.token.verify.
type Valid struct {
	Valid bool `json:"valid" doc:"Whether the token has that hash."`
}

// SignParams asks for a signed URL.
type SignParams struct {
	URL         string      `json:"url" required:"true" minlen:"1" doc:"URL, or path and query."`
	Secret      spec.Secret `json:"secret" required:"true" minlen:"1" doc:"The machine's signing secret; its bytes as they are."`
	ExpiresInMS int64       `json:"expires_in_ms" min:"1" max:"315360000000" default:"3600000" doc:"Lifetime, ms, rounded up to a second."`
	Now         string      `json:"now" format:"date-time" doc:"Time to count from, RFC 3339. Default: now."`
}

// SignedURL is the result of auth.url.sign.
type SignedURL struct {
	URL       string `json:"url" doc:"The URL with exp and sig in its query, sorted by name."`
	ExpiresAt string `json:"expires_at" doc:"Last second it is valid in, RFC 3339 UTC."`
}

// VerifyURLParams asks whether a signed URL is valid.
type VerifyURLParams struct {
	URL    string      `json:"url" required:"true" doc:"The signed URL, or its path and query."`
	Secret spec.Secret `json:"secret" required:"true" minlen:"1" doc:"The machine's signing secret."`
	Now    string      `json:"now" format:"date-time" doc:"Time to check against, RFC 3339. Default: now."`
}

// URLValidity is the result of auth.url.verify.
type URLValidity struct {
	Valid  bool   `json:"valid" doc:"Whether the URL is signed and not expired."`
	Reason string `json:"reason,omitempty" enum:"expired,bad_signature,malformed" doc:"Why it is not. An old URL answers expired, forged or not."`
}

func addAuth(t *Table, s *Services) {
	add(t, "auth.token.mint", Doc{
		Summary: "Mints a bearer token for a machine.",
		Text:    "The token is shown once; store the hash. Give the machine the env. compute.spawn does all of it with auth bearer.",
		Params:  `{}`,
		Result:  `{"token":"kX9fP…","hash":"4c1…","header":"Authorization: Bearer kX9fP…","env":{"ATLAS_PRESHARED_KEY":"kX9fP…"}}`,
	}, func(context.Context, *None) (*auth.Token, error) {
		token, err := auth.MintToken(s.Random)
		if err != nil {
			return nil, err
		}
		return token, nil
	})
	add(t, "auth.token.verify", Doc{
		Summary: "Checks a token against a stored hash, in constant time.",
		Params:  `{"token":"kX9fP…","hash":"4c1…"}`,
		Result:  `{"valid":true}`,
	}, func(_ context.Context, p *VerifyTokenParams) (*Valid, error) {
		return &Valid{Valid: auth.VerifyToken(p.Token.Reveal(), p.Hash)}, nil
	})
	add(t, "auth.url.sign", Doc{
		Summary: "Signs a URL for clients that cannot set headers.",
		Text:    "The signature covers path, query and expiry, not scheme, host and fragment: use one secret a machine. Of equal query names the last is kept. A signature already there is replaced.",
		Params:  `{"url":"https://7h9k2m4n6p-8000.proxy.runpod.net/stream?a=1&b=x+y","secret":"s3cr3t","now":"2023-11-14T22:13:20Z"}`,
		Result:  `{"url":"https://7h9k2m4n6p-8000.proxy.runpod.net/stream?a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI","expires_at":"2023-11-14T23:13:20Z"}`,
	}, s.SignURL)
	add(t, "auth.url.verify", Doc{
		Summary: "Checks a signed URL, in constant time.",
		Params:  `{"url":"/stream?a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI","secret":"s3cr3t","now":"2023-11-14T22:13:20Z"}`,
		Result:  `{"valid":true}`,
	}, s.VerifyURL)
}

// VerifyURL is auth.url.verify.
func (s *Services) VerifyURL(_ context.Context, p *VerifyURLParams) (*URLValidity, error) {
	if p.Secret.Empty() { // of which anybody can make signatures
		return nil, emptySecret()
	}
	reason := auth.VerifyURL(p.URL, p.Secret.Reveal(), s.timeOr(p.Now))
	return &URLValidity{Valid: reason == "", Reason: reason}, nil
}

// SignURL is auth.url.sign.
func (s *Services) SignURL(_ context.Context, p *SignParams) (*SignedURL, error) {
	if p.Secret.Empty() {
		return nil, emptySecret()
	}
	lifetime := auth.DefaultLifetime
	if p.ExpiresInMS > 0 {
		lifetime = time.Duration(p.ExpiresInMS) * time.Millisecond
	}
	url, expires, err := auth.SignURL(p.URL, p.Secret.Reveal(), s.timeOr(p.Now), lifetime)
	if err != nil {
		return nil, &spec.Error{Kind: err.Kind, Message: "params." + err.Message, Hint: err.Hint}
	}
	return &SignedURL{URL: url, ExpiresAt: expires.Format(time.RFC3339)}, nil
}

func emptySecret() *spec.Error {
	return &spec.Error{Kind: spec.KindValidation, Message: "params.secret: must not be empty", Hint: "give the machine's signing secret, ATLAS_SIGNING_SECRET in its environment"}
}

// timeOr returns the time of a text that has been checked, or now.
func (s *Services) timeOr(text string) time.Time {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at
	}
	return s.Clock.Now()
}
