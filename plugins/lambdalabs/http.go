package lambdalabs

import (
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// call is one request to the API.
type call struct {
	method  string
	path    string
	body    []byte
	aside   bool     // see sdk.Request.Aside
	secrets []string // texts that no error may repeat
}

// answer is what a successful request brought.
type answer struct {
	data string // what the envelope holds, "" for nothing or null
	date string // when Lambda says it answered, RFC 3339 UTC, "" where it does not say
	sdk.Response
}

// ask sends a request and returns the answer of a successful one, out of its
// envelope.
func ask(env sdk.Env, c call) (answer, *spec.Error) {
	request := sdk.Request{Method: c.method, URL: address(env, "api", defaultAPI) + c.path, Body: c.body, Aside: c.aside,
		Header: []sdk.Header{{Name: "accept", Value: "application/json"}}}
	if c.body != nil {
		request.Header = append(request.Header, sdk.Header{Name: "content-type", Value: "application/json"})
	}
	response, err := env.HTTP.Do(request)
	if err != nil {
		return answer{}, err
	}
	if response.Status < 200 || response.Status > 299 {
		return answer{}, failure(&c, &response)
	}
	text := response.Body
	if !jsonx.IsObject(text) {
		return answer{Response: response}, rest.Unreadable(&response, "document of Lambda's")
	}
	return answer{data: jsonx.Field(text, "data"), date: utcDate(response.Header("date")), Response: response}, nil
}

// utcDate reads the Date of an answer.
func utcDate(text string) string {
	if t, err := time.Parse(time.RFC1123, text); err == nil {
		return t.UTC().Format(time.RFC3339)
	}
	return ""
}

// elements calls each with every element of the array text that is not null. It
// reports whether text is an array and each took its element: taking a list that
// is not whole for one would make rented machines look gone.
func elements(text string, each func(element string) bool) bool {
	r := jsonx.New(text)
	if r.Kind() != jsonx.Array {
		return false
	}
	whole := true
	for more := r.Array(); more; more = r.NextElement() {
		if one := r.Raw(); one != "" && !each(one) {
			whole = false
		}
	}
	return r.Done() && whole
}

// invalid is an error of the request, found before anything was launched.
func invalid(message, hint string) *spec.Error {
	return &spec.Error{Kind: spec.KindValidation, Message: message, Hint: hint}
}

// lacks is the error of asking for what Lambda has not, found before anything
// was sent.
func lacks(message, hint string) *spec.Error {
	return &spec.Error{Kind: spec.KindUnsupported, Message: message, Hint: hint}
}
