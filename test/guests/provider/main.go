//go:build wasip1

// Command provider is the runpod provider on the plain Extism PDK for Go, with
// nothing of Atlas's own import module: it shows that a provider's logic knows
// no transport, and is what the SDK's own transport is measured against
// (docs/rationale.md).
package main

import (
	"github.com/extism/go-pdk"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/runpod"
	"github.com/exatlas/atlas/plugins/sdk"
)

// doer sends a request and blocks until its answer is there.
type doer struct{}

func (doer) Do(request sdk.Request) (sdk.Response, *spec.Error) {
	ask := pdk.NewHTTPRequest(methods[request.Method], request.URL)
	for _, h := range request.Header {
		ask.SetHeader(h.Name, h.Value)
	}
	ask.SetBody(request.Body)
	answer := ask.Send()
	if answer.Status() == 0 {
		return sdk.Response{}, spec.NewError(spec.KindTransport, "the request got no answer")
	}
	headers := answer.Headers()
	return sdk.Response{Status: int(answer.Status()), Body: string(answer.Body()), Lookup: func(name string) string { return headers[name] }}, nil
}

var methods = map[string]pdk.HTTPMethod{"GET": pdk.MethodGet, "HEAD": pdk.MethodHead, "POST": pdk.MethodPost, "PUT": pdk.MethodPut, "PATCH": pdk.MethodPatch, "DELETE": pdk.MethodDelete}

var provider = runpod.Provider()

func carry(operation string) int32 {
	pdk.Output(sdk.Handle(provider, operation, pdk.Input(), doer{}, nil))
	return 0
}

func main() {}

//go:wasmexport describe
func describe() int32 { return carry(spec.OpDescribe) }

//go:wasmexport spawn_compute
func spawnCompute() int32 { return carry(spec.OpSpawn) }

//go:wasmexport get_compute
func getCompute() int32 { return carry(spec.OpGet) }

//go:wasmexport terminate
func terminate() int32 { return carry(spec.OpTerminate) }
