package lambdalabs

import (
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

const (
	sshPort = 22
	maxTag  = 128 // of a tag's value
)

// setPorts puts the ports that were asked for on a compute. Inside and outside
// they are the same, at the machine's own address, without TLS.
func setPorts(env sdk.Env, c *spec.Compute, asked []spec.PortRequest) {
	c.Ports = make([]spec.Port, 0, len(asked))
	for _, p := range asked {
		port := spec.Port{Internal: p.Internal, Protocol: p.Protocol}
		if port.Protocol == "" {
			port.Protocol = spec.ProtocolHTTP
		}
		if c.PublicIP != "" {
			port.External, port.Host = p.Internal, c.PublicIP
			port.URL = portURL(env, c, port.Protocol, strconv.Itoa(p.Internal))
		}
		c.Ports = append(c.Ports, port)
	}
}

func portURL(env sdk.Env, c *spec.Compute, protocol spec.Protocol, number string) string {
	if protocol == spec.ProtocolTCP {
		return "tcp://" + c.PublicIP + ":" + number
	}
	template := address(env, "port", defaultPort)
	if template == defaultPort {
		return "http://" + c.PublicIP + ":" + number
	}
	return rest.Fill(template, "id", c.ID, "ip", c.PublicIP, "port", number)
}

// portTags writes the ports as values of tags: "8000/http 22/tcp".
func portTags(ports []spec.PortRequest) []string {
	var tags []string
	for _, p := range ports {
		protocol := p.Protocol
		if protocol == "" {
			protocol = spec.ProtocolHTTP
		}
		text := strconv.Itoa(p.Internal) + "/" + string(protocol)
		if last := len(tags) - 1; last >= 0 && len(tags[last])+1+len(text) <= maxTag {
			tags[last] += " " + text
		} else {
			tags = append(tags, text)
		}
	}
	return tags
}

// portsTag is the key of the n-th of these tags.
func portsTag(n int) string {
	if n == 0 {
		return tagPorts
	}
	return tagPorts + "-" + strconv.Itoa(n+1)
}

func isPortsTag(key string) bool {
	rest, ok := strings.CutPrefix(key, tagPorts)
	if !ok || rest == "" {
		return ok
	}
	_, err := strconv.Atoi(rest[1:])
	return rest[0] == '-' && err == nil
}

func parsePorts(text string) []spec.PortRequest {
	var list []spec.PortRequest
	for _, one := range strings.Fields(text) {
		digits, protocol, _ := strings.Cut(one, "/")
		number, err := strconv.Atoi(digits)
		if err == nil && number >= 1 && number <= 65535 && (protocol == string(spec.ProtocolHTTP) || protocol == string(spec.ProtocolTCP)) {
			list = append(list, spec.PortRequest{Internal: number, Protocol: spec.Protocol(protocol)})
		}
	}
	return list
}
