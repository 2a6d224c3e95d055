package mock

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// ask sends a request to a path of the API and returns the answer of a
// successful one. No text of secrets occurs in an error.
func ask(env sdk.Env, method, path string, body []byte, secrets ...string) (sdk.Response, *spec.Error) {
	base := env.URLs.Get("api")
	if base == "" {
		base = defaultAPI
	}
	request := sdk.Request{Method: method, URL: base + path, Body: body, Header: []sdk.Header{{Name: "accept", Value: "application/json"}}}
	if body != nil {
		request.Header = append(request.Header, sdk.Header{Name: "content-type", Value: "application/json"})
	}
	response, err := env.HTTP.Do(request)
	if err != nil {
		if base == defaultAPI && err.Kind == spec.KindTransport {
			err.Hint = "the mock cloud exists as a simulator alone: start it with exatlas sim mock, and set providers.mock.base_url to the address that it prints"
		}
		return response, err
	}
	if response.Status < 200 || response.Status > 299 {
		return response, failure(&response, secrets)
	}
	return response, nil
}

// machinePath returns the path of a machine, or of something below it.
func machinePath(id, below string) (string, *spec.Error) {
	if id == "" {
		return "", invalid("id is empty")
	}
	return "/v1/machines/" + rest.Escape(id) + below, nil
}

// invalid is an error of the request, found before anything was sent.
func invalid(message string) *spec.Error { return spec.NewError(spec.KindValidation, message) }
