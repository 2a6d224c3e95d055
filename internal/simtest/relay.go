package simtest

import (
	"bytes"
	"io"
	"net/http"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// Relay carries a provider's request to a simulator, as the host would, but
// without retries and paces. authorization is the header of that name.
func Relay(client *http.Client, authorization string, request sdk.Request) (sdk.Response, *spec.Error) {
	broke := func(err error) (sdk.Response, *spec.Error) {
		return sdk.Response{}, &spec.Error{Kind: spec.KindTransport, Message: "the connection broke", Err: err}
	}
	out, err := http.NewRequest(request.Method, request.URL, bytes.NewReader(request.Body))
	if err != nil {
		return broke(err)
	}
	for _, h := range request.Header {
		out.Header.Set(h.Name, h.Value)
	}
	out.Header.Set("Authorization", authorization)
	response, err := client.Do(out)
	if err != nil {
		return broke(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return broke(err)
	}
	return sdk.Response{Status: response.StatusCode, Body: string(body), Lookup: response.Header.Get}, nil
}
