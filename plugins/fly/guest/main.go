//go:build wasip1

// Command guest is the fly provider as a WebAssembly plugin: nothing but the
// exports of docs/plugin-abi.md around the provider of package fly.
// internal/buildplugins builds it.
package main

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/fly"
	"github.com/exatlas/atlas/plugins/sdk/guest"
)

// A WASI reactor runs init functions and never main.
func init() { guest.Serve(fly.Provider()) }

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

//go:wasmexport list_gpu_types
func listGPUTypes() int32 { return guest.Enter(spec.OpListGPUTypes) }

//go:wasmexport clean_up
func cleanUp() int32 { return guest.Enter(spec.OpCleanUp) }
