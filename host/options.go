package host

import (
	"runtime"
	"time"

	"github.com/exatlas/atlas/host/egress"
)

// Options configures a Host. The zero value is ready for use and has no plugin.
type Options struct {
	Builtin   []Plugin                           // plugins that are part of the program, trusted to end by themselves
	Dir       string                             // folder of further plugins, NAME.wasm each; empty: none
	CacheDir  string                             // folder for compiled code; empty: memory only
	Limits    Limits                             // zero fields take their defaults
	Providers map[string]ProviderOptions         // the operator's settings, by provider name
	Log       func(provider, level, line string) // what guests log; nil: dropped
	Egress    egress.Options                     // of the HTTP client that New makes
	Clock     egress.Clock                       // tells when a sandbox was idle for long; default: the system's
	Network   Network                            // replaces that client; Close closes it

	WatchEvery time.Duration // how often the folder is looked at; default 1 s, negative: never
	Changed    func(Change)  // told of what happened in the folder; nil: nobody is
}

// Plugin is a built-in plugin.
type Plugin struct {
	Name   string
	SHA256 string                 // of the module, lower-case hex
	Open   func() ([]byte, error) // the module, uncompressed and bounded
	Label  []byte                 // what wasm.CutOutline makes of it with its label; nil: it is asked itself
}

// ProviderOptions are an operator's settings of one provider.
type ProviderOptions struct {
	BaseURL string            // replaces every address of the manifest, see spec.NamedURL
	URLs    map[string]string // replaces single addresses, by name
	Hosts   []string          // narrows the manifest's hosts
	SHA256  string            // the only module that may bear this name, lower-case hex
	Config  map[string]string // what config_get answers; public, never a credential
}

// Limits bounds what a guest may use.
type Limits struct {
	ModuleBytes       int           // size of a module; default 64 MiB
	MemoryBytes       int64         // linear memory of an instance; default 512 MiB, whole pages
	CompileTime       time.Duration // compiling a module that is not built in, give or take a function; default 2 min
	EntryTime         time.Duration // computing between two HTTP requests, not for built-in plugins; default 2 s
	InputBytes        int           // a request; default 16 MiB
	OutputBytes       int           // an answer, and an error text; default 16 MiB
	ResponseBytes     int           // body of an HTTP answer; default 16 MiB
	Requests          int           // HTTP requests of a call; default 100
	HeldBytes         int           // bodies of the requests of a call that were not sent yet, and of answers that it has not freed; default 64 MiB
	LogBytes          int           // log text of a call; default 64 KiB
	VariableBytes     int           // Extism variables of an instance; default 1 MiB
	ScratchBytes      int           // Extism memory of a call; default 64 MiB
	Instances         int           // instances of a parking plugin; default min(GOMAXPROCS, 4)
	Inside            int           // calls in a parking plugin; default 2048; further ones wait outside of it
	BlockingInstances int           // instances of a blocking plugin, and so its calls at one time; default 16
	IdleMemoryBytes   int64         // a blocking instance with more memory than this is not kept; default 64 MiB
	IdleTime          time.Duration // an instance that nobody entered for so long, or at most for twice as long, is closed; default 1 min
}

const (
	mib      = 1 << 20
	pageSize = 64 << 10
)

func (l Limits) withDefaults() Limits {
	whole := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	whole(&l.ModuleBytes, 64*mib)
	whole(&l.InputBytes, 16*mib)
	whole(&l.OutputBytes, 16*mib)
	whole(&l.ResponseBytes, 16*mib)
	whole(&l.Requests, 100)
	whole(&l.HeldBytes, 64*mib)
	whole(&l.LogBytes, 64<<10)
	whole(&l.VariableBytes, mib)
	whole(&l.ScratchBytes, 64*mib)
	whole(&l.Instances, min(runtime.GOMAXPROCS(0), 4))
	whole(&l.Inside, 2048)
	whole(&l.BlockingInstances, 16)
	if l.MemoryBytes <= 0 {
		l.MemoryBytes = 512 * mib
	}
	l.MemoryBytes = min(max(l.MemoryBytes/pageSize, 1), 65536) * pageSize
	if l.IdleMemoryBytes <= 0 {
		l.IdleMemoryBytes = 64 * mib
	}
	if l.CompileTime <= 0 {
		l.CompileTime = 2 * time.Minute
	}
	if l.IdleTime <= 0 {
		l.IdleTime = time.Minute
	}
	if l.EntryTime <= 0 {
		l.EntryTime = 2 * time.Second
	}
	return l
}

// The sources of a plugin.
const (
	SourceBuiltin = "builtin"
	SourceDir     = "dir"
	SourceLoaded  = "loaded"
)

// Info tells what a plugin is, where it comes from and what it may do; what it
// can do the manifest tells.
type Info struct {
	Name    string
	Version string // empty where the plugin cannot be loaded
	ABI     int    // 0 there
	Source  string // builtin, dir or loaded
	Path    string // empty for a built-in one
	SHA256  string // of the module; empty until a file is first read

	// What follows is empty there, too.
	Pinned    bool          // whether the operator named the SHA-256 that it must have
	Parking   bool          // whether its calls leave their instance while HTTP is on the wire
	Rights    egress.Rights // where it may go
	EntryTime time.Duration // computing between two HTTP requests; 0: as long as it takes
	Instances int           // at one time
}

// Stats counts what a host holds now.
type Stats struct {
	Plugins   int   // known
	Compiled  int   // with code in memory
	Instances int   // sandboxes
	Calls     int   // in flight
	Parked    int   // of these, waiting for HTTP with their sandbox released
	Memory    int64 // linear memory of all sandboxes, in bytes
}
