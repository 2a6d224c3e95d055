package mock

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// name is the provider's name.
const name = "mock"

// Default addresses. The domain invalid never resolves (RFC 2606).
const (
	defaultAPI   = "https://api.mockcloud.invalid"
	defaultProxy = "https://{id}-{port}.proxy.mockcloud.invalid"
)

// Provider returns the provider.
func Provider() *sdk.Provider {
	return &sdk.Provider{
		Manifest:     manifest,
		Spawn:        spawn,
		Get:          get,
		List:         list,
		Find:         find,
		Stop:         stop,
		Start:        start,
		Terminate:    terminate,
		RunJob:       runJob,
		GetJob:       getJob,
		CancelJob:    cancelJob,
		StreamJob:    streamJob,
		ListGPUTypes: listGPUTypes,
		GetLogs:      getLogs,
	}
}

func manifest() spec.Manifest {
	return spec.Manifest{
		Name:        name,
		ABI:         spec.PluginABI,
		Version:     "1.0.0",
		Description: "the mock cloud: a simulator, set base_url to one",
		Capabilities: []spec.Capability{spec.CapSpot, spec.CapServerless, spec.CapNetworkVolumes, spec.CapHTTPProxy, spec.CapRawTCP,
			spec.CapWebhooks, spec.CapStopStart, spec.CapLogs, spec.CapCPU, spec.CapGPU, spec.CapCloudTiers},
		URLs: []spec.NamedURL{
			{Name: "api", URL: defaultAPI},
			{Name: "proxy", URL: defaultProxy, OverridePath: "/proxy/{id}/{port}"},
		},
		Hosts: []string{"api.mockcloud.invalid"},
		API:   spec.API{Generation: "v1", Checked: "2026-11-23"},
		GPUs:  gpus(),
	}
}
