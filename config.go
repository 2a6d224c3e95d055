package atlas

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"reflect"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/strict"
)

// Settings is the configuration of a client: the document of atlas_open.
type Settings struct {
	ABI             int                         `json:"abi" doc:"Version of the C interface the program was written for. Absent: this one."`
	DefaultProvider string                      `json:"default_provider" doc:"Provider of calls that name none."`
	Providers       map[string]ProviderSettings `json:"providers" doc:"Settings by provider name."`
	Plugins         PluginSettings              `json:"plugins" doc:"Where plugins come from."`
	Limits          LimitSettings               `json:"limits" doc:"What callers may ask at once."`
	Compute         ComputeSettings             `json:"compute" doc:"How machines are rented."`
	Store           StoreSettings               `json:"store" doc:"Where sessions, their events and tokens are kept."`
	Orchestrator    *OrchestratorSettings       `json:"orchestrator" doc:"How sessions are kept. Given, even empty, the client takes over the sessions of earlier processes as soon as it is open."`
	Fly             FlySettings                 `json:"fly" doc:"Fly's platform operations: apps, tokens, logs, deploys."`
}

// ProviderSettings are an operator's settings of one provider.
type ProviderSettings struct {
	APIKey   spec.Secret            `json:"api_key" doc:"Credential of the account. Absent: the environment."`
	Accounts map[string]spec.Secret `json:"accounts" doc:"Further credentials of the same cloud, by names of a-z, 0-9, _ and -, such as one for each customer: the provider runpod:acme is runpod with the credential named acme, everywhere, sessions too. provider any takes none of them."`
	BaseURL  string                 `json:"base_url" doc:"Address that replaces the provider's own, for simulators and proxies. Private addresses are allowed here."`
	URLs     map[string]string      `json:"urls" doc:"Single addresses by the manifest's names, over base_url."`
	Hosts    []string               `json:"hosts" doc:"Narrows the hosts the plugin may reach. Absent: those of its manifest."`
	SHA256   string                 `json:"sha256" doc:"The only plugin file accepted, by its SHA-256 in hex."`
	Config   map[string]string      `json:"config" doc:"Public settings handed to the plugin. Never a credential."`
	HTTP     spec.HTTP              `json:"http" doc:"How requests to the cloud are sent; a call's own http comes before it."`
}

// PluginSettings say where plugins come from and where compiled ones are kept.
type PluginSettings struct {
	Dir      string `json:"dir" doc:"Folder whose .wasm files are providers."`
	CacheDir string `json:"cache_dir" doc:"Folder for compiled plugins. Absent: the user's cache folder."`
}

// LimitSettings bound what callers may ask at once.
type LimitSettings struct {
	Calls        int `json:"calls" min:"1" max:"10000000" default:"100000" doc:"Calls in flight, completions not yet taken included. 256 more are taken in of the methods that end what costs money: compute.terminate and stop, jobs.cancel, orchestrator.stop, reap and shutdown."`
	Queue        int `json:"queue" min:"1" max:"1000000" default:"1024" doc:"Events that wait in one subscription before log lines drop and streams pause; 16 MiB of them, or 1 KiB for each of so many where that is more, do the same."`
	RequestBytes int `json:"request_bytes" min:"1024" max:"268435456" default:"1048576" doc:"Size of one request in bytes."`
}

// ComputeSettings say how machines are rented.
type ComputeSettings struct {
	NamePrefix *string `json:"name_prefix" default:"atlas-" doc:"Start of the names Atlas gives machines."`
	Owner      string  `json:"owner" maxlen:"32" doc:"Word after the prefix that tells this program's machines from others', a-z, 0-9."`
	SettleMS   int64   `json:"settle_ms" min:"1" max:"600000" doc:"How long to look for a machine whose create lost its answer, ms. Absent: what the provider's manifest says of its listing."`
}

// StoreSettings say where sessions are kept.
type StoreSettings struct {
	URL     string      `json:"url" doc:"sqlite:/path for one file that processes of one machine may share, postgres://user:password@host/database for several machines, memory: for nothing that outlives the client. Absent: the file exatlas/atlas.db under the user's state folder, opened at the first orchestrator call."`
	Key     spec.Secret `json:"key" doc:"Secret that credentials of sessions are made from and stored tokens are encrypted with, 64 hexadecimal digits. Processes on several machines need the same. Absent: key_file."`
	KeyFile string      `json:"key_file" doc:"File that holds the secret; made when it is not there, mode 0600. Default: beside the SQLite file, .key after its name, or key under the user's state folder."`
}

