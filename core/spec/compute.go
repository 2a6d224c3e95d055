package spec

// Status is the normalized state of a compute.
type Status string

// The states of a compute. A cloud's state that Atlas does not know maps to
// StatusProvisioning, and the native word is kept in Compute.NativeStatus.
const (
	StatusProvisioning Status = "provisioning"
	StatusRunning      Status = "running"
	StatusStopped      Status = "stopped"
	StatusTerminated   Status = "terminated"
	StatusFailed       Status = "failed"
)

// Protocol of a port.
type Protocol string

// HTTP ports are reached through the cloud's TLS proxy where it has one; TCP
// ports through a public address.
const (
	ProtocolHTTP Protocol = "http"
	ProtocolTCP  Protocol = "tcp"
)

// CloudType is the tier of a cloud that sells both its own and its partners'
// machines.
type CloudType string

// CloudAny lets Atlas try the tiers one after another.
const (
	CloudAny       CloudType = "any"
	CloudSecure    CloudType = "secure"
	CloudCommunity CloudType = "community"
)

// Actions that may be legal on a compute, as listed in Compute.Actions.
const (
	ActionStart     = "start"
	ActionStop      = "stop"
	ActionRestart   = "restart"
	ActionTerminate = "terminate"
)

// Port is one port of a compute. External is zero and URL empty until the cloud
// has told them. Internal is zero only where Symmetric is set and the cloud has
// not chosen the number yet.
type Port struct {
	Internal  int      `json:"internal" doc:"Port inside the machine; 0 of a symmetric port whose number the cloud has not chosen yet."`
	External  int      `json:"external,omitempty" doc:"Port on the public address; absent until the cloud has mapped it."`
	Protocol  Protocol `json:"protocol" enum:"http,tcp" doc:"How the port is reached."`
	Host      string   `json:"host,omitempty" doc:"Public address of a mapped TCP port."`
	URL       string   `json:"url,omitempty" doc:"Ready URL of an HTTP port, or host:port of a TCP port as tcp://host:port."`
	Symmetric bool     `json:"symmetric,omitempty" doc:"Whether the cloud chooses one number for inside and outside, as the request asked with symmetric."`
}

// SSH tells how to log in to a compute.
type SSH struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Username string `json:"username"`
}

// Auth is the credential of a compute, present only on the answer of the spawn
// that minted it.
type Auth struct {
	Scheme string `json:"scheme" enum:"bearer,signed_url" doc:"How the machine is to check its callers."`
	Token  string `json:"token" doc:"The secret to hand out: the bearer token, or the signing secret. Shown once."`
	Hash   string `json:"hash,omitempty" doc:"SHA-256 of the token, lower-case hex; safe to store. Empty for signed_url."`
	Header string `json:"header,omitempty" doc:"Ready header line of the bearer scheme."`
}

// String keeps the token out of what is printed; its fields and its JSON have it.
func (a Auth) String() string { return a.Scheme + " " + Redacted }

// GoString does the same for %#v.
func (a Auth) GoString() string { return "spec.Auth(" + a.String() + ")" }

// Compute is one rented machine.
type Compute struct {
	ID           string            `json:"id" doc:"The cloud's identifier."`
	Provider     string            `json:"provider" doc:"Name of the provider it is rented from."`
	Status       Status            `json:"status" enum:"provisioning,running,stopped,terminated,failed" doc:"Normalized state."`
	NativeStatus string            `json:"native_status,omitempty" doc:"The cloud's own word for the state."`
	Name         string            `json:"name,omitempty" doc:"Name at the cloud."`
	RequestID    string            `json:"request_id,omitempty" doc:"Identifier that only the create of this machine carries."`
	GPUType      string            `json:"gpu_type,omitempty" doc:"Canonical GPU name, or the native one where no canonical name exists."`
	GPUNative    string            `json:"gpu_native,omitempty" doc:"The cloud's identifier of the GPU."`
	GPUCount     int               `json:"gpu_count" doc:"Number of GPUs; 0 on CPU machines."`
	CostPerHour  *float64          `json:"cost_per_hour,omitempty" doc:"USD per hour for the whole machine, as the cloud states it now."`
	CloudType    CloudType         `json:"cloud_type,omitempty" doc:"Tier it was rented on."`
	Spot         bool              `json:"spot,omitempty" doc:"Whether the cloud may take it back."`
	Region       string            `json:"region,omitempty" doc:"The cloud's region or data centre."`
	Image        string            `json:"image,omitempty" doc:"Container image."`
	PublicIP     string            `json:"public_ip,omitempty" doc:"Public address, where there is one."`
	Ports        []Port            `json:"ports" doc:"Requested ports with what is known of their addresses."`
	SSH          *SSH              `json:"ssh,omitempty" doc:"How to log in."`
	Auth         *Auth             `json:"auth,omitempty" doc:"The minted credential, only on the answer of spawn."`
	Actions      []string          `json:"actions,omitempty" doc:"Actions the cloud permits in this state."`
	Metadata     map[string]string `json:"metadata,omitempty" doc:"Labels the cloud keeps with the machine."`
	CreatedAt    string            `json:"created_at,omitempty" doc:"RFC 3339 UTC."`
	StartedAt    string            `json:"started_at,omitempty" doc:"RFC 3339 UTC."`
	Raw          Raw               `json:"raw,omitempty" doc:"The cloud's own answer with secrets redacted; only with include_raw."`
}

// CPU asks for a machine without GPUs.
type CPU struct {
	Flavor    string  `json:"flavor,omitempty" doc:"The cloud's name of the CPU flavour."`
	VCPUCount int     `json:"vcpu_count,omitempty" doc:"Number of virtual CPUs."`
	MemoryGB  float64 `json:"memory_gb,omitempty" doc:"Memory in GB, where the cloud sells it apart."`
}

