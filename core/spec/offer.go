package spec

// Offer is something that can be rented now, at a price.
type Offer struct {
	ID           string    `json:"id,omitempty" doc:"The offer to take with offer_id, on clouds that rent single offers."`
	Provider     string    `json:"provider" doc:"Name of the provider."`
	GPUType      string    `json:"gpu_type,omitempty" doc:"Canonical GPU name, or the native one where no canonical name exists."`
	GPUNative    string    `json:"gpu_native,omitempty" doc:"The cloud's identifier of the GPU, as compute.spawn takes it."`
	GPUCount     int       `json:"gpu_count" doc:"GPUs in the machine."`
	GPUMemoryGB  float64   `json:"gpu_memory_gb,omitempty" doc:"Memory of one GPU in GB."`
	PricePerHour float64   `json:"price_per_hour" doc:"USD per hour for the whole machine. Of a spot offer: the least bid that gets it now."`
	Spot         bool      `json:"spot,omitempty" doc:"Whether the cloud may take it back."`
	CloudType    CloudType `json:"cloud_type,omitempty" doc:"Tier of the offer."`
	Region       string    `json:"region,omitempty" doc:"Region to name in region_hints, where it is one."`
	Country      string    `json:"country,omitempty" doc:"ISO 3166 code, where the cloud tells."`
	Stock        Stock     `json:"stock" enum:"high,medium,low,unavailable,unknown" doc:"The cloud's hint of availability; never a reservation."`
	VCPUCount    float64   `json:"vcpu_count,omitempty" doc:"Virtual CPUs of the machine."`
	MemoryGB     float64   `json:"memory_gb,omitempty" doc:"Memory of the machine in GB."`
	DiskGB       float64   `json:"disk_gb,omitempty" doc:"Disk that can be had, in GB."`
	Reliability  *float64  `json:"reliability,omitempty" doc:"Share of time the host was up, 0 to 1, where the cloud tells."`
	Verified     bool      `json:"verified,omitempty" doc:"Whether the cloud has checked the host."`
	DirectPorts  int       `json:"direct_ports,omitempty" doc:"Public TCP ports that can be had."`
	Raw          Raw       `json:"raw,omitempty" doc:"The cloud's own row; only with include_raw."`
}

// OffersRequest asks what can be rented now: search_offers. Filters a cloud
// lacks are applied by the core on the answer, so a provider may ignore all but
// Spot, GPUs and GPUCount. Offers that cannot be had now are left out.
type OffersRequest struct {
	GPUs            []string  `json:"gpus,omitempty"`               // native identifiers; empty: all
	GPUCount        int       `json:"gpu_count,omitempty"`          // exactly so many in one machine; 0 means 1
	MinGPUMemoryGB  float64   `json:"min_gpu_memory_gb,omitempty"`  // of one GPU
	CloudType       CloudType `json:"cloud_type,omitempty"`         // secure or community; empty: all tiers
	Spot            bool      `json:"spot,omitempty"`               // interruptible offers instead of the others
	RegionHints     []string  `json:"region_hints,omitempty"`       // only these
	MaxPricePerHour float64   `json:"max_price_per_hour,omitempty"` // USD, whole machine
	MinReliability  float64   `json:"min_reliability,omitempty"`    // 0 to 1
	DiskGB          int       `json:"disk_gb,omitempty"`            // disk the machine must have
	Limit           int       `json:"limit,omitempty"`              // cheapest first; 0: the provider's default
}

// OfferList is the answer of search_offers, cheapest first.
type OfferList struct {
	Items []Offer `json:"items"`
}
