package lambdalabs

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// name is the provider's name.
const name = "lambda_labs"

// Default addresses, used where the host gives none. Addresses of a manifest are
// https, and the ports of a machine are not: defaultPort stands for plain HTTP at
// the machine's own address, unless an operator's setting replaces it.
const (
	defaultAPI  = "https://cloud.lambda.ai"
	defaultPort = "https://{ip}:{port}"
)

// Names of the operator's settings, providers.lambda_labs.config.
const (
	settingSSHKey = "ssh_key"      // name of the registered key that machines get unless a spawn says otherwise
	settingFamily = "image_family" // family of the machine image, in place of Lambda Stack
)

// launchPath is where machines are made.
const launchPath = "/api/v1/instance-operations/launch"

// Provider returns the provider.
func Provider() *sdk.Provider {
	return &sdk.Provider{
		Manifest:     manifest,
		Spawn:        spawn,
		Get:          get,
		List:         list,
		Find:         find,
		Terminate:    terminate,
		ListGPUTypes: listGPUTypes,
		SearchOffers: searchOffers,
	}
}

// manifest declares the paces that Lambda publishes; nothing says whether they
// are a key's or an account's. The listing lag is an assumption with a margin;
// Lambda states none.
func manifest() spec.Manifest {
	return spec.Manifest{
		Name:        name,
		ABI:         spec.PluginABI,
		Version:     "1.0.0",
		Description: "Lambda Cloud virtual machines",
		Capabilities: []spec.Capability{spec.CapNetworkVolumes, spec.CapRawTCP, spec.CapSymmetricPorts, spec.CapOffers, spec.CapCPU,
			spec.CapGPU},
		URLs: []spec.NamedURL{
			{Name: "api", URL: defaultAPI},
			{Name: "port", URL: defaultPort, OverridePath: "/proxy/{id}/{port}"},
		},
		Hosts:      []string{"cloud.lambda.ai"},
		Credential: &spec.Credential{Env: []string{"LAMBDA_LABS_API_KEY"}, Header: "Authorization", Scheme: "Bearer"},
		RateLimits: []spec.RateLimit{
			{Requests: 1, WindowMS: 1000},
			{Method: "POST", Path: launchPath, Requests: 1, WindowMS: 12_000},
		},
		API:          spec.API{Generation: "Cloud API v1 (1.8.3)", Checked: "2026-11-24"},
		ListingLagMS: 15_000,
		GPUs: []spec.ManifestGPU{
			{Canonical: "a100_40g_pcie", Native: "gpu_1x_a100_pcie", MemoryGB: 40},
		},
		Lacks: []spec.Lack{
			{Capability: spec.CapStopStart, Reason: "Lambda can restart and terminate a machine, not stop it"},
			{Capability: spec.CapSpot, Reason: "Lambda sells no interruptible machines"},
			{Capability: spec.CapServerless, Reason: "Lambda has no job API"},
			{Capability: spec.CapLogs, Reason: "Lambda's machines keep their logs to themselves; log in by SSH and read /var/log/atlas.log"},
			{Capability: spec.CapBilling, Reason: "Lambda has no billing API"},
			{Capability: spec.CapHTTPProxy, Reason: "Lambda's machines are reached at their own address"},
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
