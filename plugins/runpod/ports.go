package runpod

import (
	"strconv"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// mapping is where a port of a running pod is reached from outside.
type mapping struct {
	private, public int
	kind, ip        string
}

func mappings(r *jsonx.Reader) []mapping {
	var list []mapping
	for more := r.Array(); more; more = r.NextElement() {
		var m mapping
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "private":
				m.private = int(r.Int())
			case "public":
				m.public = int(r.Int())
			case "type":
				m.kind = r.Text()
			case "ip":
				m.ip = r.Text()
			default:
				r.Skip()
			}
		}
		list = append(list, m)
	}
	return list
}

// firstSymmetric stands in a request for a TCP port of RunPod's choice that has the
// same number inside and outside; the next numbers stand for further ones. A pod
// reads what it got in RUNPOD_TCP_PORT_70001 and so on.
const firstSymmetric = 70001

// portTexts are the ports of a create: "8000/http", "22/tcp", "70001/tcp".
func portTexts(ports []spec.PortRequest) []string {
	list := make([]string, 0, len(ports))
	symmetric := firstSymmetric
	for i := range ports {
		number, protocol := ports[i].Internal, ports[i].Protocol
		switch {
		case ports[i].Symmetric:
			number, protocol = symmetric, spec.ProtocolTCP
			symmetric++
		case protocol == "":
			protocol = spec.ProtocolHTTP
		}
		list = append(list, strconv.Itoa(number)+"/"+string(protocol))
	}
	return list
}

// setPorts joins the ports that were asked for with what the running pod has.
// HTTP ports go through RunPod's proxy, whose address is known from the start;
// TCP ports get a public address when the pod runs. A number above 65535 in a
// request stands for "the same port inside and outside": its real number appears
// among the mappings only, and until then the port is listed without one.
func setPorts(c *spec.Compute, proxy string, requested []string, mapped []mapping) {
	if len(requested)+len(mapped) > 0 {
		c.Ports = make([]spec.Port, 0, len(requested)+len(mapped))
	}
	symmetric := 0
	for _, text := range requested {
		number, protocol, ok := parsePort(text)
		if !ok || number > 65535 {
			if ok && protocol == spec.ProtocolTCP {
				symmetric++
			}
			continue
		}
		port := spec.Port{Internal: number, Protocol: protocol}
		if protocol == spec.ProtocolHTTP {
			port.URL = proxyURL(proxy, c.ID, number)
		}
		c.Ports = append(c.Ports, port)
	}
	for _, m := range mapped {
		if m.kind != "tcp" || m.public <= 0 || m.ip == "" || m.private <= 0 {
			continue
		}
		if m.private > 65535 {
			m.private = m.public // named by the number of the request
		}
		before := len(c.Ports)
		port := tcpPort(c, m.private)
		if len(c.Ports) > before && symmetric > 0 && m.private == m.public {
			port.Symmetric = true
			symmetric--
		}
		port.External, port.Host = m.public, m.ip
		port.URL = tcpURL(m.ip, m.public)
		if c.PublicIP == "" {
			c.PublicIP = m.ip
		}
	}
	for range symmetric {
		c.Ports = append(c.Ports, spec.Port{Protocol: spec.ProtocolTCP, Symmetric: true})
	}
}

// tcpPort returns the TCP port of that number, added where nobody asked for it.
func tcpPort(c *spec.Compute, internal int) *spec.Port {
	for i := range c.Ports {
		if c.Ports[i].Internal == internal && c.Ports[i].Protocol == spec.ProtocolTCP {
			return &c.Ports[i]
		}
	}
	c.Ports = append(c.Ports, spec.Port{Internal: internal, Protocol: spec.ProtocolTCP})
	return &c.Ports[len(c.Ports)-1]
}

// parsePort reads "8000/http". A bare number is TCP, as RunPod takes it.
func parsePort(text string) (number int, protocol spec.Protocol, ok bool) {
	digits, word := text, "tcp"
	for i := range len(text) {
		if text[i] == '/' {
			digits, word = text[:i], text[i+1:]
			break
		}
	}
	number, err := strconv.Atoi(digits)
	if err != nil || number < 1 {
		return 0, "", false
	}
	switch word {
	case "http":
		return number, spec.ProtocolHTTP, true
	case "tcp":
		return number, spec.ProtocolTCP, true
	}
	return 0, "", false
}

func proxyURL(template, id string, port int) string {
	return rest.Fill(template, "id", id, "port", strconv.Itoa(port))
}

// tcpURL joins an address and a port, with brackets around an IPv6 address.
func tcpURL(host string, port int) string {
	for i := range len(host) {
		if host[i] == ':' {
			return "tcp://[" + host + "]:" + strconv.Itoa(port)
		}
	}
	return "tcp://" + host + ":" + strconv.Itoa(port)
}
