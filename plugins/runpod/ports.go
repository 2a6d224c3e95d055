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

// setPorts joins the ports that were asked for with what the running pod has.
// HTTP ports go through RunPod's proxy, whose address is known from the start;
// TCP ports get a public address when the pod runs. A number above 65535 in a
// request stands for "the same port inside and outside": its real number appears
// among the mappings only.
func setPorts(c *spec.Compute, proxy string, requested []string, mapped []mapping) {
	if len(requested)+len(mapped) > 0 {
		c.Ports = make([]spec.Port, 0, len(requested)+len(mapped))
	}
	for _, text := range requested {
		number, protocol, ok := parsePort(text)
		if !ok || number > 65535 {
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
		port := tcpPort(c, m.private)
		port.External, port.Host = m.public, m.ip
		port.URL = tcpURL(m.ip, m.public)
		if c.PublicIP == "" {
			c.PublicIP = m.ip
		}
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
