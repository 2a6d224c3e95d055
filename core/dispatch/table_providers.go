package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/spec"
)

// ProviderInfo describes one provider.
type ProviderInfo struct {
	Name         string             `json:"name" doc:"Provider name."`
	Version      string             `json:"version" doc:"Version of the plugin."`
	ABI          int                `json:"abi" doc:"Provider ABI it was built for."`
	Description  string             `json:"description,omitempty" doc:"One line for people."`
	Source       string             `json:"source" enum:"builtin,dir,loaded" doc:"Where the plugin comes from."`
	Path         string             `json:"path,omitempty" doc:"File of a plugin that is not built in."`
	SHA256       string             `json:"sha256" doc:"SHA-256 of the module, lower-case hex."`
	Capabilities []spec.Capability  `json:"capabilities" doc:"Features it has."`
	Operations   []string           `json:"operations" doc:"Operations its module exports."`
	Hosts        []string           `json:"hosts" doc:"Hosts it may reach: those of its manifest that the operator's hosts leave it."`
	Narrowed     bool               `json:"narrowed,omitempty" doc:"Whether the operator's hosts take some of the manifest's away."`
	Addresses    []string           `json:"addresses,omitempty" doc:"Addresses it may reach besides, from the operator's base_url and urls."`
	Pinned       bool               `json:"pinned,omitempty" doc:"Whether the operator named the only SHA-256 that a plugin of this name may have."`
	Limits       *ProviderLimits    `json:"limits,omitempty" doc:"What its module may use. Absent with error."`
	Credential   ProviderCredential `json:"credential" doc:"Where its credential comes from."`
	API          *spec.API          `json:"api,omitempty" doc:"Generation of the cloud's API it speaks."`
	Error        *spec.Error        `json:"error,omitempty" doc:"Why the plugin could not be loaded; the other fields are then empty."`
}

// ProviderLimits is what a plugin's module may use.
type ProviderLimits struct {
	MemoryBytes   int64 `json:"memory_bytes" doc:"Linear memory of one sandbox."`
	Sandboxes     int   `json:"sandboxes" doc:"Sandboxes at one time."`
	ComputeMS     int64 `json:"compute_ms,omitempty" doc:"Computing between two HTTP requests, ms. Absent for built-in plugins, which have no such limit."`
	Requests      int   `json:"requests" doc:"HTTP requests of one call."`
	ResponseBytes int   `json:"response_bytes" doc:"Body of one HTTP answer."`
	LogBytes      int   `json:"log_bytes" doc:"Log text of one call."`
}

// ProviderCredential says where a provider's credential comes from.
type ProviderCredential struct {
	Env        []string `json:"env" doc:"Environment variables that may hold it."`
	Configured bool     `json:"configured" doc:"Whether calls without api_key would find one, or none is needed."`
	Accounts   []string `json:"accounts,omitempty" doc:"Further credentials of the configuration, each named as calls name it: runpod:acme."`
}

// ProviderList is the result of providers.list.
type ProviderList struct {
	Items []ProviderInfo `json:"items" doc:"The providers by name."`
}

// ProviderParams names a provider.
type ProviderParams struct {
	Provider string `json:"provider" required:"true" minlen:"1" doc:"Provider name."`
}

// Capabilities is the result of providers.capabilities.
type Capabilities struct {
	Provider     string            `json:"provider" doc:"Provider name."`
	Capabilities []spec.Capability `json:"capabilities" doc:"Features it has."`
}

// LoadParams names a plugin file.
type LoadParams struct {
	Path   string `json:"path" required:"true" minlen:"1" doc:"File of the plugin, a .wasm."`
	SHA256 string `json:"sha256" doc:"Refuses the file unless this is its SHA-256 in hex."`
}

func addProviders(t *Table, s *Services) {
	add(t, "providers.list", Doc{
		Summary: "Lists the providers: what is loaded, from where, and with what rights.",
		Text:    "Plugins not used yet are compiled by it. One that cannot be loaded is listed with its error.",
		Params:  `{}`,
		Result:  `{"items":[{"name":"mock","version":"0.1.0","abi":1,"source":"builtin","sha256":"9f2c…","capabilities":["gpu","http_proxy"],"operations":["spawn_compute","get_compute"],"hosts":["api.mockcloud.invalid"],"limits":{"memory_bytes":536870912,"sandboxes":4,"requests":100,"response_bytes":16777216,"log_bytes":65536},"credential":{"env":[],"configured":true}}]}`,
	}, func(ctx context.Context, _ *None) (*ProviderList, error) {
		items, err := s.Providers.List(ctx)
		if err != nil {
			return nil, err
		}
		return &ProviderList{Items: items}, nil
	})
	add(t, "providers.capabilities", Doc{
		Summary: "Tells the capabilities of one provider.",
		Errors:  []spec.Kind{spec.KindPlugin},
		Params:  `{"provider":"runpod"}`,
		Result:  `{"provider":"runpod","capabilities":["gpu","cpu","serverless","http_proxy","raw_tcp","stop_start","logs"]}`,
	}, func(ctx context.Context, p *ProviderParams) (*Capabilities, error) {
		return s.Providers.Capabilities(ctx, p.Provider)
	})
	add(t, "providers.load", Doc{
		Summary: "Loads a provider plugin from a file.",
		Text:    "A plugin cannot take the name of a provider that exists already.",
		Errors:  []spec.Kind{spec.KindPlugin, spec.KindNotFound, spec.KindConflict},
		Params:  `{"path":"/opt/acme/acme.wasm"}`,
		Result:  `{"name":"acme","version":"1.0.0","abi":1,"source":"loaded","path":"/opt/acme/acme.wasm","sha256":"51d0…","capabilities":["gpu"],"operations":["spawn_compute"],"hosts":["api.acme.example"],"pinned":true,"limits":{"memory_bytes":536870912,"sandboxes":16,"compute_ms":2000,"requests":100,"response_bytes":16777216,"log_bytes":65536},"credential":{"env":["ACME_API_KEY"],"configured":false}}`,
	}, func(ctx context.Context, p *LoadParams) (*ProviderInfo, error) {
		return s.Providers.Load(ctx, p.Path, p.SHA256)
	})
	add(t, "providers.reload", Doc{
		Summary: "Reads a provider's plugin file again.",
		Text:    "Calls in flight end on the old plugin; new ones use the new one. A file that does not load leaves the old one in place.",
		Errors:  []spec.Kind{spec.KindPlugin, spec.KindNotFound},
		Params:  `{"provider":"acme"}`,
		Result:  `{"name":"acme","version":"1.0.1","abi":1,"source":"loaded","path":"/opt/acme/acme.wasm","sha256":"77ab…","capabilities":["gpu"],"operations":["spawn_compute"],"hosts":["api.acme.example"],"pinned":true,"limits":{"memory_bytes":536870912,"sandboxes":16,"compute_ms":2000,"requests":100,"response_bytes":16777216,"log_bytes":65536},"credential":{"env":["ACME_API_KEY"],"configured":false}}`,
	}, func(ctx context.Context, p *ProviderParams) (*ProviderInfo, error) {
		return s.Providers.Reload(ctx, p.Provider)
	})
}
