package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"io"

	"github.com/exatlas/atlas/core/spec"
)

// Environment variables a spawn injects into the machine.
const (
	EnvPresharedKey  = "ATLAS_PRESHARED_KEY"
	EnvSigningSecret = "ATLAS_SIGNING_SECRET"
)

// tokenBytes is the entropy of a token and of a signing secret.
const tokenBytes = 32

// Token is a minted bearer token. The token itself exists here only; what is
// stored is the hash.
type Token struct {
	Token  string            `json:"token" doc:"The bearer token, 43 characters of base64url. Shown once."`
	Hash   string            `json:"hash" doc:"SHA-256 of the token's text, lower-case hex, 64 characters. Safe to store."`
	Header string            `json:"header" doc:"Ready header line: Authorization: Bearer and the token."`
	Env    map[string]string `json:"env" doc:"Environment to give the machine: ATLAS_PRESHARED_KEY."`
}

// String keeps the token out of what is printed; its fields and its JSON have it.
func (t Token) String() string { return "bearer " + spec.Redacted }

// GoString does the same for %#v.
func (t Token) GoString() string { return "auth.Token(" + t.String() + ")" }

// MintToken makes a bearer token of 32 bytes read from random.
func MintToken(random io.Reader) (*Token, *spec.Error) {
	text, err := MintSecret(random)
	if err != nil {
		return nil, err
	}
	return TokenOf(text), nil
}

// TokenOf completes a token from its text.
func TokenOf(text string) *Token {
	return &Token{Token: text, Hash: HashToken(text), Header: "Authorization: Bearer " + text,
		Env: map[string]string{EnvPresharedKey: text}}
}

// MintSecret makes the text of a token or of a signing secret: 32 bytes in
// base64url without padding.
func MintSecret(random io.Reader) (string, *spec.Error) {
	var raw [tokenBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", &spec.Error{Kind: spec.KindInternal, Message: "the system gave no random bytes", Err: err}
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// HashToken returns the stored form of a token: SHA-256 over its text, not over
// the bytes it encodes.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// VerifyToken reports whether candidate is the token with that hash, in time
// that does not depend on either.
func VerifyToken(candidate, hash string) bool {
	return subtle.ConstantTimeCompare([]byte(HashToken(candidate)), []byte(hash)) == 1
}
