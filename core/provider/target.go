package provider

import "github.com/exatlas/atlas/core/spec"

// Target is what every call says of where it goes. Params types embed it.
type Target struct {
	Provider string      `json:"provider" doc:"Provider to use. Default: the client's default_provider."`
	APIKey   spec.Secret `json:"api_key" doc:"Credential for this call alone. Default: the client's."`
}
