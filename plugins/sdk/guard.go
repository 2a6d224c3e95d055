package sdk

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// maxURL is how long an address may be (docs/plugin-abi.md, Limits).
const maxURL = 8192

// guard keeps back a request that the host would refuse as the plugin's mistake
// although somebody else made it: an address that a cloud has told and that is
// none, or an identifier that would lead elsewhere.
type guard struct{ next Doer }

// Do implements Doer.
func (g guard) Do(request Request) (Response, *spec.Error) {
	if !address(request.URL) {
		return Response{}, &spec.Error{Kind: spec.KindProvider, Message: "the cloud gave an address or identifier that nothing can be asked with",
			Hint: "the cloud's API may have changed, or something between answered in its place"}
	}
	if climbs(request.URL) {
		return Response{}, &spec.Error{Kind: spec.KindValidation, Message: "an identifier of the request is, or holds, the name of a folder such as ..", Hint: "take the identifier as the cloud gave it"}
	}
	for i := range request.Header {
		if !printable(request.Header[i].Value) {
			return Response{}, &spec.Error{Kind: spec.KindProvider, Message: "the cloud gave a word that no header can carry", Hint: "the cloud's API may have changed"}
		}
	}
	return g.next.Do(request)
}

// address reports whether text is short enough for a URL and looks like one.
func address(text string) bool {
	if len(text) > maxURL || len(text) < 8 || text[:7] != "http://" && text[:8] != "https://" {
		return false
	}
	return jsonx.Visible(text)
}

// printable reports whether text has no control character, which no header may.
func printable(text string) bool {
	if jsonx.Visible(text) {
		return len(text) <= maxURL
	}
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return len(text) <= maxURL
}

// climbs reports whether the path of a URL has a part that stands for another
// folder, escaped or not. An escaped slash or backslash ends a part, too: it does
// for many a server, so the host refuses such paths.
func climbs(url string) bool {
	start := 0
	for i := 0; i <= len(url); i++ {
		end, width := i == len(url) || url[i] == '?', 1
		switch {
		case end || url[i] == '/':
		case url[i] == '%' && i+2 < len(url) && (url[i+1] == '2' && url[i+2]|0x20 == 'f' || url[i+1] == '5' && url[i+2]|0x20 == 'c'):
			width = 3
		default:
			continue
		}
		if dots(url[start:i]) {
			return true
		}
		if end {
			return false
		}
		start = i + width
	}
	return false
}

// dots reports whether a part of a path is one dot or two.
func dots(part string) bool {
	n := 0
	for n < 3 && part != "" {
		switch {
		case part[0] == '.':
			part = part[1:]
		case len(part) >= 3 && part[0] == '%' && part[1] == '2' && part[2]|0x20 == 'e':
			part = part[3:]
		default:
			return false
		}
		n++
	}
	return n > 0 && n < 3
}
