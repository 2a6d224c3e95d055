package lambdalabs

import (
	"strconv"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// Keys of the tags that a launch sets. Lambda takes lower case, digits, dashes
// and colons.
const (
	tagRequestID = "atlas-request-id"
	tagCreatedAt = "atlas-created-at" // Lambda keeps no time of creation
	tagImage     = "atlas-image"      // nor the container's image
	tagPorts     = "atlas-ports"      // portsText; a number follows where one tag is not enough
)

// user is who logs in to a machine.
const user = "ubuntu"

// toCompute converts one instance, read leniently: every member but the
// identifier may be missing, null or of another type. It is not ok where the text
// is no instance.
func toCompute(env sdk.Env, text string) (c spec.Compute, ok bool) {
	c = spec.Compute{Provider: name}
	var t machineType
	var ports []spec.PortRequest
	var offered actions
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			c.ID = r.Text()
		case "name":
			c.Name = r.Text()
		case "status":
			c.NativeStatus = r.Text()
		case "ip":
			c.PublicIP = r.Text()
		case "region":
			c.Region = regionName(&r)
		case "instance_type":
			t.read(&r)
		case "actions":
			offered = readActions(&r)
		case "ssh_key_names":
			if names := r.Texts(); len(names) > 0 {
				c.Metadata = with(c.Metadata, "ssh_key", names[0])
			}
		case "tags":
			ports = readTags(&r, &c)
		default:
			r.Skip()
		}
	}
	if !r.Done() || c.ID == "" {
		return spec.Compute{}, false
	}
	c.Status = status(c.NativeStatus)
	c.Actions = offered.list(c.NativeStatus)
	describe(&c, &t)
	setPorts(env, &c, ports)
	if c.PublicIP != "" && c.Status != spec.StatusTerminated {
		c.SSH = &spec.SSH{Host: c.PublicIP, Port: sshPort, Username: user}
	}
	if env.IncludeRaw {
		c.Raw = rest.Redact(text, secretMembers[:], nil)
	}
	return c, true
}

// describe completes a compute with its type.
func describe(c *spec.Compute, t *machineType) {
	c.GPUNative, c.GPUCount = t.gpuID(), t.gpus
	c.GPUType = c.GPUNative
	if t.price > 0 {
		price := t.price
		c.CostPerHour = &price
	}
	c.Metadata = with(c.Metadata, "instance_type", t.name)
	if t.gpus == 0 {
		c.Metadata = with(c.Metadata, "cpu_flavor", t.name)
	}
	if t.vcpus > 0 {
		c.Metadata = with(c.Metadata, "vcpu_count", strconv.Itoa(t.vcpus))
	}
	if t.name != "" {
		c.Metadata = with(c.Metadata, "architecture", t.architecture())
	}
}

// status maps Lambda's states. A machine that is terminating cannot be kept, so
// it counts as gone; one that is unhealthy costs and may recover. A state that
// came later reads as provisioning, so that nobody takes the machine for usable
// or for gone.
func status(native string) spec.Status {
	switch native {
	case "active":
		return spec.StatusRunning
	case "unhealthy":
		return spec.StatusFailed
	case "terminating", "terminated", "preempted":
		return spec.StatusTerminated
	}
	return spec.StatusProvisioning
}

// actions is what Lambda says a machine can do now.
type actions struct{ told, restart, terminate bool }

func readActions(r *jsonx.Reader) actions {
	var a actions
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "restart":
			a.restart, a.told = available(r), true
		case "terminate":
			a.terminate, a.told = available(r), true
		default:
			r.Skip()
		}
	}
	return a
}

func available(r *jsonx.Reader) bool {
	yes := false
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() == "available" {
			yes = r.Bool()
		} else {
			r.Skip()
		}
	}
	return yes
}

func (a actions) list(native string) []string {
	if !a.told {
		if status(native) == spec.StatusTerminated {
			return nil
		}
		return []string{spec.ActionTerminate}
	}
	var list []string
	if a.restart {
		list = append(list, spec.ActionRestart)
	}
	if a.terminate {
		list = append(list, spec.ActionTerminate)
	}
	return list
}

// readTags takes over the tags: Atlas's own into their fields, the others into
// the metadata.
func readTags(r *jsonx.Reader, c *spec.Compute) []spec.PortRequest {
	var ports []spec.PortRequest
	for more := r.Array(); more; more = r.NextElement() {
		key, value := "", ""
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "key":
				key = r.Text()
			case "value":
				value = r.Text()
			default:
				r.Skip()
			}
		}
		switch {
		case key == tagRequestID:
			c.RequestID = value
		case key == tagCreatedAt:
			c.CreatedAt = rest.UTC(value)
		case key == tagImage:
			c.Image = value
		case isPortsTag(key):
			ports = append(ports, parsePorts(value)...)
		case key != "":
			c.Metadata = with(c.Metadata, key, value)
		}
	}
	return ports
}

func with(metadata map[string]string, key, value string) map[string]string {
	if value == "" {
		return metadata
	}
	if metadata == nil {
		metadata = make(map[string]string, 4)
	}
	metadata[key] = value
	return metadata
}

func decimal(n int) string { return strconv.Itoa(n) }
