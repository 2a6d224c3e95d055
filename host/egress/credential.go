package egress

import (
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
