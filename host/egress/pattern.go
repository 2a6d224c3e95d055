package egress

import (
	"strings"
)

// pattern is one origin, or with wild all origins of a domain's subdomains.
type pattern struct {
	secure bool
	wild   bool
	host   string // with wild: from the dot on
	port   uint16
	prefix string // of operator entries: what a path begins with
}

func (p *pattern) matches(t *target) bool {
	if p.secure != t.secure || p.port != t.port {
		return false
	}
	if p.wild {
		return !t.literal && len(t.host) > len(p.host) && strings.HasSuffix(t.host, p.host)
	}
	return p.host == t.host
}

// covers reports whether p matches everything that q matches.
func (p *pattern) covers(q *pattern) bool {
	if p.secure != q.secure || p.port != q.port {
		return false
	}
	if p.wild {
		return strings.HasSuffix(q.host, p.host) && (q.wild || len(q.host) > len(p.host))
	}
	return !q.wild && p.host == q.host
}

func matchesAny(patterns []pattern, t *target) bool {
	for i := range patterns {
		if patterns[i].matches(t) {
			return true
		}
	}
	return false
}

// parseHost parses host, host:port or *.domain of a manifest. The text answered
// is empty or says what is wrong.
func parseHost(text string) (pattern, string) {
	name, wild := strings.CutPrefix(text, "*.")
	if strings.IndexAny(name, "/?#*@") >= 0 {
		return pattern{}, "it is not host, host:port or *.domain"
	}
	t, wrong := parseURL("https://" + name)
	if wrong != "" {
		return pattern{}, wrong
	}
	p := pattern{secure: true, wild: wild, host: t.host, port: t.port}
	if wild {
		if t.literal || strings.IndexByte(t.host, '.') < 0 {
			return pattern{}, "a wildcard needs a domain of two labels or more"
		}
		p.host = "." + t.host
	}
	return p, ""
}

// parseBase parses a base URL of the operator's. A placeholder in the first
// label of the host makes it a wildcard; one in the path ends its prefix.
func parseBase(text string) (pattern, string) {
	wild := false
	if scheme := strings.Index(text, "://"); scheme >= 0 {
		host := text[scheme+3:]
		label := host
		if at := strings.IndexAny(host, ".:/?#"); at >= 0 {
			label = host[:at]
		}
		if strings.IndexByte(label, '{') >= 0 {
			wild = true
			text = text[:scheme+3] + strings.TrimPrefix(host[len(label):], ".")
		}
	}
	if at := strings.IndexByte(text, '{'); at >= 0 {
		text = text[:at]
	}
	t, wrong := parseURL(text)
	if wrong != "" {
		return pattern{}, wrong
	}
	p := pattern{secure: t.secure, wild: wild, host: t.host, port: t.port, prefix: t.barePath()}
	if wild {
		if t.literal || strings.IndexByte(t.host, '.') < 0 {
			return pattern{}, "a placeholder in the host needs a domain of two labels or more behind it"
		}
		p.host = "." + t.host
	}
	return p, ""
}
