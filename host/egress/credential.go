package egress

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// prefix returns what stands before the key in the credential's header.
func (p *Policy) prefix(key string) (string, *spec.Error) {
	if !headerText(key) || strings.TrimSpace(key) != key {
		return "", &spec.Error{Kind: spec.KindUnauthorized, Message: "the api key holds a space, line end or other byte that no header can carry",
			Hint: "check the key for a stray line end"}
	}
	switch p.credential.Scheme {
	case "":
		return "", nil
	case "fly":
		if macaroon(key) {
			return "FlyV1 ", nil
		}
		return "Bearer ", nil
	}
	return p.scheme, nil
}

// flyTokens is what of a Fly.io credential goes into the header: without the
// scheme words that fly tokens create prints before it, and of a list in which
// macaroons and OAuth tokens stand together the macaroons alone.
func flyTokens(key string) string {
	key = strings.TrimSpace(key)
	for {
		word, rest, found := strings.Cut(key, " ")
		if !found || !strings.EqualFold(word, "FlyV1") && !strings.EqualFold(word, "Bearer") {
			break
		}
		key = strings.TrimSpace(rest)
	}
	var macaroons, others []string
	for _, token := range strings.Split(key, ",") {
		switch token = strings.TrimSpace(token); {
		case token == "":
		case macaroon(token):
			macaroons = append(macaroons, token)
		default:
			others = append(others, token)
		}
	}
	if len(macaroons) > 0 {
		return strings.Join(macaroons, ",")
	}
	return strings.Join(others, ",")
}

// macaroon reports whether a Fly.io token is a macaroon.
func macaroon(key string) bool {
	return strings.HasPrefix(key, "fm1r_") || strings.HasPrefix(key, "fm1a_") || strings.HasPrefix(key, "fm2_")
}

// shortest is the length from which on a credential is looked for in answers. A
// shorter one is no secret, and would tear ordinary words apart.
const shortest = 6

// needles are the spellings a credential may come back in: as it is, and, where
// it holds bytes that are escaped there, in a URL and in JSON. The members of a
// list of tokens are looked for one by one.
func needles(key string) []string {
	if len(key) < shortest {
		return nil
	}
	all := []string{key}
	if strings.IndexByte(key, ',') >= 0 {
		for _, part := range strings.Split(key, ",") {
			if len(part) >= shortest {
				all = append(all, part)
			}
		}
	}
	for _, one := range all[:len(all):len(all)] {
		if escaped := url.QueryEscape(one); escaped != one {
			all = append(all, escaped, url.PathEscape(one), strings.ReplaceAll(one, "/", `\/`),
				strings.NewReplacer("+", `\u002b`, "&", `\u0026`, "<", `\u003c`, ">", `\u003e`, `"`, `\"`, `\`, `\\`).Replace(one))
		}
	}
	return all
}

// redactText takes a credential out of a text.
func redactText(text, key string) string {
	if text == "" {
		return text
	}
	for _, needle := range needles(key) {
		if strings.Contains(text, needle) {
			text = strings.ReplaceAll(text, needle, spec.Redacted)
		}
	}
	return text
}

// redactBody takes a credential out of a body. With cut, the body may end in
// the middle of the credential; what is there of it is taken off.
func redactBody(body []byte, key string, cut bool) []byte {
	if len(key) < shortest || len(body) == 0 {
		return body
	}
	if plain(key) {
		if bytes.Contains(body, []byte(key)) {
			body = bytes.ReplaceAll(body, []byte(key), []byte(spec.Redacted))
		}
	} else {
		for _, needle := range needles(key) {
			if bytes.Contains(body, []byte(needle)) {
				body = bytes.ReplaceAll(body, []byte(needle), []byte(spec.Redacted))
			}
		}
	}
	if cut {
		for n := min(len(key)-1, len(body)); n >= shortest; n-- {
			if string(body[len(body)-n:]) == key[:n] {
				return body[:len(body)-n]
			}
		}
	}
	return body
}

// plain reports whether a key has one spelling only.
func plain(key string) bool {
	for i := 0; i < len(key); i++ {
		b := key[i]
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_' || b == '.' || b == '~') {
			return false
		}
	}
	return true
}
