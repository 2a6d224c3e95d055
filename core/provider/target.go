package provider

import "github.com/exatlas/atlas/core/spec"

// Target is what every call says of where it goes. Params types embed it.
type Target struct {
	Provider string      `json:"provider" doc:"Provider to use, or one of its further accounts as runpod:acme. Default: the client's default_provider."`
	APIKey   spec.Secret `json:"api_key" doc:"Credential for this call alone. Default: the client's."`
	HTTP     *spec.HTTP  `json:"http" doc:"How this call's requests are sent. Default: providers.<name>.http."`
}

// Any stands for every provider that a credential is configured for.
const Any = "any"

// Targets is what a call says that may go to several providers.
type Targets struct {
	Provider []string    `json:"provider" single:"true" doc:"Provider to use, or one of its further accounts as runpod:acme, a list in order of preference, or any: all that a credential is configured for. Default: the client's default_provider."`
	APIKey   spec.Secret `json:"api_key" doc:"Credential for this call alone; only with one provider. Default: the client's."`
	HTTP     *spec.HTTP  `json:"http" doc:"How this call's requests are sent. Default: providers.<name>.http."`
}
