package vast

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// name is the provider's name.
const name = "vast"

// Default addresses, used where the host gives none. A machine's HTTP port is
// plain HTTP at the host's address; a manifest takes https alone, so the second
// stands there only for what an operator sets in its place.
const (
	defaultAPI    = "https://console.vast.ai"
	defaultDirect = "https://{host}:{port}"
)

// logPath is where Vast puts the logs it is asked for, in an S3 bucket.
const logPath = "/vast.ai/instance_logs/"

// Environment variables of a machine that the listing shows.
const (
	requestIDVariable = "ATLAS_REQUEST_ID"
	portsVariable     = "ATLAS_PORTS" // "8000/http,9000/tcp"
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
		ListGPUTypes: listGPUTypes,
		SearchOffers: searchOffers,
		GetLogs:      getLogs,
		GetBill:      getBill,
	}
}

// manifest declares the thresholds that Vast publishes: the least time between
// two requests to one endpoint. The last one is not Vast's: a log appears a while
// after it was asked for, and this is the pace at which getLogs looks for it.
func manifest() spec.Manifest {
	return spec.Manifest{
		Name:        name,
		ABI:         spec.PluginABI,
		Version:     "1.0.0",
		Description: "Vast.ai instances",
		Capabilities: []spec.Capability{spec.CapSpot, spec.CapRawTCP, spec.CapSymmetricPorts, spec.CapStopStart, spec.CapLogs, spec.CapBilling, spec.CapOffers,
			spec.CapGPU, spec.CapCloudTiers},
		URLs: []spec.NamedURL{
			{Name: "api", URL: defaultAPI},
			{Name: "direct", URL: defaultDirect, OverridePath: "/proxy/{host}/{port}"},
		},
		Hosts:      []string{"console.vast.ai", "s3.amazonaws.com"},
		Credential: &spec.Credential{Env: []string{"VAST_API_KEY"}, Header: "Authorization", Scheme: "Bearer", Hosts: []string{"console.vast.ai"}},
		RateLimits: []spec.RateLimit{
			{Method: "POST", Path: "/api/v0/bundles/", Requests: 10, WindowMS: 60_000},
			{Method: "PUT", Path: "/api/v0/asks/", Requests: 1, WindowMS: 4500},
			{Method: "GET", Path: "/api/v1/instances/", Requests: 1, WindowMS: 1000},
			{Method: "GET", Path: "/api/v0/instances/", Requests: 1, WindowMS: 2000},
			{Method: "PUT", Path: "/api/v0/instances/", Requests: 1, WindowMS: 1000},
			{Method: "DELETE", Path: "/api/v0/instances/", Requests: 1, WindowMS: 3000},
			{Method: "GET", Path: "/api/v0/metrics/", Requests: 1, WindowMS: 3000},
			{Method: "GET", Path: "/api/v0/charges/", Requests: 1, WindowMS: 1000},
			{Method: "GET", Path: logPath, Requests: 1, WindowMS: 300},
		},
		API:          spec.API{Generation: "REST v0, listing v1", Checked: "2026-11-24"},
		ListingLagMS: 10_000,
		Lacks: []spec.Lack{
			{Capability: spec.CapCPU, Reason: "Vast.ai rents machines with GPUs only"},
			{Capability: spec.CapHTTPProxy, Reason: "Vast.ai maps ports to the host's own address and terminates no TLS"},
			{Capability: spec.CapNetworkVolumes, Reason: "a volume at Vast.ai lives on one host and goes nowhere else"},
			{Capability: spec.CapServerless, Reason: "Vast.ai's serverless endpoints take requests at their workers, not as jobs"},
		},
	}
}

// address returns an address of the manifest, after the operator's settings.
func address(env sdk.Env, named, standard string) string {
	if text := env.URLs.Get(named); text != "" {
		return text
	}
	return standard
}
