package runpod

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// name is the provider's name.
const name = "runpod"

// Default addresses, used where the host gives none.
const (
	defaultAPI   = "https://api.runpod.io"
	defaultJobs  = "https://api.runpod.ai"
	defaultProxy = "https://{id}-{port}.proxy.runpod.net"
)

// requestIDVariable is the environment variable that carries the request id of a
// create; RunPod's listing shows it.
const requestIDVariable = "ATLAS_REQUEST_ID"

// keysVariable is the environment variable in which RunPod hands SSH keys to a
// pod: those of a create, or else the account's where startSsh asks for them.
const keysVariable = "PUBLIC_KEY"

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
		GetBill:      getBill,
	}
}

// manifest declares no rate limits: RunPod's quotas differ by account, and the
// host paces itself by the RateLimit headers that every answer carries.
func manifest() spec.Manifest {
	return spec.Manifest{
		Name:        name,
		ABI:         spec.PluginABI,
		Version:     "1.0.0",
		Description: "RunPod pods and serverless jobs",
		Capabilities: []spec.Capability{spec.CapServerless, spec.CapNetworkVolumes, spec.CapHTTPProxy, spec.CapRawTCP, spec.CapSymmetricPorts,
			spec.CapWebhooks, spec.CapGlobalNetworking, spec.CapStopStart, spec.CapLogs, spec.CapBilling, spec.CapCPU, spec.CapGPU, spec.CapCloudTiers},
		URLs: []spec.NamedURL{
			{Name: "api", URL: defaultAPI},
			{Name: "jobs", URL: defaultJobs, OverridePath: "/jobs"},
			{Name: "proxy", URL: defaultProxy, OverridePath: "/proxy/{id}/{port}"},
		},
		Hosts:        []string{"api.runpod.io", "api.runpod.ai"},
		Credential:   &spec.Credential{Env: []string{"RUNPOD_API_KEY"}, Header: "Authorization", Scheme: "Bearer"},
		API:          spec.API{Generation: "REST v2", Checked: "2026-11-23"},
		ListingLagMS: 10_000,
	}
}

// address returns an address of the manifest, after the operator's settings.
func address(env sdk.Env, named, standard string) string {
	if text := env.URLs.Get(named); text != "" {
		return text
	}
	return standard
}
