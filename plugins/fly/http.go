package fly

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// call is one request to the Machines API.
type call struct {
	method  string
	path    string // after /v1
	body    []byte
	nonce   string   // of a lease that is held on the machine
	aside   bool     // see sdk.Request.Aside
	secrets []string // texts that no error may repeat
}

// ask sends a request and returns the answer of a successful one.
func ask(env sdk.Env, c call) (sdk.Response, *spec.Error) {
	request := sdk.Request{Method: c.method, URL: address(env, "api", defaultAPI) + "/v1" + c.path, Body: c.body, Aside: c.aside,
		Header: []sdk.Header{{Name: "accept", Value: "application/json"}}}
	if c.body != nil {
		request.Header = append(request.Header, sdk.Header{Name: "content-type", Value: "application/json"})
	}
	if c.nonce != "" {
		request.Header = append(request.Header, sdk.Header{Name: "fly-machine-lease-nonce", Value: c.nonce})
	}
	response, err := env.HTTP.Do(request)
	if err != nil {
		return response, err
	}
	if response.Status < 200 || response.Status > 299 {
		return response, failure(&response, c.secrets)
	}
	return response, nil
}

// refused reports whether an error says for certain that a request did nothing.
func refused(err *spec.Error) bool {
	return err.Status >= 400 && err.Status < 500 && err.Status != 408
}

// invalid is an error of the request, found before anything was sent.
func invalid(message, hint string) *spec.Error {
	return &spec.Error{Kind: spec.KindValidation, Message: message, Hint: hint}
}

// lacks is the error of asking for what Fly has not, found before anything was
// sent.
func lacks(message, hint string) *spec.Error {
	return &spec.Error{Kind: spec.KindUnsupported, Message: message, Hint: hint}
}
