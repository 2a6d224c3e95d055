package runpod

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// ask sends a request and returns the answer of a successful one. What the
// cloud says against it becomes an error in which no text of secrets occurs.
func ask(env sdk.Env, method, url string, body []byte, secrets ...string) (sdk.Response, *spec.Error) {
	request := sdk.Request{Method: method, URL: url, Body: body, Header: []sdk.Header{{Name: "accept", Value: "application/json"}}}
	if body != nil {
		request.Header = append(request.Header, sdk.Header{Name: "content-type", Value: "application/json"})
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

// podURL returns the address of a pod, or of something below it.
func podURL(env sdk.Env, id, below string) (string, *spec.Error) {
	if id == "" {
		return "", invalid("id is empty")
	}
	return address(env, "api", defaultAPI) + "/v2/pods/" + rest.Escape(id) + below, nil
}

// invalid is an error of the request, found before anything was sent.
func invalid(message string) *spec.Error { return spec.NewError(spec.KindValidation, message) }
