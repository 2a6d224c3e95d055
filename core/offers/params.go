package offers

import (
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// Params asks what can be rented now.
type Params struct {
	provider.Targets
	GPU             []string       `json:"gpu" single:"true" maxlen:"256" doc:"GPUs by canonical or native name. Default: all."`
	GPUCount        int            `json:"gpu_count" min:"1" max:"1024" default:"1" doc:"GPUs in the machine."`
	MinGPUMemoryGB  float64        `json:"min_gpu_memory_gb" min:"0" doc:"Least memory of one GPU in GB."`
	Spot            bool           `json:"spot" doc:"Interruptible machines instead of the others."`
	CloudType       spec.CloudType `json:"cloud_type" enum:"any,secure,community" default:"any" doc:"Tier. Clouds without tiers count as any."`
	Regions         []string       `json:"regions" single:"true" doc:"Only these regions, by the clouds' own names or ISO country codes. Default: all."`
	MaxPricePerHour float64        `json:"max_price_per_hour" min:"0.000001" doc:"Ceiling in USD per hour for the whole machine; absent, and not 0, for none."`
	MinReliability  float64        `json:"min_reliability" min:"0" max:"1" doc:"Least reliability, 0 to 1. Clouds that tell none are kept: their machines are their own."`
	DiskGB          int            `json:"disk_gb" min:"0" doc:"Disk the machine must have, in GB."`
	Limit           int            `json:"limit" min:"1" max:"1000" default:"100" doc:"Most offers to answer."`
	IncludeRaw      bool           `json:"include_raw" doc:"Keeps the clouds' own rows in raw."`
}

// OfferResults is the answer of a search.
type OfferResults struct {
	Items    []spec.Offer   `json:"items" doc:"Offers, cheapest first."`
	Problems []CloudProblem `json:"problems" doc:"Clouds that could not be asked, or have nothing of the kind, and why."`
}

// CloudProblem is why a cloud has no part in an answer.
type CloudProblem struct {
	Provider string      `json:"provider" doc:"Name of the provider."`
	Error    *spec.Error `json:"error" doc:"What happened there."`
}
