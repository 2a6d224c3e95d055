package egress

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

const (
	maxHeaders     = 64
	maxHeaderBytes = 32 << 10
)

// validate checks what a guest has put together, apart from the URL.
func (r *Request) validate() *spec.Error {
	switch r.Method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE":
	default:
		return malformed("the plugin asked for the method \"" + printable(r.Method) + "\"; GET, HEAD, POST, PUT, PATCH and DELETE are allowed")
	}
	if len(r.Header) > maxHeaders {
		return malformed("the plugin set more than 64 headers")
	}
	total := 0
	for i := range r.Header {
		h := &r.Header[i]
		total += len(h.Name) + len(h.Value)
		if !token(h.Name) {
			return malformed("the plugin set a header whose name is malformed: \"" + printable(h.Name) + "\"")
		}
		if !headerText(h.Value) {
			return malformed("the plugin set the header " + printable(h.Name) + " to a value with a control byte")
		}
	}
	if total > maxHeaderBytes {
		return malformed("the plugin set more than 32 KiB of headers")
	}
	return nil
}

// token reports whether text is a header name (RFC 9110).
func token(text string) bool {
	for i := 0; i < len(text); i++ {
		b := text[i]
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0) {
			return false
		}
	}
	return text != ""
}

// headerText reports whether text may stand in a header line.
func headerText(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] < 0x20 && text[i] != '\t' || text[i] == 0x7f {
			return false
		}
	}
	return true
}

// reserved reports whether a header, by its lower-case name, is the host's to
// set: framing, routing, credentials and the encoding of the answer. A guest's
// is dropped.
func reserved(name string) bool {
	switch name {
	case "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect",
		"cookie", "cookie2", "authorization", "user-agent", "accept-encoding", "http2-settings":
		return true
	}
	return strings.HasPrefix(name, "proxy-")
}
