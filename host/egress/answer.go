package egress

import (
	"strings"

	"github.com/valyala/fasthttp"
)

// digest copies an answer out of the library's buffers, which are used again.
// All header text is one string, so that a header costs no allocation.
func digest(response *fasthttp.Response, body []byte, m *message) answer {
	count, size := 0, 0
	for name, value := range response.Header.All() {
		count++
		size += len(name) + len(value)
	}
	var text strings.Builder
	text.Grow(size)
	for name, value := range response.Header.All() {
		for _, b := range name {
			if b >= 'A' && b <= 'Z' {
				b += 'a' - 'A'
			}
			text.WriteByte(b)
		}
		text.Write(value)
	}
	all := text.String()
	// The usual number of headers comes with the response in one allocation.
	together := &struct {
		response Response
		lines    [10]Header
	}{}
	got := answer{response: &together.response}
	got.response.Status, got.response.Body, got.response.Header = response.StatusCode(), body, together.lines[:0]
	if count > len(together.lines) {
		got.response.Header = make([]Header, 0, count)
	}
	encoded := len(response.Header.ContentEncoding()) > 0
	for name, value := range response.Header.All() {
		h := Header{Name: all[:len(name)], Value: all[len(name) : len(name)+len(value)]}
		all = all[len(name)+len(value):]
		switch h.Name {
		case "content-encoding", "content-length":
			if encoded {
				continue // the body is handed on decoded
			}
		case "connection", "keep-alive", "transfer-encoding", "set-cookie", "trailer", "upgrade":
			continue
		case "location":
			got.location = h.Value
		case "retry-after":
			got.limits.retryAfter = h.Value
		case "ratelimit":
			got.limits.remaining = h.Value
		case "ratelimit-policy":
			got.limits.policy = h.Value
		}
		got.response.Header = append(got.response.Header, h)
	}
	redactHeaders(got.response.Header, text.String(), m.key)
	for _, inner := range m.within {
		redactHeaders(got.response.Header, text.String(), inner)
	}
	return got
}
