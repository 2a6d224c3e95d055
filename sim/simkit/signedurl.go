package simkit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"time"
)

// The reasons VerifyURL refuses a URL.
var (
	ErrMalformed    = errors.New("malformed")
	ErrExpired      = errors.New("expired")
	ErrBadSignature = errors.New("bad_signature")
)

// VerifyURL checks a signed URL as a machine that was handed
// ATLAS_SIGNING_SECRET does: HMAC-SHA256 over the path, "?" and the sorted query
// without sig. It is a second implementation on purpose: it checks the one in
// core/auth from outside.
func VerifyURL(path, query, secret string, now time.Time) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return ErrMalformed
	}
	last := url.Values{}
	for name, list := range values {
		last.Set(name, list[len(list)-1])
	}
	expires, err := strconv.ParseInt(last.Get("exp"), 10, 64)
	signature := last.Get("sig")
	if err != nil || signature == "" {
		return ErrMalformed
	}
	if expires < now.Unix() {
		return ErrExpired
	}
	last.Del("sig")
	if path == "" {
		path = "/"
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(path + "?" + last.Encode()))
	want := base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(signature)) {
		return ErrBadSignature
	}
	return nil
}
