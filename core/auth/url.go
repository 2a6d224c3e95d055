package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// DefaultLifetime of a signed URL.
const DefaultLifetime = time.Hour

// The answers of VerifyURL beside the empty one.
const (
	ReasonExpired      = "expired"
	ReasonBadSignature = "bad_signature"
	ReasonMalformed    = "malformed"
)

// The query names a signature adds.
const (
	queryExpiry    = "exp"
	querySignature = "sig"
)

// SignURL adds an expiry and a signature to a URL or to a path with a query. The
// signature covers the path and the query, not the scheme, the host, the
// fragment and the method: use one secret per machine. Of several pairs with one
// key the last is kept. A signature the URL carries already is replaced.
func SignURL(text, secret string, now time.Time, lifetime time.Duration) (signed string, expires time.Time, e *spec.Error) {
	u := split(text)
	pairs, ok := decodeQuery(u.query)
	if !ok || text == "" {
		return "", time.Time{}, &spec.Error{Kind: spec.KindValidation, Message: "url: malformed", Hint: "give a URL, or a path with a query, whose percent escapes are complete"}
	}
	expiry := now.Unix() + int64((lifetime+time.Second-1)/time.Second)
	delete(pairs, querySignature)
	pairs[queryExpiry] = strconv.FormatInt(expiry, 10)
	pairs[querySignature] = signature(u.path, pairs, secret)
	u.query = encodeQuery(pairs)
	return u.String(), time.Unix(expiry, 0).UTC(), nil
}

// VerifyURL checks a signed URL, or its path and query alone. It answers "" for
// a valid one, else the reason. A URL is valid in the very second it expires. A
// forged URL that is also old answers expired.
func VerifyURL(text, secret string, now time.Time) (reason string) {
	u := split(text)
	pairs, ok := decodeQuery(u.query)
	if !ok {
		return ReasonMalformed
	}
	expiry, err := strconv.ParseInt(pairs[queryExpiry], 10, 64)
	given := pairs[querySignature]
	switch {
	case err != nil || given == "":
		return ReasonMalformed
	case expiry < now.Unix():
		return ReasonExpired
	}
	delete(pairs, querySignature)
	if !hmac.Equal([]byte(signature(u.path, pairs, secret)), []byte(given)) {
		return ReasonBadSignature
	}
	return ""
}

// signature is the HMAC-SHA256 of path, question mark and sorted query.
func signature(path string, pairs map[string]string, secret string) string {
	if path == "" {
		path = "/"
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(path + "?" + encodeQuery(pairs)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// address is a URL in the parts that matter here, each as written.
type address struct {
	origin   string // scheme and authority
	path     string
	query    string
	fragment string // with its number sign
}

func split(text string) address {
	var u address
	if at := strings.IndexByte(text, '#'); at >= 0 {
		text, u.fragment = text[:at], text[at:]
	}
	if at := strings.IndexByte(text, '?'); at >= 0 {
		text, u.query = text[:at], text[at+1:]
	}
	if at := strings.Index(text, "://"); at >= 0 && !strings.Contains(text[:at], "/") {
		end := strings.IndexByte(text[at+3:], '/')
		if end < 0 {
			u.origin = text
			return u
		}
		u.origin, text = text[:at+3+end], text[at+3+end:]
	}
	u.path = text
	return u
}

func (u address) String() string { return u.origin + u.path + "?" + u.query + u.fragment }

// decodeQuery reads a query as a form: plus is a space, the last of equal keys
// wins, a key without a value has an empty one, and so has the empty key between
// two ampersands.
func decodeQuery(query string) (map[string]string, bool) {
	pairs := map[string]string{}
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		key, keyErr := url.QueryUnescape(key)
		value, valueErr := url.QueryUnescape(value)
		if keyErr != nil || valueErr != nil {
			return nil, false
		}
		pairs[key] = value
	}
	return pairs, true
}

func encodeQuery(pairs map[string]string) string {
	keys := make([]string, 0, len(pairs))
	for key := range pairs {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var out strings.Builder
	for i, key := range keys {
		if i > 0 {
			out.WriteByte('&')
		}
		out.WriteString(url.QueryEscape(key))
		out.WriteByte('=')
		out.WriteString(url.QueryEscape(pairs[key]))
	}
	return out.String()
}
