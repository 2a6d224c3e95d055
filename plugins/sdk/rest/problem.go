package rest

import (
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// maxText bounds what of a cloud's text goes into a message.
const maxText = 500

// cutMark ends a text that was cut.
const cutMark = "…"

// Problem is a cloud's error body, whatever its shape: RFC 9457 problem+json,
// {"error":"…"}, {"error":{"message":"…"}}, {"message":"…"}, a list of errors,
// or plain text.
type Problem struct {
	JSON   bool     // whether the body was a JSON object
	Text   string   // the most telling sentence, "" where there is none
	Code   string   // the cloud's code word, where it sends one
	Errors []string // single violations, where it lists them
}

// ReadProblem reads an error body.
func ReadProblem(text string) Problem {
	r := jsonx.New(text)
	if r.Kind() != jsonx.Object {
		return Problem{Text: clip(plainText(text))}
	}
	p := readObject(&r)
	if r.Failed() {
		return Problem{Text: clip(firstLine(text))}
	}
	return p
}

// plainText is what a text that is no JSON says: its first line, or, of a page of
// HTML, as proxies send, its title: the first line of one says nothing.
func plainText(text string) string {
	line := firstLine(text)
	if line == "" || line[0] != '<' {
		return line
	}
	const open, end = "<title", "</title"
	for from := 0; from+len(open) < len(text); from++ {
		if !equalFold(text[from:from+len(open)], open) {
			continue
		}
		for from < len(text) && text[from] != '>' {
			from++
		}
		for to := from; to+len(end) <= len(text); to++ {
			if equalFold(text[to:to+len(end)], end) {
				if title := firstLine(strings.TrimSpace(text[from+1 : to])); title != "" {
					return "a web page in place of an answer: " + title
				}
				break
			}
		}
		break
	}
	return "a web page in place of an answer"
}

// readObject reads an error that is an object, and those in it, in one walk.
func readObject(r *jsonx.Reader) Problem {
	p := Problem{JSON: true}
	var title, detail, message, plain string
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "title":
			title = r.Text()
		case "detail":
			detail = r.Text()
		case "message":
			message = r.Text()
		case "code":
			p.Code = r.Text()
		case "error":
			if r.Kind() == jsonx.Object {
				nested := readObject(r)
				plain = nested.Text
				if p.Code == "" {
					p.Code = nested.Code
				}
				continue
			}
			plain = r.Text()
		case "errors":
			p.Errors = readErrors(r)
		default:
			r.Skip()
		}
	}
	for _, candidate := range []string{detail, plain, message, title} {
		if candidate != "" {
			p.Text = clip(candidate)
			break
		}
	}
	if p.Text == "" && len(p.Errors) > 0 {
		p.Text = p.Errors[0]
	}
	return p
}

// readErrors reads a list of sentences, or of objects with a message.
func readErrors(r *jsonx.Reader) []string {
	var list []string
	for more := r.Array(); more; more = r.NextElement() {
		sentence := ""
		if r.Kind() == jsonx.Object {
			sentence = readObject(r).Text
		} else {
			sentence = r.Text()
		}
		if sentence != "" && len(list) < 20 {
			list = append(list, clip(sentence))
		}
	}
	return list
}

// Error makes an error of an answer: its status decides the kind, its text is
// the message. Retry-After is read from the answer.
func Error(response *sdk.Response, p *Problem) *spec.Error {
	e := &spec.Error{Kind: spec.KindOfStatus(response.Status), Status: response.Status, Message: p.Text}
	if e.Message == "" {
		e.Message = "the cloud gave no reason"
	}
	for i, violation := range p.Errors {
		if violation == p.Text {
			continue
		}
		if i == 0 {
			e.Message += ": "
		} else {
			e.Message += "; "
		}
		e.Message += violation
	}
	e.Message = clip(e.Message)
	if seconds, err := strconv.ParseInt(response.Header("retry-after"), 10, 32); err == nil && seconds > 0 {
		e.RetryAfterMS = seconds * 1000
	}
	SetRetryable(e)
	return e
}

// SetRetryable marks the kinds whose cause may pass by itself.
func SetRetryable(e *spec.Error) {
	switch e.Kind {
	case spec.KindRateLimited, spec.KindTimeout, spec.KindTransport, spec.KindCapacity:
		e.Retryable = true
	case spec.KindProvider:
		e.Retryable = e.Status >= 500
	default:
		e.Retryable = false
	}
}

// Unreadable is the error of an answer that is not what the cloud's contract
// says. It tells nothing of the body, which may hold secrets.
func Unreadable(response *sdk.Response, what string) *spec.Error {
	return &spec.Error{Kind: spec.KindProvider, Status: response.Status, Message: "the answer is no " + what,
		Hint: "the cloud's API may have changed, or something between answered in its place"}
}

// Unconfirmed is the error of an answer to a terminate that is a success, but not
// in the cloud's own words: a page of something between would otherwise pass for a
// machine that is given back, while it runs on and costs.
func Unconfirmed(response *sdk.Response) *spec.Error {
	return &spec.Error{Kind: spec.KindProvider, Status: response.Status, Retryable: true, Message: "the answer does not confirm that the machine is given back",
		Hint: "something between may have answered in the cloud's place; the machine may go on costing until compute.terminate succeeds"}
}

// Blank reports whether a body says nothing.
func Blank(body string) bool { return strings.TrimSpace(body) == "" }

// Says reports whether a body is one whole object whose member of that name is
// true, as clouds confirm what they did.
func Says(body, name string) bool {
	said := jsonx.New(jsonx.Field(body, name))
	return jsonx.IsObject(body) && said.Bool()
}

func firstLine(text string) string {
	start := 0
	for start < len(text) && text[start] <= ' ' {
		start++
	}
	for end := start; end < len(text); end++ {
		if text[end] == '\n' || text[end] == '\r' {
			return text[start:end]
		}
	}
	return text[start:]
}

func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > 0 && text[end]&0xC0 == 0x80 {
		end--
	}
	return text[:end] + cutMark
}
