package vast

import (
	"strconv"
	"strings"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// phase is what was last done to an instance; its states follow from that and
// from the time.
type phase uint8

const (
	phaseUp      phase = iota // rented, or started again
	phaseStopped              // by its tenant
	phaseOutbid               // somebody bids more; it runs again when its bid wins
	phaseWaiting              // started, and its GPUs are somebody else's
	phaseExited               // the container ended by itself
	phaseDead                 // the container was made and cannot start
	phaseStuck                // loading for ever
	phaseOffline              // the host is lost
	phaseUnknown              // the host does not answer
)

// States as they stand on the wire.
const (
	running = "running"
	stopped = "stopped"
)

type pair struct{ name, value string }

// mapped is a port on the host's address.
type mapped struct {
	internal, external int
	protocol           string
}

// instance is one rented machine.
type instance struct {
	id, seq, ask    int64
	host            *host
	account         *simkit.Account
	label, image    string
	template        string
	runtype         string
	onstart         string
	args            []string
	env             []pair
	disk            float64
	price           float64 // the bid; 0: on demand
	key, token      string
	sshKeys         []string
	created         time.Time
	phase           phase
	intended        string
	message         string
	loading, booted time.Time // end of null, end of loading
	mapped          []mapped
	lostHost        bool // its host's GPUs are gone for good
}

// states are the four fields.
func (i *instance) states(now time.Time) (actual, current, next string) {
	switch i.phase {
	case phaseStopped:
		return "exited", stopped, stopped
	case phaseOutbid:
		if i.booted.IsZero() || now.Before(i.loading) {
			return "", stopped, stopped // there never was a container
		}
		return "exited", stopped, stopped
	case phaseWaiting:
		return "exited", stopped, running
	case phaseExited:
		return "exited", running, running
	case phaseDead:
		return "created", running, running
	case phaseStuck:
		return "loading", running, running
	case phaseOffline:
		return "offline", running, running
	case phaseUnknown:
		return "unknown", running, running
	}
	switch {
	case now.Before(i.loading):
		return "", running, running
	case now.Before(i.booted):
		return "loading", running, running
	}
	return running, running, running
}

func (i *instance) says(actual string) string {
	switch {
	case i.message != "":
		return i.message
	case actual == running:
		return "success, running " + i.image + "/" + i.runtype
	case actual == "loading":
		return "Pulling from " + i.image
	}
	return ""
}

// gpuRate and diskRate are what the instance costs an hour.
func (i *instance) gpuRate() float64 {
	if i.price != 0 {
		return i.price
	}
	return i.host.base
}

func (i *instance) diskRate() float64 { return i.host.diskRate(i.disk) }

func (i *instance) value(name string) string {
	for _, e := range i.env {
		if e.name == name {
			return e.value
		}
	}
	return ""
}

// append appends the instance's JSON. It only reads.
func (i *instance) append(b []byte, now time.Time) []byte {
	h := i.host
	actual, current, next := i.states(now)
	w := writer{b: append(b, '{')}
	w.int("id", i.id)
	w.int("machine_id", h.id)
	w.int("host_id", h.owner)
	w.textOrNull("label", i.label)
	w.textOrNull("actual_status", actual)
	w.text("intended_status", i.intended)
	w.text("cur_state", current)
	w.text("next_state", next)
	w.textOrNull("status_msg", i.says(actual))
	w.text("image_uuid", i.image)
	w.key("image_args")
	w.b = simkit.AppendStrings(w.b, i.args)
	w.text("image_runtype", i.runtype)
	w.text("onstart", i.onstart)
	w.textOrNull("template_hash_id", i.template)
	w.null("template_id")
	w.null("template_name")
	w.key("extra_env")
	w.b = append(w.b, '[')
	for n, e := range i.env {
		if n > 0 {
			w.b = append(w.b, ',')
		}
		w.b = simkit.AppendStrings(w.b, []string{e.name, e.value})
	}
	w.b = append(w.b, ']')
	w.text("jupyter_token", i.token)
	h.hardware(&w)
	w.bool("is_bid", i.price != 0)
	w.float("min_bid", h.minBid)
	w.float("dph_base", i.gpuRate())
	w.float("dph_total", round(i.gpuRate()+i.diskRate()))
	w.float("storage_total_cost", round(i.diskRate()))
	w.costs("search", i.gpuRate(), i.diskRate())
	if actual == running {
		w.costs("instance", i.gpuRate(), i.diskRate())
	} else {
		w.costs("instance", 0, i.diskRate())
	}
	w.text("public_ipaddr", h.ip+"\n")
	w.text("local_ipaddrs", "10.0.0.5 172.17.0.2\n")
	w.text("ssh_host", "ssh"+strconv.FormatInt(h.id%9+1, 10)+".vast.ai")
	w.text("ssh_idx", strconv.FormatInt(h.id%9+1, 10))
	w.int("ssh_port", 10000+i.id%10000)
	w.int("machine_dir_ssh_port", 21000)
	w.int("direct_port_start", -1)
	w.int("direct_port_end", -1)
	w.float("disk_space", i.disk)
	w.float("start_date", float64(i.created.UnixMicro())/1e6)
	w.float("end_date", 2034617753)
	w.float("duration", float64(2034617753-now.Unix()))
	w.null("webpage")
	if actual == running {
		w.key("ports")
		w.b = i.appendPorts(w.b)
	} else {
		w.null("ports")
	}
	return append(w.b, '}')
}

// appendPorts appends the mapped ports; HostPort is a string.
func (i *instance) appendPorts(b []byte) []byte {
	b = append(b, '{')
	for n, m := range i.mapped {
		if n > 0 {
			b = append(b, ',')
		}
		b = simkit.AppendString(b, strconv.Itoa(m.internal)+"/"+m.protocol)
		b = append(b, `:[{"HostIp":"0.0.0.0","HostPort":"`...)
		b = append(strconv.AppendInt(b, int64(m.external), 10), `"}]`...)
	}
	return append(b, '}')
}

// mapPorts gives each port one of the host's address.
func (i *instance) mapPorts() {
	i.mapped = nil
	take := func(internal int, protocol string) {
		i.host.nextPort++
		if i.host.nextPort > 60000 {
			i.host.nextPort = 20000
		}
		m := mapped{internal, i.host.nextPort, protocol}
		if internal > 70000-1 {
			m.internal = m.external // the same number inside and outside
		}
		i.mapped = append(i.mapped, m)
	}
	if strings.HasSuffix(i.runtype, "_direct") {
		take(22, "tcp")
	}
	for _, e := range i.env {
		if strings.HasPrefix(e.name, "-p ") {
			if internal, protocol, ok := published(e.name); ok {
				take(internal, protocol)
			}
		}
	}
}
