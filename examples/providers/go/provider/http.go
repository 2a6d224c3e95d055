package provider

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// ask sends a request to a path of the API and returns the answer of a
// successful one. No text of secrets occurs in an error.
func ask(env sdk.Env, method, path string, body []byte, secrets ...string) (sdk.Response, *spec.Error) {
	base := env.URLs.Get("api")
	if base == "" {
		base = address
	}
	request := sdk.Request{Method: method, URL: base + path, Body: body}
	if body != nil {
		request.Header = []sdk.Header{{Name: "content-type", Value: "application/json"}}
	}
	response, err := env.HTTP.Do(request)
	if err != nil {
		return response, err
	}
	if response.Status < 200 || response.Status > 299 {
		return response, failure(&response, secrets)
	}
	return response, nil
}

// machinePath is the path of a machine, or of something below it. An identifier
// that Acme cannot have given is refused here, so that it leads nowhere else.
func machinePath(id, below string) (string, *spec.Error) {
	ok := len(id) >= 1 && len(id) <= 64
	for i := 0; i < len(id); i++ {
		c := id[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if !ok {
		return "", invalid("the id is none of Acme's")
	}
	return "/v1/machines/" + id + below, nil
}

// invalid is an error of the request, found before anything was sent.
func invalid(message string) *spec.Error { return spec.NewError(spec.KindValidation, message) }

// lacking is an error of a request for what the cloud does not have.
func lacking(message string) *spec.Error { return spec.NewError(spec.KindUnsupported, message) }
