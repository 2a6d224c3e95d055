package runpod

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// secretMembers are the members whose values are hidden in raw answers and
// errors. The environment comes back from RunPod in clear.
var secretMembers = [...]string{"env", "registry", "registryAuth", "password", "secret", "token", "apiKey", "accessSecret", "s3Config"}

// login is one of the two ways to log in to a pod.
type login struct {
	spec.SSH
	known bool
}

// toCompute converts one pod of REST v2, read leniently: every member but the
// identifier may be missing, null or of another type. It is not ok where the
// text is no pod.
func toCompute(env sdk.Env, text string) (c spec.Compute, ok bool) {
	c = spec.Compute{Provider: name, Ports: []spec.Port{}}
	var requested []string
	var mapped []mapping
	var direct, proxied login
	keyed := false
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			c.ID = r.Text()
		case "name":
			c.Name = r.Text()
		case "image":
			c.Image = r.Text()
		case "status":
			c.NativeStatus = r.Text()
		case "actions":
			c.Actions = r.Texts()
		case "ports":
			requested = r.Texts()
		case "env":
			c.RequestID, keyed = fromEnvironment(&r)
		case "gpu":
			c.GPUNative, c.GPUCount = gpu(&r)
		case "cpu":
			c.Metadata = withCPU(&r, c.Metadata)
		case "cloud":
			c.CloudType = cloudType(r.Text())
		case "dataCenterId":
			c.Region = r.Text()
		case "template":
			c.Metadata = with(c.Metadata, "template_id", r.Text())
		case "cost":
			if cost, known := r.Float(); known && cost >= 0 {
				c.CostPerHour = &cost
			}
		case "ssh":
			direct, proxied = logins(&r)
		case "runtime":
			mapped = runtimePorts(&r)
		case "createdAt":
			c.CreatedAt = rest.UTC(r.Text())
		case "startedAt":
			c.StartedAt = rest.UTC(r.Text())
		default:
			r.Skip()
		}
	}
	if !r.Done() || c.ID == "" {
		return spec.Compute{}, false
	}
	c.Status = status(c.NativeStatus)
	c.GPUType = c.GPUNative
	proxied.known = proxied.known && keyed // RunPod tells of its proxy, too, where no key lets anybody in
	if direct.known || proxied.known {
		way := proxied.SSH
		if direct.known {
			way = direct.SSH
		}
		c.SSH = &way
	}
	setPorts(&c, address(env, "proxy", defaultProxy), requested, mapped)
	if c.PublicIP == "" && direct.known {
		c.PublicIP = direct.Host
	}
	if env.IncludeRaw {
		c.Raw = rest.Redact(text, secretMembers[:], nil)
	}
	return c, true
}

// logins reads both ways to log in.
func logins(r *jsonx.Reader) (direct, proxied login) {
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "direct":
			direct = endpoint(r)
		case "proxy":
			proxied = endpoint(r)
		default:
			r.Skip()
		}
	}
	return direct, proxied
}

// runtimePorts reads the ports of a pod that runs.
func runtimePorts(r *jsonx.Reader) (mapped []mapping) {
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() == "ports" {
			mapped = mappings(r)
		} else {
			r.Skip()
		}
	}
	return mapped
}

// status maps RunPod's states. A state that came later reads as provisioning, so
// that nobody takes the pod for usable or for gone.
func status(native string) spec.Status {
	switch native {
	case "RUNNING":
		return spec.StatusRunning
	case "EXITED":
		return spec.StatusStopped
	case "ERROR":
		return spec.StatusFailed
	case "TERMINATED":
		return spec.StatusTerminated
	}
	return spec.StatusProvisioning
}

func cloudType(native string) spec.CloudType {
	switch native {
	case "SECURE":
		return spec.CloudSecure
	case "COMMUNITY":
		return spec.CloudCommunity
	}
	return ""
}

// fromEnvironment finds the request id in the environment, and whether there are
// SSH keys in it, and leaves the rest of it unread.
func fromEnvironment(r *jsonx.Reader) (requestID string, keyed bool) {
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case requestIDVariable:
			requestID = r.Text()
		case keysVariable:
			keyed = r.Text() != ""
		default:
			r.Skip()
		}
	}
	return requestID, keyed
}

func gpu(r *jsonx.Reader) (id string, count int) {
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			id = r.Text()
		case "count":
			count = int(r.Int())
		default:
			r.Skip()
		}
	}
	if id != "" && count < 1 {
		count = 1
	}
	return id, count
}

func withCPU(r *jsonx.Reader, metadata map[string]string) map[string]string {
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			metadata = with(metadata, "cpu_flavor", r.Text())
		case "vcpuCount":
			metadata = with(metadata, "vcpu_count", r.Text())
		default:
			r.Skip()
		}
	}
	return metadata
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

func endpoint(r *jsonx.Reader) login {
	var l login
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "host":
			l.Host = r.Text()
		case "port":
			l.Port = int(r.Int())
		case "username":
			l.Username = r.Text()
		default:
			r.Skip()
		}
	}
	l.known = l.Host != "" && l.Port > 0
	return l
}
