package host

import (
	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/jsonscan"
)

// readOutput checks what an operation wrote, {"value":{…}} or {"error":{…}}, and
// returns a copy of the value.
func readOutput(output []byte) (spec.Raw, *spec.Error) {
	var room [4]jsonscan.Member
	members, ok := jsonscan.Object(output, room[:0])
	if !ok {
		return nil, spec.NewError(spec.KindPlugin, "the plugin's answer is not a JSON object in UTF-8, nested at most "+utoa(jsonscan.MaxDepth)+" deep")
	}
	var value, failure *jsonscan.Member
	for n := range members {
		m := &members[n]
		switch {
		case m.Key == "value" && value == nil:
			value = m
		case m.Key == "error" && failure == nil:
			failure = m
		case m.Key == "value" || m.Key == "error":
			return nil, spec.NewError(spec.KindPlugin, "the plugin's answer has two members "+m.Key)
		}
	}
	switch {
	case value != nil && failure != nil:
		return nil, spec.NewError(spec.KindPlugin, "the plugin's answer has both a value and an error")
	case failure != nil:
		return nil, readError(output[failure.Start:failure.End])
	case value == nil:
		return nil, spec.NewError(spec.KindPlugin, "the plugin's answer has neither a value nor an error")
	}
	text := output[value.Start:value.End]
	if text[0] != '{' {
		return nil, spec.NewError(spec.KindPlugin, "the plugin's value is not a JSON object")
	}
	return append(make(spec.Raw, 0, len(text)), text...), nil
}

// guestError is what a guest may say in an error.
type guestError struct {
	Kind         spec.Kind `json:"kind"`
	Message      string    `json:"message"`
	Hint         string    `json:"hint"`
	Status       int       `json:"status"`
	Retryable    bool      `json:"retryable"`
	RetryAfterMS int64     `json:"retry_after_ms"`
	Raw          spec.Raw  `json:"raw"`
	Details      spec.Raw  `json:"details"`
}

const (
	maxMessage = 2048
	maxRaw     = 64 << 10

	// longestRetryAfterMS is what a cloud's own Retry-After is cut at, too: more is a
	// mistake, and much more could not be counted in nanoseconds.
	longestRetryAfterMS = 7 * 24 * 60 * 60 * 1000
)

func readError(text []byte) *spec.Error {
	if text[0] != '{' {
		return spec.NewError(spec.KindPlugin, "the plugin's error is not a JSON object")
	}
	var g guestError
	if err := json.Unmarshal(text, &g); err != nil {
		return spec.NewError(spec.KindPlugin, "the plugin's error has a member of the wrong type: "+clean(err.Error(), 200))
	}
	if !spec.KnownKind(g.Kind) {
		return spec.NewError(spec.KindPlugin, "the plugin's error has the unknown kind \""+clean(string(g.Kind), 64)+"\"")
	}
	if g.Message == "" {
		return spec.NewError(spec.KindPlugin, "the plugin's error has no message")
	}
	e := &spec.Error{Kind: g.Kind, Message: clean(g.Message, maxMessage), Hint: clean(g.Hint, maxMessage), Retryable: g.Retryable, Details: g.Details}
	if g.Status >= 100 && g.Status <= 599 {
		e.Status = g.Status
	}
	if g.RetryAfterMS > 0 {
		e.RetryAfterMS = min(g.RetryAfterMS, longestRetryAfterMS)
	}
	if len(g.Raw) <= maxRaw {
		e.Raw = g.Raw
	}
	return e
}
