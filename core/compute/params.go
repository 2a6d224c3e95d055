package compute

import (
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// SpawnParams asks for one machine.
type SpawnParams struct {
	provider.Targets
	GPU               []string           `json:"gpu" single:"true" doc:"GPU by canonical or native name, or a list in order of preference. One of gpu, cpu and offer_id is needed."`
	CPU               *spec.CPU          `json:"cpu" doc:"Asks for a machine without GPUs."`
	GPUCount          int                `json:"gpu_count" min:"1" max:"1024" default:"1" doc:"GPUs in the machine."`
	Image             string             `json:"image" doc:"Container image. Needed unless template_id says it."`
	CloudType         spec.CloudType     `json:"cloud_type" enum:"any,secure,community" default:"any" doc:"Tier of the cloud; any tries secure, then community."`
	Spot              bool               `json:"spot" doc:"Asks for an interruptible machine. Needs the capability spot."`
	BidPerHour        float64            `json:"bid_per_hour" min:"0" doc:"Bid in USD per hour for a spot machine, where the cloud takes bids."`
	OfferID           string             `json:"offer_id" doc:"A listed offer to take, on market-place clouds; only with one provider, and in place of gpu, gpu_count, cloud_type and region_hints, which the offer decides."`
	Prefer            Prefer             `json:"prefer" enum:"order,price" default:"order" doc:"Which candidate comes first: order takes the GPUs, then the providers as listed, then the cheapest; price takes the cheapest of all."`
	MaxPricePerHour   float64            `json:"max_price_per_hour" min:"0.000001" doc:"Ceiling in USD per hour for the whole machine; absent, and not 0, for none. Nothing dearer, and nothing whose price is not known, is rented. Prices are compared to a millionth of a dollar."`
	WaitForCapacityMS int64              `json:"wait_for_capacity_ms" min:"0" max:"86400000" doc:"How long to go on looking while nothing is to be had, ms; once a cloud has said so, one that is busy or broken for a while does not end it, nor does a store that does not answer for less than ten minutes. Default: not at all."`
	RegionHints       []string           `json:"region_hints" doc:"Regions or data centres in order of preference. Other regions are not tried."`
	Ports             []spec.PortRequest `json:"ports" doc:"Ports to open."`
	Env               map[string]string  `json:"env" doc:"Environment of the machine."`
	VolumeGB          int                `json:"volume_gb" min:"0" doc:"Persistent disk of the machine in GB."`
	VolumeMountPath   string             `json:"volume_mount_path" doc:"Where the volume appears in the machine; only with volume_gb or network_volume_id."`
	ContainerDiskGB   int                `json:"container_disk_gb" min:"0" doc:"Disk of the container in GB. Default: the provider's."`
	NetworkVolumeID   string             `json:"network_volume_id" doc:"Network volume to attach. Needs the capability network_volumes."`
	TemplateID        string             `json:"template_id" doc:"The cloud's template to start from."`
	Name              string             `json:"name" maxlen:"128" doc:"Name at the cloud. Default: the client's name_prefix, its owner and the request id."`
	Auth              Scheme             `json:"auth" enum:"none,bearer,signed_url" default:"none" doc:"Credential to mint for the machine: bearer sets ATLAS_PRESHARED_KEY in its environment, signed_url sets ATLAS_SIGNING_SECRET. It is on the answer of this call alone."`
	Entrypoint        []string           `json:"entrypoint" doc:"Replaces the image's entry point."`
	Command           []string           `json:"command" doc:"Replaces the image's command."`
	SSHKey            string             `json:"ssh_key" doc:"Public key to log in with, or its name at the cloud."`
	ProviderOpts      spec.Raw           `json:"provider_opts" type:"object" doc:"Further fields of the cloud's own request, merged last."`
	IncludeRaw        bool               `json:"include_raw" doc:"Keeps the cloud's own answer in raw, secrets redacted."`
}

// Prefer tells which candidate comes first.
type Prefer string

// The orders of candidates.
const (
	PreferOrder Prefer = "order"
	PreferPrice Prefer = "price"
)

// Scheme of a machine's credential.
type Scheme string

// The schemes.
const (
	SchemeNone      Scheme = "none"
	SchemeBearer    Scheme = "bearer"
	SchemeSignedURL Scheme = "signed_url"
)

// Outcomes of an attempt.
const (
	OutcomeRented  = "rented"   // the cloud said yes
	OutcomeAdopted = "adopted"  // the answer was lost; the machine was found
	OutcomeRefused = "refused"  // the cloud said no
	OutcomeLost    = "lost"     // the answer was lost; no machine was found
	OutcomeSkipped = "skipped"  // nothing was sent: kind and message say why
	OutcomeTooDear = "too_dear" // rented at a price above the ceiling; message says whether it is given back
)

// Attempt is one candidate: a create that was sent, or why none was.
type Attempt struct {
	Provider  string         `json:"provider" doc:"Name of the provider."`
	GPU       string         `json:"gpu,omitempty" doc:"Canonical or native name of the candidate."`
	GPUNative string         `json:"gpu_native,omitempty" doc:"The cloud's identifier of it."`
	CloudType spec.CloudType `json:"cloud_type,omitempty" doc:"Tier of the candidate."`
	OfferID   string         `json:"offer_id,omitempty" doc:"Offer it was to take, on market places."`
	Region    string         `json:"region,omitempty" doc:"Region of the offer."`
	Price     float64        `json:"price_per_hour,omitempty" doc:"Price of the offer in USD per hour, where it was asked for."`
	RequestID string         `json:"request_id,omitempty" doc:"Identifier this create carried; absent where none was sent."`
	Outcome   string         `json:"outcome" enum:"rented,adopted,refused,lost,skipped,too_dear" doc:"What became of it."`
	Kind      spec.Kind      `json:"kind,omitempty" doc:"Kind of the error."`
	Status    int            `json:"status,omitempty" doc:"HTTP status of the cloud's answer."`
	Message   string         `json:"message,omitempty" doc:"What the cloud said."`
}

// Spawned is a rented machine with the way to it.
type Spawned struct {
	spec.Compute
	Attempts []Attempt `json:"attempts" doc:"What was tried, in order, the last 100; the last one is this machine's."`
}

// Terminated is a machine that is given back.
type Terminated struct {
	spec.Compute
	Found bool `json:"found" doc:"Whether the cloud knew of the machine. false: the account of this credential has none of this identifier, which is so of one that is gone already, and of a wrong id, provider or key, too."`
}

// IDParams names one machine.
type IDParams struct {
	provider.Target
	ID         string `json:"id" required:"true" minlen:"1" doc:"The cloud's identifier of the machine."`
	IncludeRaw bool   `json:"include_raw" doc:"Keeps the cloud's own answer in raw, secrets redacted."`
}

// ListParams filters a listing. Filters are exact.
type ListParams struct {
	provider.Target
	Status     spec.Status `json:"status" enum:"provisioning,running,stopped,terminated,failed" doc:"Machines in this state."`
	Name       string      `json:"name" doc:"Machines of this name."`
	Region     string      `json:"region" doc:"Machines in this region."`
	GPU        string      `json:"gpu" doc:"Machines with this GPU, by canonical or native name."`
	IncludeRaw bool        `json:"include_raw" doc:"Keeps the cloud's own answers in raw, secrets redacted."`
}

// AwaitParams waits for a machine.
type AwaitParams struct {
	provider.Target
	ID        string `json:"id" required:"true" minlen:"1" doc:"The cloud's identifier of the machine."`
	TimeoutMS int64  `json:"timeout_ms" min:"1" max:"86400000" default:"900000" doc:"How long to wait, ms. The machine is left running when it passes."`
	Probe     *Probe `json:"probe" doc:"A request the machine must answer before it counts as ready. Absent: running and all ports known is enough."`
}

// Probe is a request that tells whether the service in a machine answers.
type Probe struct {
	Port         int         `json:"port" required:"true" min:"1" max:"65535" doc:"Port inside the machine. A tcp port is only connected to."`
	Path         string      `json:"path" default:"/" doc:"Path of the GET request."`
	ExpectStatus int         `json:"expect_status" min:"100" max:"599" doc:"Status that means ready. Default: any from 200 to 399."`
	Token        spec.Secret `json:"token" doc:"Bearer token to send, such as the one spawn minted."`
}

// LogsParams reads a machine's log.
type LogsParams struct {
	provider.Target
	ID     string `json:"id" required:"true" minlen:"1" doc:"The cloud's identifier of the machine."`
	Cursor string `json:"cursor" doc:"Continues after an earlier page: its cursor."`
	Tail   int    `json:"tail" min:"1" max:"5000" default:"100" doc:"Lines of backlog where there is no cursor."`
	Source string `json:"source" enum:"container,system" doc:"Which log. Default: the cloud's own choice."`
	Since  string `json:"since" format:"date-time" doc:"Lines from this time on, RFC 3339."`
	WaitMS int64  `json:"wait_ms" min:"0" max:"60000" default:"0" doc:"How long to wait for further lines, ms."`
}

// BillParams asks what a machine has cost by the cloud's own word.
type BillParams struct {
	provider.Target
	ID   string `json:"id" required:"true" minlen:"1" doc:"The cloud's identifier of the machine; it may be gone."`
	From string `json:"from" format:"date-time" doc:"Charges from this time on, RFC 3339; a cloud that charges by the day counts all of that day. Default: as far back as the cloud tells by itself."`
}

// GPUsParams asks for a provider's catalogue.
type GPUsParams struct {
	provider.Target
	GPUCount   int            `json:"gpu_count" min:"1" max:"1024" default:"1" doc:"GPUs in one machine: stock is told for so many."`
	CloudType  spec.CloudType `json:"cloud_type" enum:"any,secure,community" default:"any" doc:"Tier of the cloud."`
	IncludeRaw bool           `json:"include_raw" doc:"Keeps the cloud's own rows in raw."`
}
