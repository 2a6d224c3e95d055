package vast

import (
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// sshPort is where the SSH server of a machine listens.
const sshPort = 22

// firstSymmetric stands in a request for a port of Vast's choice that has the same
// number inside and outside; the next numbers stand for further ones. The machine
// reads what it got in VAST_TCP_PORT_70001 and so on.
const firstSymmetric = 70001

// mapping is a port of the container on the host's address.
type mapping struct{ internal, external int }

// mappings reads ports, {"8000/tcp":[{"HostIp":"0.0.0.0","HostPort":"33526"}]}.
// UDP ports are left out, and so is a list of numbers, which the vendor's
// contract shows.
func mappings(r *jsonx.Reader) []mapping {
	var all []mapping
	if r.Kind() != jsonx.Object {
		r.Skip()
		return nil
	}
	for more := r.Object(); more; more = r.NextMember() {
		number, protocol, _ := strings.Cut(r.Key(), "/")
		m := mapping{}
		m.internal, _ = strconv.Atoi(number)
		for more := r.Array(); more; more = r.NextElement() {
			for more := r.Object(); more; more = r.NextMember() {
				if r.Key() == "HostPort" {
					m.external = int(r.Int())
				} else {
					r.Skip()
				}
			}
		}
		if m.internal > 0 && m.external > 0 && (protocol == "tcp" || protocol == "") {
			all = append(all, m)
		}
	}
	return all
}

// setPorts lists the ports that were asked for, with their addresses once they
// have some, then those that are mapped beside them.
func (in *instance) setPorts(env sdk.Env, c *spec.Compute) {
	running := c.Status == spec.StatusRunning
	if running {
		c.PublicIP = in.address
	}
	protocols := in.protocols()
	symmetric := 0
	for _, p := range in.env {
		internal, ok := published(p.key)
		if !ok || internal > 65535 {
			if ok {
				symmetric++
			}
			continue
		}
		port := spec.Port{Internal: internal, Protocol: protocols[internal]}
		if port.Protocol == "" {
			port.Protocol = spec.ProtocolTCP
		}
		if running {
			reach(env, &port, in.address, in.external(internal))
		}
		c.Ports = append(c.Ports, port)
	}
	if !running {
		awaited(c, symmetric)
		return
	}
	for _, m := range in.mapped {
		if m.internal > 65535 {
			m.internal = m.external // named by the number of the request
		}
		if m.internal == sshPort && in.logsIn() {
			c.SSH = &spec.SSH{Host: in.address, Port: m.external, Username: "root"}
		}
		known := m.internal == sshPort && in.logsIn()
		for i := range c.Ports {
			known = known || c.Ports[i].Internal == m.internal
		}
		if !known {
			port := spec.Port{Internal: m.internal, Protocol: spec.ProtocolTCP}
			if symmetric > 0 && m.internal == m.external {
				port.Symmetric = true
				symmetric--
			}
			reach(env, &port, in.address, m.external)
			c.Ports = append(c.Ports, port)
		}
	}
	awaited(c, symmetric)
	if c.SSH == nil && in.logsIn() && in.sshHost != "" && in.sshPort > 0 {
		c.SSH = &spec.SSH{Host: in.sshHost, Port: in.sshPort, Username: "root"}
	}
	if c.SSH != nil && c.SSH.Host == "" {
		c.SSH = nil
	}
}

// awaited lists the symmetric ports whose numbers Vast has not told.
func awaited(c *spec.Compute, count int) {
	for range count {
		c.Ports = append(c.Ports, spec.Port{Protocol: spec.ProtocolTCP, Symmetric: true})
	}
}

// logsIn reports whether the machine has an SSH server of Vast's.
func (in *instance) logsIn() bool {
	return strings.Contains(in.runtype, "ssh") || strings.Contains(in.runtype, "jupyter")
}

func (in *instance) external(internal int) int {
	for _, m := range in.mapped {
		if m.internal == internal {
			return m.external
		}
	}
	return 0
}

// protocols reads what a create kept of its ports.
func (in *instance) protocols() map[int]spec.Protocol {
	all := map[int]spec.Protocol{}
	for _, p := range in.env {
		if p.key != portsVariable && !strings.HasPrefix(p.key, portsVariable+"_") {
			continue
		}
		for _, part := range strings.Split(p.value, ",") {
			number, protocol, _ := strings.Cut(part, "/")
			internal, err := strconv.Atoi(number)
			if err == nil && (protocol == string(spec.ProtocolHTTP) || protocol == string(spec.ProtocolTCP)) {
				all[internal] = spec.Protocol(protocol)
			}
		}
	}
	return all
}

// published reads an entry of the environment that publishes a TCP port,
// "-p 8000:8000". A number above 65535 stands for a symmetric port.
func published(key string) (internal int, ok bool) {
	text, ok := strings.CutPrefix(key, "-p ")
	if !ok {
		return 0, false
	}
	text, protocol, _ := strings.Cut(strings.TrimSpace(text), "/")
	if at := strings.LastIndexByte(text, ':'); at >= 0 {
		text = text[at+1:]
	}
	internal, err := strconv.Atoi(text)
	return internal, err == nil && internal > 0 && (protocol == "" || protocol == "tcp")
}

// reach tells how a mapped port is reached.
func reach(env sdk.Env, port *spec.Port, host string, external int) {
	if host == "" || external == 0 {
		return
	}
	port.External = external
	number := strconv.Itoa(external)
	if port.Protocol == spec.ProtocolTCP {
		port.Host = host
		port.URL = "tcp://" + host + ":" + number
		return
	}
	template := address(env, "direct", defaultDirect)
	if template == defaultDirect {
		port.URL = "http://" + host + ":" + number
		return
	}
	port.URL = rest.Fill(template, "host", host, "port", number)
}
