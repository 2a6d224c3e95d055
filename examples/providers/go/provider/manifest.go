package provider

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// name is the provider's name: callers, settings and files use it.
const name = "acme_go"

// address is where the cloud's API is. An operator's base_url replaces it.
const address = "https://api.acmecompute.invalid"

// New returns the provider. A function that is left out is an operation it
// lacks; take its export out of main.go too.
func New() *sdk.Provider {
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
	}
}

func manifest() spec.Manifest {
	return spec.Manifest{
		Name:         name,
		ABI:          spec.PluginABI,
		Version:      "0.1.0",
		Description:  "Acme Compute, an invented cloud",
		Capabilities: []spec.Capability{spec.CapGPU, spec.CapStopStart, spec.CapHTTPProxy, spec.CapRawTCP},
		URLs:         []spec.NamedURL{{Name: "api", URL: address}},
		Hosts:        []string{"api.acmecompute.invalid"},
		Credential:   &spec.Credential{Env: []string{"ACME_GO_API_KEY"}, Scheme: "Bearer"},
		RateLimits:   []spec.RateLimit{{Requests: 300, WindowMS: 60000}},
		API:          spec.API{Generation: "v1", Checked: "2026-11-24"},
		GPUs: []spec.ManifestGPU{
			{Canonical: "l40s", Native: "l40s", MemoryGB: 48},
			{Canonical: "a100_80g", Native: "a100", MemoryGB: 80},
			{Canonical: "h100", Native: "h100", MemoryGB: 80},
		},
	}
}
