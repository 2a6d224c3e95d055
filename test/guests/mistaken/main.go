//go:build wasip1

// Command mistaken is a plugin that works as long as all goes well, and loses or
// mistakes machines where something does not: three sets of mistakes for the
// conformance suite to find, of which -ldflags "-X main.set=…" takes one.
package main

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/mock"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/guest"
)

var set = "first"

// A WASI reactor runs init functions and never main.
func init() {
	right := mock.Provider()
	p := mock.Provider()
	p.RunJob, p.GetJob, p.CancelJob, p.StreamJob, p.GetLogs, p.ListGPUTypes = nil, nil, nil, nil, nil, nil
	p.Manifest = func() spec.Manifest {
		m := right.Manifest()
		m.Capabilities = []spec.Capability{spec.CapGPU, spec.CapCPU, spec.CapSpot, spec.CapNetworkVolumes, spec.CapStopStart}
		return m
	}
	switch set {
	case "first":
		p.Spawn, p.Get, p.List, p.Find, p.Terminate = forgetful(right), confused(right), swallowing(right), generous(right), believing(right)
	case "second":
		p.Spawn, p.Get, p.List, p.Terminate = stubborn(right), hasty(right), short(right), strict(right)
	case "third":
		p.Get, p.List, p.Stop = credulous(right), content(right), redirected(right)
	}
	guest.Serve(p)
}

// doer changes requests and answers on their way.
type doer func(sdk.Request) (sdk.Response, *spec.Error)

func (d doer) Do(r sdk.Request) (sdk.Response, *spec.Error) { return d(r) }

// forgetful sends neither request id nor environment.
func forgetful(right *sdk.Provider) func(sdk.Env, *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
	return func(env sdk.Env, request *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
		less := *request
		less.RequestID, less.Env = "", nil
		return right.Spawn(env, &less)
	}
}

// stubborn asks again under another name.
func stubborn(right *sdk.Provider) func(sdk.Env, *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
	return func(env sdk.Env, request *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
		c, err := right.Spawn(env, request)
		if err != nil && err.Kind != spec.KindUnsupported && err.Kind != spec.KindValidation {
			again := *request
			again.Name += "-2"
			return right.Spawn(env, &again)
		}
		return c, err
	}
}

// confused answers a machine that nobody asked about.
func confused(right *sdk.Provider) func(sdk.Env, *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return func(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
		c, err := right.Get(env, request)
		if err == nil {
			c.ID = "mock-another"
		}
		return c, err
	}
}

// hasty takes a state that it does not know for the end.
func hasty(right *sdk.Provider) func(sdk.Env, *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return func(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
		c, err := right.Get(env, request)
		if err == nil && c.NativeStatus != "running" && c.NativeStatus != "stopped" {
			c.Status = spec.StatusTerminated
		}
		return c, err
	}
}

// credulous takes every 404 for the cloud's own.
func credulous(right *sdk.Provider) func(sdk.Env, *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return func(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
		c, err := right.Get(env, request)
		if err != nil && err.Status == 404 {
			err.Kind = spec.KindNotFound
		}
		return c, err
	}
}

// swallowing takes a page that fails for an empty one.
func swallowing(right *sdk.Provider) func(sdk.Env, *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
	return func(env sdk.Env, request *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
		under := env.HTTP
		env.HTTP = doer(func(r sdk.Request) (sdk.Response, *spec.Error) {
			answer, err := under.Do(r)
			if strings.Contains(r.URL, "cursor=") && (err != nil || answer.Status != 200) {
				return sdk.Response{Status: 200, Body: `{"machines":[]}`}, nil
			}
			return answer, err
		})
		return right.List(env, request)
	}
}

// short reads the first page.
func short(right *sdk.Provider) func(sdk.Env, *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
	return func(env sdk.Env, request *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
		under := env.HTTP
		env.HTTP = doer(func(r sdk.Request) (sdk.Response, *spec.Error) {
			answer, err := under.Do(r)
			answer.Body = strings.ReplaceAll(answer.Body, `"next":`, `"unread":`)
			return answer, err
		})
		return right.List(env, request)
	}
}

// content takes a document without machines for an account without machines.
func content(right *sdk.Provider) func(sdk.Env, *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
	return func(env sdk.Env, request *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
		page, err := right.List(env, request)
		if err != nil && err.Status == 200 {
			return &spec.ComputePage{Items: []spec.Compute{}}, nil
		}
		return page, err
	}
}

// generous finds every machine there is.
func generous(right *sdk.Provider) func(sdk.Env, *spec.FindRequest) (*spec.ComputePage, *spec.Error) {
	return func(env sdk.Env, request *spec.FindRequest) (*spec.ComputePage, *spec.Error) {
		return right.List(env, &spec.ListRequest{Cursor: request.Cursor})
	}
}

// believing looks whether the machine is there, and takes whatever comes after
// that for its end.
func believing(right *sdk.Provider) func(sdk.Env, *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return func(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
		if _, err := right.Get(env, request); err != nil {
			return nil, err
		}
		c, err := right.Terminate(env, request)
		if err != nil && (err.Status == 200 || err.Status == 404) {
			return nil, nil
		}
		return c, err
	}
}

// strict fails where there is nothing to end.
func strict(right *sdk.Provider) func(sdk.Env, *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return func(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
		c, err := right.Terminate(env, request)
		if err == nil && c.NativeStatus == "" {
			return nil, spec.NewError(spec.KindNotFound, "there is no such machine")
		}
		return c, err
	}
}

// redirected takes what it is sent on to for done.
func redirected(right *sdk.Provider) func(sdk.Env, *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return func(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
		c, err := right.Stop(env, request)
		if err != nil && err.Status >= 300 && err.Status < 400 {
			return nil, nil
		}
		return c, err
	}
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
