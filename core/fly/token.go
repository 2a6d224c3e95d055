package fly

import "strings"

// Bare is a token without the scheme words that fly tokens create prints before
// it and that people copy with it, its parts tidied.
func Bare(text string) string {
	text = strings.TrimSpace(text)
	for {
		word, rest, found := strings.Cut(text, " ")
		if !found || !strings.EqualFold(word, "FlyV1") && !strings.EqualFold(word, "Bearer") {
			break
		}
		text = strings.TrimSpace(rest)
	}
	var parts []string
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ",")
}

// Macaroon reports whether one part of a token is a macaroon.
func Macaroon(part string) bool {
	return strings.HasPrefix(part, "fm1r_") || strings.HasPrefix(part, "fm1a_") || strings.HasPrefix(part, "fm2_")
}

// Header is the value of the header Authorization for the Machines API and for
// logs: of a list the macaroons alone, where there are any.
func Header(token string) string {
	var macaroons, others []string
	for _, part := range strings.Split(Bare(token), ",") {
		if Macaroon(part) {
			macaroons = append(macaroons, part)
		} else if part != "" {
			others = append(others, part)
		}
	}
	if len(macaroons) > 0 {
		return "FlyV1 " + strings.Join(macaroons, ",")
	}
	return "Bearer " + strings.Join(others, ",")
}

// Readable reports whether a token could be one: printable, without spaces.
func Readable(token string) bool {
	for i := 0; i < len(token); i++ {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return false
		}
	}
	return token != "" && len(token) <= 64<<10
}
