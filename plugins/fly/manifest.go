package fly

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// name is the provider's name.
const name = "fly"

// Default addresses, used where the host gives none. Every app has the first; a
// port other than 443 is reached through the second.
const (
	defaultAPI     = "https://api.machines.dev"
	defaultApp     = "https://{app}.fly.dev"
	defaultAppPort = "https://{app}.fly.dev:{port}"
)

// Names of the operator's settings, providers.fly.config, and of the members of
// provider_opts that are Atlas's and not the Machines API's.
const (
	settingApp = "app" // the app that machines are made in; none: one for each machine
	settingOrg = "org" // slug of the organization; none: the token's
	settingIPs = "ips" // provider_opts only: types of addresses the app gets, in place of those the ports need
)

// gpuEnded is why there are no GPUs.
const gpuEnded = "Fly.io ended GPU machines on 2026-08-01"

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
		CleanUp:      cleanUp,
	}
}

// manifest declares no rate limits: Fly's apply to each machine and app apart (a
// request a second for each action), which a limit per account cannot say. The
// listing lag is an assumption with a margin; Fly states none.
func manifest() spec.Manifest {
	return spec.Manifest{
		Name:        name,
		ABI:         spec.PluginABI,
		Version:     "1.0.0",
		Description: "Fly.io machines, CPU only",
		Capabilities: []spec.Capability{spec.CapNetworkVolumes, spec.CapHTTPProxy, spec.CapRawTCP, spec.CapSymmetricPorts,
			spec.CapGlobalNetworking, spec.CapStopStart, spec.CapCPU},
		URLs: []spec.NamedURL{
			{Name: "api", URL: defaultAPI},
			{Name: "app", URL: defaultApp, OverridePath: "/proxy/{app}/443"},
			{Name: "app_port", URL: defaultAppPort, OverridePath: "/proxy/{app}/{port}"},
		},
		Hosts:        []string{"api.machines.dev"},
		Credential:   &spec.Credential{Env: []string{"FLY_ACCESS_TOKEN", "FLY_API_TOKEN"}, Header: "Authorization", Scheme: "fly"},
		API:          spec.API{Generation: "Machines v1", Checked: "2026-11-24"},
		ListingLagMS: 15_000,
		Lacks: []spec.Lack{{Capability: spec.CapGPU, Reason: gpuEnded},
			{Capability: spec.CapBilling, Reason: "Fly bills organizations and tells nothing of single machines"}},
	}
}

// address returns an address of the manifest, after the operator's settings.
func address(env sdk.Env, named, standard string) string {
	if text := env.URLs.Get(named); text != "" {
		return text
	}
	return standard
}

// listGPUTypes answers the empty catalogue without asking: Fly has no GPUs.
func listGPUTypes(sdk.Env, *spec.GPUTypesRequest) (*spec.GPUTypeList, *spec.Error) {
	return &spec.GPUTypeList{Items: []spec.GPUType{}}, nil
}

// noGPU is the error of asking for one.
func noGPU() *spec.Error {
	return &spec.Error{Kind: spec.KindUnsupported, Message: gpuEnded + "; nothing was sent", Hint: "ask for cpu, or choose another provider"}
}