// OrchestratorSettings say how sessions are kept.
type OrchestratorSettings struct {
	LeaseMS      int64        `json:"lease_ms" min:"200" max:"3600000" default:"15000" doc:"Term of a process's lease on its sessions, ms. So long after a process hung, another takes them over; one that died is noticed at once where the store can tell."`
	PollMS       int64        `json:"poll_ms" min:"100" max:"3600000" default:"30000" doc:"How often a cloud is asked for its machines, ms; every 2 s while one is not ready."`
	AdoptGraceMS int64        `json:"adopt_grace_ms" min:"1" max:"3600000" default:"5000" doc:"What a session that was taken over has left at the least, ms, so that its user can touch it."`
	HeartbeatMS  int64        `json:"heartbeat_ms" min:"100" max:"3600000" default:"60000" doc:"Pace of heartbeat events of a session in use, ms."`
	CostMS       int64        `json:"cost_ms" min:"100" max:"86400000" default:"900000" doc:"Pace of cost events, ms."`
	RetainMS     int64        `json:"retain_ms" min:"1000" max:"31536000000" default:"604800000" doc:"How long ended sessions and their events are kept, and events of living ones that are told again and again, ms."`
	Observe      bool         `json:"observe" doc:"This client acts on no session: it takes over none, rents none and does not reap. It lists, touches and ends those of the other processes of the store, and reads their events."`
	Reap         ReapSettings `json:"reap" doc:"The reaper."`
}

// ReapSettings say when machines that no session holds are given back.
type ReapSettings struct {
	Off        bool     `json:"off" doc:"The reaper does not run by itself; orchestrator.reap still does."`
	IntervalMS int64    `json:"interval_ms" min:"100" max:"86400000" default:"60000" doc:"Pace of its runs, ms."`
	Providers  []string `json:"providers" doc:"Providers it looks at by itself, each of which has a plugin or a section in providers. Absent: all where sessions have been."`
	NamePrefix string   `json:"name_prefix" minlen:"1" doc:"Machines whose names begin so are given back, too, where no session of this store holds them: those of an earlier store that was lost, and whatever else is named so, such as machines of compute.spawn, and of other stores. Absent: those alone that sessions of this store rented."`
	GraceMS    int64    `json:"grace_ms" min:"1" max:"86400000" default:"300000" doc:"Age under which it lets machines be, ms."`
}

// DecodeSettings reads the document of atlas_open strictly.
func DecodeSettings(config []byte) (Settings, *spec.Error) {
	var s Settings
	if len(config) == 0 {
		return s, nil
	}
	err := strict.Compile(reflect.TypeFor[Settings]()).Decode(config, &s, "config")
	return s, err
}

// check finds the mistakes that types do not.
func (s *Settings) check() *spec.Error {
	for _, r := range s.Compute.Owner {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return &spec.Error{Kind: spec.KindValidation, Message: "config.compute.owner: not made of a-z and 0-9 alone"}
		}
	}
	if e := s.Store.check(); e != nil {
		return e
	}
	if e := s.Fly.check(); e != nil {
		return e
	}
	for name, p := range s.Providers {
		if cloud, _, further := strings.Cut(name, ":"); further {
			return &spec.Error{Kind: spec.KindValidation, Message: "config.providers." + name + ": an account, not a provider", Hint: "its credential goes into providers." + cloud + ".accounts"}
		}
		if e := address("config.providers."+name+".base_url", p.BaseURL); e != nil {
			return e
		}
		for account, key := range p.Accounts {
			if e := checkAccount("config.providers."+name+".accounts", account, key); e != nil {
				return e
			}
		}
		for which, text := range p.URLs {
			if e := address("config.providers."+name+".urls."+which, text); e != nil {
				return e
			}
		}
		if sum, err := hex.DecodeString(p.SHA256); p.SHA256 != "" && (err != nil || len(sum) != sha256.Size) {
			return &spec.Error{Kind: spec.KindValidation, Message: "config.providers." + name + ".sha256: not 64 hexadecimal digits", Hint: "sha256sum of the plugin's file prints it"}
		}
	}
	return nil
}

// checkAccount checks one further credential.
func checkAccount(field, name string, key spec.Secret) *spec.Error {
	odd := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' }
	switch {
	case name == "" || len(name) > 64 || strings.ContainsFunc(name, odd):
		return &spec.Error{Kind: spec.KindValidation, Message: field + ": an account has a bad name", Hint: "1 to 64 of a-z, 0-9, _ and -"}
	case key.Empty():
		return &spec.Error{Kind: spec.KindValidation, Message: field + "." + name + ": empty", Hint: "give the account's credential, or leave the account out"}
	}
	return nil
}

// address checks one URL of an operator's. It may hold placeholders such as {id}.
func address(field, text string) *spec.Error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(text))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return &spec.Error{Kind: spec.KindValidation, Message: field + ": no http or https URL", Hint: "give an address such as https://proxy.example.com"}
	case u.User != nil:
		return &spec.Error{Kind: spec.KindValidation, Message: field + ": holds a user name", Hint: "leave it out; credentials go into api_key"}
	}
	return nil
}
