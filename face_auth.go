package atlas

import (
	"context"

	"github.com/exatlas/atlas/core/auth"
)

// AuthService mints and checks the credentials of machines.
type AuthService struct {
	Token *AuthTokenService
	URL   *AuthURLService
}

// AuthTokenService mints and checks bearer tokens.
type AuthTokenService struct{ c *Client }

// AuthURLService signs and checks URLs.
type AuthURLService struct{ c *Client }

// Mint makes a bearer token.
func (s *AuthTokenService) Mint(ctx context.Context) (*MintedToken, error) {
	return call(s.c, ctx, "auth.token.mint", struct{}{}, func(context.Context, *struct{}) (*MintedToken, error) {
		token, err := auth.MintToken(s.c.services.Random)
		if err != nil {
			return nil, err
		}
		return token, nil
	})
}

// Verify checks a token against its hash.
func (s *AuthTokenService) Verify(ctx context.Context, p VerifyTokenParams) (*TokenValidity, error) {
	return call(s.c, ctx, "auth.token.verify", p, func(_ context.Context, p *VerifyTokenParams) (*TokenValidity, error) {
		return &TokenValidity{Valid: auth.VerifyToken(p.Token.Reveal(), p.Hash)}, nil
	})
}

// Sign signs a URL.
func (s *AuthURLService) Sign(ctx context.Context, p SignParams) (*SignedURL, error) {
	return call(s.c, ctx, "auth.url.sign", p, s.c.services.SignURL)
}

// Verify checks a signed URL.
func (s *AuthURLService) Verify(ctx context.Context, p VerifyURLParams) (*URLValidity, error) {
	return call(s.c, ctx, "auth.url.verify", p, s.c.services.VerifyURL)
}
