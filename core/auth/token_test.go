package auth

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestMintToken_IsTextHashHeaderAndEnvironment(t *testing.T) {
	token, err := MintToken(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	const text = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	// The hash is of the token's text: printf %s AAA… | sha256sum.
	const hash = "0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a"
	if token.Token != text || len(token.Token) != 43 || token.Header != "Authorization: Bearer "+text || token.Env[EnvPresharedKey] != text {
		t.Errorf("got %+v", token)
	}
	if token.Hash != hash || !VerifyToken(text, token.Hash) || VerifyToken(text+"x", token.Hash) || VerifyToken("", token.Hash) || VerifyToken(text, "") {
		t.Errorf("hash %s, want %s", token.Hash, hash)
	}
}

func TestMintToken_WithoutRandomnessIsAnError(t *testing.T) {
	if _, err := MintToken(iotest.ErrReader(errors.New("none"))); err == nil {
		t.Error("minted from nothing")
	}
	if _, err := MintToken(io.LimitReader(bytes.NewReader(make([]byte, 32)), 31)); err == nil {
		t.Error("minted from 31 bytes")
	}
}
