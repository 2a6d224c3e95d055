package runpod

import (
	"strconv"
	"strings"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// phase is what was last done to a pod; its status follows from that and from
// the time.
type phase uint8

const (
	phaseUp      phase = iota // created, started or restarted
	phaseExited               // stopped, preempted, or the container ended
	phaseError                // the container failed beyond repair
	phaseStuck                // STARTING for ever
	phaseUnready              // RUNNING, but nothing answers and no port has an address
	phaseGone                 // deleted
)

// mount is where a disk is mounted.
type mount struct {
	size   int    // of a persistent volume, GB
	volume string // of a network volume
	path   string
}

// container is what pods, templates and endpoints have in common.
type container struct {
	image, args     string
	disk            int
	ports           []string
	env             []pair // in the order of the request
	registry        string
	entrypoint, cmd []string
}

type pair struct{ name, value string }

// mapped is a TCP port on a public address.
type mapped struct {
	private, public int
	ip              string
}

// pod is one machine.
type pod struct {
	container
	id, name, template string
	seq                int64
	tenant             *tenant
	persistent         *mount
	network            *mount
	gpu                *gpuType
	gpuCount           int
	cpu                *cpuType
	vcpu               int
	cloud, center      string
	cuda               string
	host               string // tag of the machine it runs on, part of the SSH user name
	rate               float64
	locked, global     bool
	hostFull           bool // its GPUs were taken while it was stopped
	createdAt          time.Time

	phase       phase
	up          time.Time // start of the phase
	starting    time.Time // end of PROVISIONING
	running     time.Time // end of STARTING
	mapped      []mapped
	claim       simkit.Claim
	fixed       []byte // the part of its JSON that an action does not change
	interrupted bool   // a phase other than up began before it ran

	log    []logLine
	logSeq int64
	told   int           // steps of the chapter that are in the log
	watch  chan struct{} // closed when the pod changes; nil while nobody reads its log
}

// status derives the status at an instant.
func (p *pod) status(now time.Time) string {
	switch p.phase {
	case phaseExited:
		return "EXITED"
	case phaseError:
		return "ERROR"
	case phaseGone:
		return "TERMINATED"
	}
	switch {
	case now.Before(p.starting):
		return "PROVISIONING"
	case p.phase == phaseStuck || now.Before(p.running):
		return "STARTING"
	}
	return "RUNNING"
}

// actions permitted in a status.
func actions(status string) string {
	switch status {
	case "PROVISIONING", "STARTING":
		return `["stop","terminate"]`
	case "RUNNING":
		return `["stop","restart","terminate"]`
	case "EXITED", "ERROR":
		return `["start","terminate"]`
	}
	return `[]`
}

// permits tells whether an action is legal in a status.
func permits(status, action string) bool {
	return strings.Contains(actions(status), `"`+action+`"`)
}

// envValue returns a variable of the container.
func (p *container) envValue(name string) string {
	for _, e := range p.env {
		if e.name == name {
			return e.value
		}
	}
	return ""
}

// appendContainer appends the container's fields, without braces.
func appendContainer(b []byte, p *container) []byte {
	b = append(b, `"image":`...)
	b = simkit.AppendString(b, p.image)
	b = append(b, `,"args":`...)
	b = simkit.AppendString(b, p.args)
	if p.entrypoint != nil {
		b = append(b, `,"entrypoint":`...)
		b = simkit.AppendStrings(b, p.entrypoint)
	}
	if p.cmd != nil {
		b = append(b, `,"cmd":`...)
		b = simkit.AppendStrings(b, p.cmd)
	}
	b = append(b, `,"disk":`...)
	b = simkit.AppendInt(b, p.disk)
	b = append(b, `,"ports":`...)
	b = simkit.AppendStrings(b, p.ports)
	b = append(b, `,"env":{`...)
	for i, e := range p.env {
		if i > 0 {
			b = append(b, ',')
		}
		b = simkit.AppendString(b, e.name)
		b = append(b, ':')
		b = simkit.AppendString(b, e.value)
	}
	b = append(b, `},"registry":`...)
	return appendOrNull(b, p.registry)
}

func appendOrNull(b []byte, text string) []byte {
	if text == "" {
		return append(b, "null"...)
	}
	return simkit.AppendString(b, text)
}

func appendMounts(b []byte, persistent, network *mount) []byte {
	b = append(b, `{`...)
	if persistent != nil {
		b = append(b, `"persistent":{"size":`...)
		b = simkit.AppendInt(b, persistent.size)
		b = append(b, `,"path":`...)
		b = simkit.AppendString(b, persistent.path)
		b = append(b, '}')
	}
	if network != nil {
		b = append(b, `"network":[{"volumeId":`...)
		b = simkit.AppendString(b, network.volume)
		b = append(b, `,"path":`...)
		b = simkit.AppendString(b, network.path)
		b = append(b, "}]"...)
	}
	return append(b, '}')
}

// fix encodes the part of the pod that only PATCH changes.
func (p *pod) fix() {
	b := append(make([]byte, 0, 1024), `{"id":`...)
	b = simkit.AppendString(b, p.id)
	b = append(b, `,"name":`...)
	b = simkit.AppendString(b, p.name)
	b = append(b, ',')
	b = appendContainer(b, &p.container)
	b = append(b, `,"mounts":`...)
	b = appendMounts(b, p.persistent, p.network)
	if p.gpu != nil {
		b = append(b, `,"gpu":{"id":`...)
		b = simkit.AppendString(b, p.gpu.id)
		b = append(b, `,"count":`...)
		b = simkit.AppendInt(b, p.gpuCount)
		b = append(b, `,"vcpuCount":`...)
		b = simkit.AppendInt(b, p.gpu.vcpu*p.gpuCount)
		b = append(b, `,"memory":`...)
		b = simkit.AppendInt(b, p.gpu.ram*p.gpuCount)
		b = append(b, '}')
	} else {
		b = append(b, `,"cpu":{"id":`...)
		b = simkit.AppendString(b, p.cpu.id)
		b = append(b, `,"vcpuCount":`...)
		b = simkit.AppendInt(b, p.vcpu)
		b = append(b, `,"memory":`...)
		b = simkit.AppendInt(b, int(p.cpu.ram*float64(p.vcpu)))
		b = append(b, '}')
	}
	b = append(b, `,"cloud":"`...)
	b = append(b, p.cloud...)
	b = append(b, `","dataCenterId":`...)
	b = appendOrNull(b, p.center)
	b = append(b, `,"cudaVersion":`...)
	b = appendOrNull(b, p.cuda)
	b = append(b, `,"template":`...)
	b = appendOrNull(b, p.template)
	b = append(b, `,"locked":`...)
	b = simkit.AppendBool(b, p.locked)
	if p.global {
		b = append(b, `,"globalNetworking":{"enabled":true,"ip":"10.65.1.`...)
		b = simkit.AppendInt(b, p.seq%250+2)
		b = append(b, `","internalDns":"`...)
		b = append(append(b, p.id...), `.runpod.internal"}`...)
	} else {
		b = append(b, `,"globalNetworking":{"enabled":false}`...)
	}
	b = append(b, `,"createdAt":`...)
	p.fixed = simkit.AppendTime(b, p.createdAt)
}

// append appends the pod's JSON. It only reads.
func (p *pod) append(b []byte, now time.Time) []byte {
	status := p.status(now)
	b = append(b, p.fixed...)
	b = append(append(b, `,"status":"`...), status...)
	b = append(append(b, `","actions":`...), actions(status)...)
	b = append(b, `,"cost":`...)
	if status == "EXITED" {
		b = append(b, '0')
	} else {
		b = simkit.AppendFloat(b, p.rate)
	}
	b = append(b, `,"startedAt":`...)
	if p.running.After(now) || p.phase == phaseStuck || p.interrupted {
		b = append(b, "null"...)
	} else {
		b = simkit.AppendTime(b, p.running)
	}
	open := status == "RUNNING" && p.phase != phaseUnready
	b = append(b, `,"ssh":`...)
	b = p.appendSSH(b, status, open)
	b = append(b, `,"runtime":`...)
	switch {
	case open:
		b = p.appendRuntime(b, now)
	case status == "STARTING":
		b = append(b, "{}"...)
	default:
		b = append(b, "null"...)
	}
	return append(b, '}')
}

func (p *pod) appendSSH(b []byte, status string, open bool) []byte {
	if status == "PROVISIONING" || status == "EXITED" {
		return append(b, `{"proxy":null,"direct":null}`...)
	}
	user := p.id + "-" + p.host
	b = append(append(b, `{"proxy":{"host":"ssh.runpod.io","port":22,"username":"`...), user...)
	b = append(append(b, `","command":"ssh `...), user...)
	b = append(b, `@ssh.runpod.io"},"direct":`...)
	for _, m := range p.mapped {
		if m.private == 22 && open {
			b = append(append(b, `{"host":"`...), m.ip...)
			b = strconv.AppendInt(append(b, `","port":`...), int64(m.public), 10)
			b = append(append(b, `,"username":"root","command":"ssh root@`...), m.ip...)
			b = strconv.AppendInt(append(b, " -p "...), int64(m.public), 10)
			return append(b, `"}}`...)
		}
	}
	return append(b, "null}"...)
}

func (p *pod) appendRuntime(b []byte, now time.Time) []byte {
	b = append(b, `{"uptime":`...)
	b = simkit.AppendInt(b, int64(now.Sub(p.running)/time.Second))
	b = append(b, `,"ports":[`...)
	for i, m := range p.mapped {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"private":`...)
		b = simkit.AppendInt(b, m.private)
		if m.ip == "" {
			b = append(b, `,"public":null,"type":"tcp","ip":null}`...)
			continue
		}
		b = append(b, `,"public":`...)
		b = simkit.AppendInt(b, m.public)
		b = append(b, `,"type":"tcp","ip":"`...)
		b = append(append(b, m.ip...), `"}`...)
	}
	return append(b, "]}"...)
}
