//go:build wasip1

// Command broken is a plugin with mistakes that providers were seen to make, for the
// conformance suite to find: it believes every status, indexes what may be missing,
// follows pages for ever, and hands on words that are none of Atlas's.
package main

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/mock"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/guest"
)

// A WASI reactor runs init functions and never main.
func init() {
	p := mock.Provider()
	p.Get, p.List, p.Stop, p.Terminate, p.CleanUp = brokenGet, brokenList, brokenStop, brokenTerminate, brokenCleanUp
	guest.Serve(p)
}

// brokenGet takes the cloud's word for the state as it is, and every answer for a machine.
func brokenGet(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	answer, err := env.HTTP.Do(sdk.Request{Method: "GET", URL: env.URLs.Get("api") + "/v1/machines/" + request.ID})
	if err != nil {
		return nil, err
	}
	status := after(string(answer.Body), `"status":"`)
	return &spec.Compute{ID: request.ID, Status: spec.Status(status), Ports: []spec.Port{}}, nil
}

// brokenList asks for pages as long as there is a token, the same one too.
func brokenList(env sdk.Env, _ *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
	for {
		answer, err := env.HTTP.Do(sdk.Request{Method: "GET", URL: env.URLs.Get("api") + "/v1/machines"})
		if err != nil {
			return nil, err
		}
		if !strings.Contains(string(answer.Body), "next") {
			return &spec.ComputePage{Items: []spec.Compute{}}, nil
		}
	}
}

// brokenStop reads a field that may not be there.
func brokenStop(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	answer, err := env.HTTP.Do(sdk.Request{Method: "POST", URL: env.URLs.Get("api") + "/v1/machines/" + request.ID + "/stop"})
	if err != nil {
		return nil, err
	}
	id := strings.Split(string(answer.Body), `"id":"`)[1]
	return &spec.Compute{ID: id[:strings.IndexByte(id, '"')], Status: spec.StatusStopped, Ports: []spec.Port{}}, nil
}

// brokenTerminate takes every success, and every 404, for the cloud's own.
func brokenTerminate(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	answer, err := env.HTTP.Do(sdk.Request{Method: "DELETE", URL: env.URLs.Get("api") + "/v1/machines/" + request.ID})
	if err == nil && answer.Status != 404 && (answer.Status < 200 || answer.Status > 299) {
		err = &spec.Error{Kind: spec.KindOfStatus(answer.Status), Status: answer.Status, Message: "it was refused"}
	}
	return nil, err
}

// brokenCleanUp does as brokenTerminate.
func brokenCleanUp(env sdk.Env, request *spec.CleanUpRequest) *spec.Error {
	_, err := brokenTerminate(env, &spec.IDRequest{ID: request.RequestID})
	return err
}

func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func main() {}

//go:wasmexport describe
func describe() int32 { return guest.Enter(spec.OpDescribe) }

//go:wasmexport spawn_compute
func spawnCompute() int32 { return guest.Enter(spec.OpSpawn) }

//go:wasmexport get_compute
func getCompute() int32 { return guest.Enter(spec.OpGet) }

//go:wasmexport list_compute
func listCompute() int32 { return guest.Enter(spec.OpList) }

//go:wasmexport find_compute
func findCompute() int32 { return guest.Enter(spec.OpFind) }

//go:wasmexport stop
func stop() int32 { return guest.Enter(spec.OpStop) }

//go:wasmexport start
func start() int32 { return guest.Enter(spec.OpStart) }

//go:wasmexport terminate
func terminate() int32 { return guest.Enter(spec.OpTerminate) }

//go:wasmexport clean_up
func cleanUp() int32 { return guest.Enter(spec.OpCleanUp) }

//go:wasmexport run_job
func runJob() int32 { return guest.Enter(spec.OpRunJob) }

//go:wasmexport get_job
func getJob() int32 { return guest.Enter(spec.OpGetJob) }

//go:wasmexport cancel_job
func cancelJob() int32 { return guest.Enter(spec.OpCancelJob) }

//go:wasmexport stream_job
func streamJob() int32 { return guest.Enter(spec.OpStreamJob) }

//go:wasmexport list_gpu_types
func listGPUTypes() int32 { return guest.Enter(spec.OpListGPUTypes) }

//go:wasmexport get_logs
func getLogs() int32 { return guest.Enter(spec.OpGetLogs) }