// PortRequest is one port to open.
type PortRequest struct {
	Internal  int      `json:"internal" required:"true" min:"1" max:"65535" doc:"Port inside the machine."`
	Protocol  Protocol `json:"protocol,omitempty" enum:"http,tcp" doc:"Default http; of a symmetric port tcp, the only one it can have."`
	Symmetric bool     `json:"symmetric,omitempty" doc:"Asks for the same number inside and outside, for a program that tells others its own address. Needs the capability symmetric_ports. Lambda and Fly take the number in internal. RunPod and Vast choose another one when the machine starts: the answer's ports show it as internal and external, and the machine reads that of its first symmetric port in RUNPOD_TCP_PORT_70001 or VAST_TCP_PORT_70001, of the second in …70002, and so on; internal then only tells the ports of the request apart."`
}

// SpawnRequest is what a provider's spawn_compute gets: one candidate, fully
// resolved. Choosing among GPUs, tiers and clouds, and what happens when an
// answer is lost, is the core's work.
type SpawnRequest struct {
	RequestID       string            `json:"request_id"`                   // only this create carries it; must come back in listings
	Name            string            `json:"name"`                         // never empty
	GPU             string            `json:"gpu,omitempty"`                // native identifier; empty on CPU machines
	GPUCount        int               `json:"gpu_count,omitempty"`          // at least 1 where GPU is set
	CPU             *CPU              `json:"cpu,omitempty"`                // set where GPU is empty
	OfferID         string            `json:"offer_id,omitempty"`           // a listed offer to take, on market-place clouds
	CloudType       CloudType         `json:"cloud_type,omitempty"`         // secure or community, never any
	Spot            bool              `json:"spot,omitempty"`               // interruptible
	BidPerHour      float64           `json:"bid_per_hour,omitempty"`       // USD, spot only
	MaxPricePerHour float64           `json:"max_price_per_hour,omitempty"` // USD for the whole machine; nothing dearer is rented
	RegionHints     []string          `json:"region_hints,omitempty"`       // in order of preference
	Image           string            `json:"image,omitempty"`              //
	Entrypoint      []string          `json:"entrypoint,omitempty"`         // replaces the image's
	Command         []string          `json:"command,omitempty"`            // replaces the image's
	Ports           []PortRequest     `json:"ports,omitempty"`              //
	Env             map[string]string `json:"env,omitempty"`                //
	VolumeGB        int               `json:"volume_gb,omitempty"`          // persistent disk of the machine
	VolumeMountPath string            `json:"volume_mount_path,omitempty"`  //
	ContainerDiskGB int               `json:"container_disk_gb,omitempty"`  // 0: the provider's default
	NetworkVolumeID string            `json:"network_volume_id,omitempty"`  //
	TemplateID      string            `json:"template_id,omitempty"`        //
	SSHKey          string            `json:"ssh_key,omitempty"`            // public key text or name, where the cloud takes one
	Options         Raw               `json:"options,omitempty"`            // provider_opts: an object merged last into the native body
}

// IDRequest names one compute: get_compute, stop, start, terminate.
type IDRequest struct {
	ID string `json:"id"`
}

// ListRequest filters list_compute. Filters a cloud lacks are applied by the
// core on the normalized answer, so a provider may ignore all of them.
type ListRequest struct {
	Status Status `json:"status,omitempty"`
	Name   string `json:"name,omitempty"`
	Region string `json:"region,omitempty"`
	GPU    string `json:"gpu,omitempty"`
	Cursor string `json:"cursor,omitempty"` // go on here; from ComputePage.Next
}

// FindRequest looks computes up by what their create carried: find_compute. A
// compute matches when its request id is among RequestIDs or its name among
// Names.
type FindRequest struct {
	RequestIDs []string `json:"request_ids,omitempty"`
	Names      []string `json:"names,omitempty"`
	Cursor     string   `json:"cursor,omitempty"` // go on here; from ComputePage.Next
}

// CleanUpRequest asks to take away what a create left that made no machine, such as
// an app with its address: clean_up. It is asked once the listing has settled
// without the machine. What a machine that turns out to be there uses stays.
type CleanUpRequest struct {
	RequestID string `json:"request_id"`
}

// ComputePage is the answer of list_compute and find_compute. A provider may give
// all at once; one of large accounts answers some thousand and where to go on.
type ComputePage struct {
	Items []Compute `json:"items"`
	Next  string    `json:"next,omitempty"` // the cursor of the rest; empty: that was all
}

// ComputeList is a list of computes.
type ComputeList struct {
	Items []Compute `json:"items"`
}

// LogsRequest reads a compute's log: get_logs.
type LogsRequest struct {
	ID     string `json:"id"`
	Cursor string `json:"cursor,omitempty"`  // continue after this point; from LogsPage.Cursor
	Tail   int    `json:"tail,omitempty"`    // lines of backlog where there is no cursor
	Source string `json:"source,omitempty"`  // container or system; empty for the cloud's default
	Since  string `json:"since,omitempty"`   // RFC 3339
	WaitMS int64  `json:"wait_ms,omitempty"` // how long to wait for further lines
}

// LogLine is one line of a log.
type LogLine struct {
	Time   string `json:"time,omitempty" doc:"RFC 3339 UTC."`
	Source string `json:"source,omitempty" doc:"container or system."`
	Line   string `json:"line" doc:"The text."`
}

// LogsPage is the answer of get_logs.
type LogsPage struct {
	Lines  []LogLine `json:"lines"`
	Cursor string    `json:"cursor,omitempty" doc:"Pass it back to read on without loss or repetition."`
}
