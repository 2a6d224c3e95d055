package vast

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// exchange sends a request and returns the answer, whatever it says.
func exchange(env sdk.Env, request sdk.Request) (sdk.Response, *spec.Error) {
	request.Header = append(request.Header, sdk.Header{Name: "accept", Value: "application/json"})
	if request.Body != nil {
		request.Header = append(request.Header, sdk.Header{Name: "content-type", Value: "application/json"})
	}
	return env.HTTP.Do(request)
}

// ask sends a request and returns the answer of a successful one: a status of
// success, and a body that does not take it back, for Vast says no with 200, too.
// What it says against the request becomes an error in which no text of secrets
// occurs.
func ask(env sdk.Env, request sdk.Request, secrets ...string) (sdk.Response, *spec.Error) {
	response, err := exchange(env, request)
	if err != nil {
		return response, err
	}
	if !success(&response) {
		return response, failure(&response, secrets)
	}
	return response, nil
}

// success reports whether an answer means yes.
func success(response *sdk.Response) bool {
	if response.Status < 200 || response.Status > 299 {
		return false
	}
	said := jsonx.New(jsonx.Field(response.Body, "success"))
	return said.Kind() != jsonx.Bool || said.Bool()
}

// act sends a request that changes something. It is done only where Vast says so
// in its own words: a page of something between must not pass for it.
func act(env sdk.Env, request sdk.Request, secrets ...string) *spec.Error {
	response, err := ask(env, request, secrets...)
	if err == nil && !confirmed(&response) {
		err = rest.Unreadable(&response, "confirmation")
	}
	return err
}

// confirmed reports whether an answer says that what was asked for is done.
func confirmed(response *sdk.Response) bool { return rest.Says(response.Body, "success") }

// api returns an address of the API. Every path ends in a slash: without it Vast
// redirects, and a redirected PUT arrives empty.
func api(env sdk.Env, path string) string { return address(env, "api", defaultAPI) + path }

// instanceURL returns the address of an instance, or of what it has below verb.
func instanceURL(env sdk.Env, verb, id string) (string, *spec.Error) {
	if err := checkID("id", id); err != nil {
		return "", err
	}
	return api(env, "/api/v0/instances/"+verb+id+"/"), nil
}

// checkID refuses what is no number: all of Vast's identifiers are.
func checkID(field, id string) *spec.Error {
	if id == "" {
		return invalid(field + " is empty")
	}
	for i := 0; i < len(id); i++ {
		if id[i] < '0' || id[i] > '9' || i > 18 {
			return &spec.Error{Kind: spec.KindValidation, Message: field + " is no number", Hint: "the identifiers of Vast.ai are whole numbers"}
		}
	}
	return nil
}

// invalid is an error of the request, found before anything was sent.
func invalid(message string) *spec.Error { return spec.NewError(spec.KindValidation, message) }

// unsupported is an error of an option that Vast has nothing for, found before
// anything was sent.
func unsupported(message, hint string) *spec.Error {
	return &spec.Error{Kind: spec.KindUnsupported, Message: message + "; nothing was sent", Hint: hint}
}
