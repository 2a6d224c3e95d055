package fly

import (
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// Keys of what a machine carries of the spawn that made it.
const (
	metaRequestID = "atlas_request_id"
	metaName      = "atlas_name"
	metaPorts     = "atlas_ports"     // portsText
	metaAddress   = "atlas_public_ip" // the app's own address
)

// secretMembers are the members whose values are hidden in raw answers and
// errors. The environment comes back from Fly in clear.
var secretMembers = [...]string{"env", "files", "secrets", "nonce", "token", "password", "secret"}

// config is what of a machine's config is read.
type config struct {
	known    bool // there is one
	image    string
	size     size
	services []service
	metadata map[string]string
	timed    bool // it runs by a schedule
}

// toCompute converts one machine, read leniently: every member but the identifier
// may be missing, null or of another type. app is used where the machine does not
// say its own. It is not ok where the text is no machine.
func toCompute(env sdk.Env, app, text string) (c spec.Compute, ok bool) {
	c = spec.Compute{Provider: name, Ports: []spec.Port{}}
	var machine, hostStatus string
	var whole, partial config
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			machine = r.Text()
		case "app_name":
			if told := r.Text(); told != "" {
				app = told
			}
		case "name":
			c.Name = r.Text()
		case "state":
			c.NativeStatus = r.Text()
		case "region":
			c.Region = r.Text()
		case "created_at":
			c.CreatedAt = rest.UTC(r.Text())
		case "config":
			whole = readConfig(&r)
		case "incomplete_config": // where the host is not reachable and config is null
			partial = readConfig(&r)
		case "host_status":
			hostStatus = r.Text()
		case "events":
			c.StartedAt = startedAt(&r)
		default:
			r.Skip()
		}
	}
	if !r.Done() || machine == "" || app == "" {
		return spec.Compute{}, false
	}
	if !whole.known {
		whole = partial
	}
	c.ID = place{app, machine}.id()
	whole.apply(env, &c, app)
	c.Status = status(c.NativeStatus)
	if whole.timed && c.NativeStatus == "created" {
		c.Status = spec.StatusStopped // it rests until its schedule starts it
	}
	c.Actions = actions(c.NativeStatus)
	if hostStatus != "" && hostStatus != "ok" {
		c.Metadata = with(c.Metadata, "host_status", hostStatus)
	}
	if env.IncludeRaw {
		c.Raw = rest.Redact(text, secretMembers[:], nil)
	}
	return c, true
}

func readConfig(r *jsonx.Reader) config {
	c := config{known: r.Kind() == jsonx.Object}
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "image":
			c.image = r.Text()
		case "guest":
			for more := r.Object(); more; more = r.NextMember() {
				switch r.Key() {
				case "cpu_kind":
					c.size.kind = r.Text()
				case "cpus":
					c.size.cpus = int(r.Int())
				case "memory_mb":
					c.size.memoryMB = int(r.Int())
				default:
					r.Skip()
				}
			}
		case "services":
			c.services = readServices(r)
		case "metadata":
			c.metadata = r.Strings()
		case "schedule":
			c.timed = r.Text() != ""
		default:
			r.Skip()
		}
	}
	return c
}

// apply completes a compute with what its config says. Listings of an
// organization hold no services; what the create noted stands in for them.
func (from *config) apply(env sdk.Env, c *spec.Compute, app string) {
	c.Image = from.image
	services := from.services
	for key, value := range from.metadata {
		switch key {
		case metaRequestID:
			c.RequestID = value
		case metaName:
			c.Name = value
		case metaAddress:
			c.PublicIP = value
		case metaPorts:
			if len(services) == 0 {
				services = parsePorts(value)
			}
		default:
			c.Metadata = with(c.Metadata, key, value)
		}
	}
	for _, s := range services {
		c.Ports = append(c.Ports, toPort(env, app, s))
	}
	c.Metadata = with(c.Metadata, "cpu_flavor", from.size.preset())
	if from.size.memoryMB > 0 {
		c.Metadata = with(c.Metadata, "memory_mb", string(jsonx.AppendInt(nil, int64(from.size.memoryMB))))
	}
}

// status maps Fly's states. A machine on its way, up or down, reads as
// provisioning, so that nobody takes it for usable or for gone; so does a state
// that came later.
func status(native string) spec.Status {
	switch native {
	case "started":
		return spec.StatusRunning
	case "stopped", "suspended":
		return spec.StatusStopped
	case "destroying", "destroyed", "replaced", "migrated":
		return spec.StatusTerminated
	case "failed", "launch_failed":
		return spec.StatusFailed
	}
	return spec.StatusProvisioning
}

// actions are what Fly permits in a state.
func actions(native string) []string {
	switch native {
	case "started":
		return []string{spec.ActionStop, spec.ActionRestart, spec.ActionTerminate}
	case "created", "stopped", "suspended":
		return []string{spec.ActionStart, spec.ActionTerminate}
	case "destroying", "destroyed", "replaced", "migrated":
		return nil
	}
	return []string{spec.ActionTerminate}
}

func with(metadata map[string]string, key, value string) map[string]string {
	if value == "" {
		return metadata
	}
	if metadata == nil {
		metadata = make(map[string]string, 2)
	}
	metadata[key] = value
	return metadata
}

// startedAt is the time of the newest event that says the machine started. Events
// count milliseconds since 1970, newest first.
func startedAt(r *jsonx.Reader) string {
	newest := int64(0)
	for more := r.Array(); more; more = r.NextElement() {
		started, at := false, int64(0)
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "status":
				started = r.Text() == "started"
			case "timestamp":
				at = r.Int()
			default:
				r.Skip()
			}
		}
		if started && at > newest {
			newest = at
		}
	}
	if newest == 0 {
		return ""
	}
	return time.UnixMilli(newest).UTC().Format(time.RFC3339Nano)
}
