package egress

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

const maxURLBytes = 8192

// target is a URL taken apart. What was checked is what is sent: host, port and
// path are never decoded, resolved or written anew between the two.
type target struct {
	secure    bool
	host      string // lower case, without brackets
	port      uint16
	authority string // for the Host header
	path      string // with the query, from the first slash
	literal   bool   // the host is an IP address
}

// barePath returns the path without its query.
func (t *target) barePath() string {
	if at := strings.IndexByte(t.path, '?'); at >= 0 {
		return t.path[:at]
	}
	return t.path
}

// parseURL takes a URL apart and refuses everything that two parsers could read
// in two ways. The text answered is empty or says what is wrong with it.
func parseURL(url string) (t target, wrong string) {
	if len(url) > maxURLBytes {
		return t, "it is longer than " + strconv.Itoa(maxURLBytes) + " bytes"
	}
	for i := 0; i < len(url); i++ {
		if !urlByte(url[i]) {
			return t, "it holds a byte that must be percent-encoded"
		}
	}
	rest := ""
	switch {
	case len(url) >= 8 && strings.EqualFold(url[:8], "https://"):
		t.secure, t.port, rest = true, 443, url[8:]
	case len(url) >= 7 && strings.EqualFold(url[:7], "http://"):
		t.port, rest = 80, url[7:]
	default:
		return t, "it does not begin with https://"
	}
	if at := strings.IndexByte(rest, '#'); at >= 0 {
		rest = rest[:at]
	}
	authority := rest
	if at := strings.IndexAny(rest, "/?"); at >= 0 {
		authority, t.path = rest[:at], rest[at:]
	}
	if t.path == "" || t.path[0] == '?' {
		t.path = "/" + t.path
	}
	if wrong := checkPath(t.barePath()); wrong != "" {
		return t, wrong
	}
	return t, t.setAuthority(authority)
}

// setAuthority parses host and port.
func (t *target) setAuthority(authority string) string {
	host, port := authority, ""
	switch {
	case strings.IndexByte(authority, '@') >= 0:
		return "it holds a user name"
	case strings.HasPrefix(authority, "["):
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return "its host is malformed"
		}
		host, port = authority[1:end], authority[end+1:]
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is6() || addr.Is4In6() || addr.Zone() != "" {
			return "its host is malformed"
		}
		t.host, t.literal = addr.String(), true
	default:
		if at := strings.IndexByte(authority, ':'); at >= 0 {
			host, port = authority[:at], authority[at:]
		}
		host = lower(host)
		if wrong := checkHost(host); wrong != "" {
			return wrong
		}
		t.host = host
		if numeric(host) {
			addr, err := netip.ParseAddr(host)
			if err != nil || !addr.Is4() {
				return "its host is malformed"
			}
			t.literal = true
		}
	}
	standard := t.port
	if port != "" {
		number, ok := parsePort(port[1:])
		if port[0] != ':' || !ok {
			return "its port is malformed"
		}
		t.port = number
	}
	t.authority = authority
	if t.port != standard && host == t.host {
		return "" // as it was given
	}
	t.authority = t.host
	if strings.IndexByte(t.host, ':') >= 0 {
		t.authority = "[" + t.host + "]"
	}
	if t.port != standard {
		t.authority += ":" + strconv.Itoa(int(t.port))
	}
	return ""
}

// urlByte tells the bytes a URL is made of (RFC 3986). Backslashes, braces,
// spaces, control bytes and all beyond ASCII are none.
func urlByte(b byte) bool {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		return true
	}
	return strings.IndexByte("-._~:/?#[]@!$&'()*+,;=%", b) >= 0
}

// checkHost accepts host names in lower-case ASCII, with non-empty labels.
func checkHost(host string) string {
	if host == "" || len(host) > 253 {
		return "its host is malformed"
	}
	start := 0
	for i := 0; i <= len(host); i++ {
		if i < len(host) && host[i] != '.' {
			b := host[i]
			if !(b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-' || b == '_') {
				return "its host is malformed"
			}
			continue
		}
		label := host[start:i]
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "its host is malformed"
		}
		start = i + 1
	}
	return ""
}

// numeric reports whether a host would be read as an IPv4 address by somebody:
// its last label is a number, in any of the notations of inet_aton.
func numeric(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if strings.HasPrefix(last, "0x") {
		return strings.Trim(last[2:], "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// checkPath refuses dot segments, which servers and proxies resolve differently,
// and broken percent signs.
func checkPath(path string) string {
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && (i+2 >= len(path) || !hex(path[i+1]) || !hex(path[i+2])) {
			return "its path holds a broken percent-encoding"
		}
		if n := slash(path[i:]); n > 0 && dotSegment(path[i+n:]) {
			return "its path holds a dot segment"
		}
	}
	return ""
}

func hex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}

// slash returns the length of the separator of segments that a path begins with, 0
// where there is none. An encoded slash or backslash is one for many a server.
func slash(path string) int {
	switch {
	case path[0] == '/':
		return 1
	case path[0] == '%' && len(path) >= 3 && (strings.EqualFold(path[:3], "%2f") || strings.EqualFold(path[:3], "%5c")):
		return 3
	}
	return 0
}

// dotSegment reports whether a path begins with the segment "." or "..", each
// dot plain or encoded.
func dotSegment(path string) bool {
	dots := 0
	for len(path) > 0 && slash(path) == 0 {
		switch {
		case path[0] == '.':
			path = path[1:]
		case len(path) >= 3 && strings.EqualFold(path[:3], "%2e"):
			path = path[3:]
		default:
			return false
		}
		dots++
	}
	return dots == 1 || dots == 2
}

func parsePort(text string) (uint16, bool) {
	if text == "" || len(text) > 5 || text[0] == '0' || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.ParseUint(text, 10, 16)
	return uint16(number), err == nil
}

// lower is strings.ToLower for ASCII; it does not allocate where nothing changes.
func lower(text string) string {
	for i := 0; i < len(text); i++ {
		if text[i] >= 'A' && text[i] <= 'Z' {
			return strings.ToLower(text)
		}
	}
	return text
}

// malformed is the error of a request that a guest put together wrongly.
func malformed(message string) *spec.Error {
	return &spec.Error{Kind: spec.KindPlugin, Message: message, Hint: "this is a defect of the provider's plugin"}
}
