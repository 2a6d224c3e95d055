package host

import (
	"strings"

	json "github.com/goccy/go-json"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// exchange is one HTTP request of a call and, later, its answer.
type exchange struct {
	number  uint32
	started bool
	aside   bool // its success leaves nothing that matters when the call fails after it
	undo    bool // its success takes back what the requests of the call before it did
	request egress.Request
	answer  *egress.Response
	failure *egress.Failure
	text    []byte // the failure as the guest reads it
}

func (x *exchange) status() int {
	if x.answer == nil {
		return 0
	}
	return x.answer.Status
}

func (x *exchange) body() []byte {
	if x.answer == nil {
		return nil
	}
	return x.answer.Body
}

// header returns the value of a header. A name may be as long as the guest's
// memory, so it is only read where it is as long as one that is there.
func (x *exchange) header(name []byte) (string, bool) {
	if x.answer == nil {
		return "", false
	}
	for i := range x.answer.Header {
		if h := &x.answer.Header[i]; len(h.Name) == len(name) && strings.EqualFold(h.Name, string(name)) {
			return h.Value, true
		}
	}
	return "", false
}

// failureText is what the guest learns of a failure.
func (x *exchange) failureText() []byte {
	if x.failure == nil || x.text != nil {
		return x.text
	}
	x.text = texts(map[string]string{"kind": string(x.failure.Kind), "message": x.failure.Message})
	return x.text
}

// writes reports whether a request with this method may change something.
func writes(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS":
		return false
	}
	return true
}

// settled reports whether it is certain what became of the request: it was not
// sent, or the cloud answered that it did not do it.
func (x *exchange) settled() bool {
	switch {
	case !x.started || !writes(x.request.Method) && !x.request.Once:
		return true
	case x.failure != nil:
		return !x.failure.Sent
	case x.answer == nil: // the goroutine that sent it panicked
		return false
	case x.request.Once && !writes(x.request.Method):
		return x.answer.Status >= 300 && !between(x.answer.Status)
	}
	switch status := x.answer.Status; {
	case status < 300:
		return x.aside
	case status == 408: // the server gave up waiting for its own work
		return false
	default:
		return status < 500
	}
}

// between reports whether a status is that of something between here and the
// cloud which had no answer of the cloud's, 520 and up being Cloudflare's: the
// cloud may have given one.
func between(status int) bool { return status == 502 || status == 504 || status >= 520 }

// undone reports whether the request took back what came before it.
func (x *exchange) undone() bool {
	return x.undo && x.failure == nil && x.answer != nil && x.answer.Status < 300
}

// maxMetadata bounds what is parsed, which takes fifty times the room of its text.
// A URL and headers of the greatest length fit in, every byte of them escaped.
const maxMetadata = 256 << 10

// longestIdleMS is what a guest that waits for ever is taken to mean: more than any
// call lasts, and few enough to be counted in nanoseconds.
const longestIdleMS = 7 * 24 * 60 * 60 * 1000

// parseRequest reads the metadata of a request. The error says what is wrong
// with it.
func parseRequest(parser *fastjson.Parser, meta []byte, x *exchange) *spec.Error {
	if len(meta) > maxMetadata {
		return badRequest("its metadata is longer than " + utoa(maxMetadata) + " bytes")
	}
	into := &x.request
	v, err := parser.ParseBytes(meta)
	if err != nil || v.Type() != fastjson.TypeObject {
		return badRequest("its metadata is not a JSON object")
	}
	into.Method = strings.ToUpper(string(v.GetStringBytes("method")))
	switch into.Method {
	case "":
		into.Method = "GET"
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE":
	default:
		return badRequest("its method is none of GET, HEAD, POST, PUT, PATCH and DELETE")
	}
	into.URL = string(v.GetStringBytes("url"))
	if into.URL == "" || !printable(into.URL) || strings.Contains(into.URL, " ") {
		return badRequest("its URL is empty or holds a space or control character")
	}
	headers := v.Get("headers")
	if headers != nil && headers.Type() != fastjson.TypeNull {
		object, err := headers.Object()
		if err != nil {
			return badRequest("its headers are not a JSON object")
		}
		var bad *spec.Error
		object.Visit(func(name []byte, value *fastjson.Value) {
			text, err := value.StringBytes()
			switch {
			case err != nil || !token(string(name)) || !printable(string(text)):
				bad = badRequest("a header of it is no text, or holds a line break or control character")
			case !reserved(string(name)):
				into.Header = append(into.Header, egress.Header{Name: string(name), Value: string(text)})
			}
		})
		if bad != nil {
			return bad
		}
	}
	x.aside, x.undo = v.GetBool("aside"), v.GetBool("undo")
	if read := v.Get("read"); read != nil && read.Type() != fastjson.TypeNull {
		if read.Type() != fastjson.TypeObject || read.GetInt64("idle_ms") < 0 || read.GetInt("max_bytes") < 0 {
			return badRequest("its read is not {idle_ms, max_bytes}")
		}
		into.Read = &egress.Read{IdleMS: min(read.GetInt64("idle_ms"), longestIdleMS), MaxBytes: read.GetInt("max_bytes")}
	}
	return nil
}

func badRequest(why string) *spec.Error {
	return spec.NewError(spec.KindPlugin, "the plugin made a bad HTTP request: "+why)
}

// reserved reports whether a header is the host's to set. A guest's is dropped.
func reserved(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "cookie", "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade":
		return true
	}
	return false
}

// token reports whether text is a header name.
func token(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return text != ""
}

// printable reports whether text has no control character.
func printable(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// headersJSON is the answer's headers as http_headers gives them.
func headersJSON(list []egress.Header) []byte {
	joined := make(map[string]string, len(list))
	for _, h := range list {
		if old, ok := joined[h.Name]; ok {
			joined[h.Name] = old + ", " + h.Value
		} else {
			joined[h.Name] = h.Value
		}
	}
	for name, value := range joined {
		joined[name] = strings.ToValidUTF8(value, "\ufffd")
	}
	return texts(joined)
}

// texts is an object of texts. (The parser's own writer of JSON escapes as Go does,
// which is no JSON for some characters.)
func texts(all map[string]string) []byte {
	text, err := json.Marshal(all)
	if err != nil { // cannot be: it is text
		panic(err)
	}
	return text
}
