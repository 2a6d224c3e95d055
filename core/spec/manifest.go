package spec

// PluginABI is the version of the provider ABI this build of Atlas speaks.
// docs/plugin-abi.md is its specification.
const PluginABI = 1

// Capability is a feature that callers may check before relying on it.
type Capability string

// The capabilities. The first eight are the seed's.
const (
	CapSpot             Capability = "spot"              // interruptible machines
	CapServerless       Capability = "serverless"        // run_job and friends
	CapNetworkVolumes   Capability = "network_volumes"   // attach persistent volumes
	CapHTTPProxy        Capability = "http_proxy"        // the provider terminates TLS on a host name of its own
	CapRawTCP           Capability = "raw_tcp"           // public address and mapped TCP ports
	CapSymmetricPorts   Capability = "symmetric_ports"   // internal and external port are the same
	CapWebhooks         Capability = "webhooks"          // push of completions
	CapGlobalNetworking Capability = "global_networking" // private network across data centres
	CapStopStart        Capability = "stop_start"        // stop and start
	CapLogs             Capability = "logs"              // get_logs
	CapOffers           Capability = "offers"            // search_offers
	CapCPU              Capability = "cpu"               // machines without GPUs
	CapGPU              Capability = "gpu"               // machines with GPUs
	CapBilling          Capability = "billing"           // get_bill
	CapCloudTiers       Capability = "cloud_tiers"       // secure and community machines are asked for apart (cloud_type)
)

// Operation names: the exports of a provider plugin.
const (
	OpDescribe     = "describe"
	OpSpawn        = "spawn_compute"
	OpGet          = "get_compute"
	OpList         = "list_compute"
	OpStop         = "stop"
	OpStart        = "start"
	OpTerminate    = "terminate"
	OpRunJob       = "run_job"
	OpGetJob       = "get_job"
	OpCancelJob    = "cancel_job"
	OpStreamJob    = "stream_job"
	OpListGPUTypes = "list_gpu_types"
	OpSearchOffers = "search_offers" // optional
	OpFind         = "find_compute"  // optional
	OpGetLogs      = "get_logs"      // optional
	OpGetBill      = "get_bill"      // optional
	OpCleanUp      = "clean_up"      // optional
)

// Operations lists every operation but describe.
func Operations() []string {
	return []string{OpSpawn, OpGet, OpList, OpStop, OpStart, OpTerminate, OpRunJob, OpGetJob, OpCancelJob, OpStreamJob,
		OpListGPUTypes, OpSearchOffers, OpFind, OpGetLogs, OpGetBill, OpCleanUp}
}

// Manifest is what a plugin says of itself: the answer of describe.
type Manifest struct {
	Name         string        `json:"name" doc:"Provider name: 1 to 32 of a-z, 0-9 and underscore."`
	ABI          int           `json:"abi" doc:"Provider ABI it was built for."`
	Version      string        `json:"version" doc:"Version of the plugin."`
	Description  string        `json:"description,omitempty" doc:"One line for people."`
	Capabilities []Capability  `json:"capabilities" doc:"Features it has."`
	Operations   []string      `json:"operations,omitempty" doc:"Operations it exports; filled in by the host from the module's exports."`
	URLs         []NamedURL    `json:"urls,omitempty" doc:"Addresses of the cloud's APIs. The one named api is replaced by an operator's base_url."`
	Hosts        []string      `json:"hosts" doc:"Hosts it may reach: host, host:port, or *.domain. HTTPS only."`
	Credential   *Credential   `json:"credential,omitempty" doc:"How the host attaches the credential. Absent: none."`
	RateLimits   []RateLimit   `json:"rate_limits,omitempty" doc:"Paces the host keeps by itself."`
	API          API           `json:"api,omitzero" doc:"Generation of the cloud's API it speaks."`
	ListingLagMS int64         `json:"listing_lag_ms,omitempty" doc:"How long a new machine may be missing from the cloud's listing, ms."`
	GPUs         []ManifestGPU `json:"gpus,omitempty" doc:"Canonical names of this cloud's GPUs, beside Atlas's own catalogue."`
	Lacks        []Lack        `json:"lacks,omitempty" doc:"Why it lacks features that people expect of it."`
}

// Lack tells why a cloud has not a feature. The reason stands in the error of
// whoever asks for it, so it is a clause in lower case.
type Lack struct {
	Capability Capability `json:"capability" doc:"The feature."`
	Reason     string     `json:"reason" doc:"Why there is none."`
}

// NamedURL is one address of a cloud. Where an operator sets base_url, the URL
// named "api" becomes base_url and every other becomes base_url + OverridePath;
// the guest gets the result in Context.URLs. A URL may hold placeholders such as
// {id} for the guest to fill.
type NamedURL struct {
	Name         string `json:"name" doc:"api, or the guest's own word."`
	URL          string `json:"url" doc:"Default address."`
	OverridePath string `json:"override_path,omitempty" doc:"Path below an operator's base_url that stands for it."`
}

// Credential tells the host where a credential comes from and goes to.
type Credential struct {
	Env    []string `json:"env" doc:"Environment variables that may hold it, in order."`
	Header string   `json:"header,omitempty" doc:"Header it is sent in. Default Authorization."`
	Scheme string   `json:"scheme,omitempty" doc:"Word before it in the header, such as Bearer. Empty: none. fly: FlyV1 for macaroons, else Bearer."`
	Hosts  []string `json:"hosts,omitempty" doc:"Hosts it is sent to, a subset of the manifest's. Default all of them."`
}

// RateLimit is a pace per account.
type RateLimit struct {
	Method   string `json:"method,omitempty" doc:"HTTP method it applies to. Empty: all."`
	Path     string `json:"path,omitempty" doc:"Prefix of the URL path it applies to. Empty: all."`
	Requests int    `json:"requests" doc:"Requests per window."`
	WindowMS int64  `json:"window_ms" doc:"Length of the window, ms."`
	Burst    int    `json:"burst,omitempty" doc:"Requests that may come at once. Default: requests."`
}

// API names the generation of a cloud's API and when it ends.
type API struct {
	Generation string `json:"generation,omitempty" doc:"The cloud's name for it."`
	Checked    string `json:"checked,omitempty" doc:"Date the plugin was checked against it, YYYY-MM-DD."`
	Retires    string `json:"retires,omitempty" doc:"Date the cloud retires it, YYYY-MM-DD, where announced."`
}

// ManifestGPU maps a canonical GPU name to a native identifier.
type ManifestGPU struct {
	Canonical string  `json:"canonical"`
	Native    string  `json:"native"`
	MemoryGB  float64 `json:"memory_gb,omitempty"`
}

// Has reports whether the manifest declares a capability.
func (m *Manifest) Has(c Capability) bool {
	for _, have := range m.Capabilities {
		if have == c {
			return true
		}
	}
	return false
}

// Reason tells why the cloud has not a feature, "" where the manifest does not
// say.
func (m *Manifest) Reason(c Capability) string {
	for i := range m.Lacks {
		if m.Lacks[i].Capability == c {
			return m.Lacks[i].Reason
		}
	}
	return ""
}

// ValidProvider reports whether a provider may bear a name: 1 to 32 of a-z, 0-9
// and underscore.
func ValidProvider(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= 32
}
