package fly

import (
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// The ports at which Fly's proxy takes HTTP for every app.
const (
	portHTTP  = 80
	portHTTPS = 443
)

// service is one port of a machine with the port it has outside.
type service struct {
	internal, external int
	protocol           spec.Protocol
}

// servicesOf gives each port asked for the port it gets outside. The first HTTP
// port gets 443 and 80; every other keeps its number, since an app has each
// number once.
func servicesOf(ports []spec.PortRequest) ([]service, *spec.Error) {
	list := make([]service, 0, len(ports))
	used := map[int]bool{}
	for i := range ports {
		if ports[i].Protocol != spec.ProtocolTCP && !used[portHTTPS] {
			list = append(list, service{ports[i].Internal, portHTTPS, spec.ProtocolHTTP})
			used[portHTTPS], used[portHTTP] = true, true
		}
	}
	for i := range ports {
		s := service{ports[i].Internal, ports[i].Internal, spec.ProtocolTCP}
		if ports[i].Protocol != spec.ProtocolTCP {
			s.protocol = spec.ProtocolHTTP
			if s.internal == list[0].internal {
				continue // has 443 already
			}
		}
		if used[s.external] {
			return nil, invalid("port "+strconv.Itoa(s.external)+" is asked for twice at Fly's side",
				"the first http port takes 443 and 80 outside, every other port keeps its number: choose another number")
		}
		used[s.external] = true
		list = append(list, s)
	}
	return list, nil
}

// addressTypes are the types of addresses that the services need, as flyctl
// assigns them: a shared IPv4 address passes HTTP on 80 and 443 alone.
func addressTypes(list []service) []string {
	if len(list) == 0 {
		return nil
	}
	for _, s := range list {
		if s.external != portHTTPS || s.protocol != spec.ProtocolHTTP {
			return []string{"v6", "v4"}
		}
	}
	return []string{"v6", "shared_v4"}
}

// writeServices writes the member services of a config. Fly's proxy must neither
// stop a machine that is idle nor start one that was stopped: both are the
// caller's to decide, and a machine that starts by itself costs.
func writeServices(w *jsonx.Writer, list []service) {
	if len(list) == 0 {
		return
	}
	w.Key("services")
	w.Open('[')
	for _, s := range list {
		w.Open('{')
		w.TextField("protocol", "tcp")
		w.IntField("internal_port", int64(s.internal))
		w.Key("ports")
		w.Open('[')
		writePort(w, s)
		w.Close(']')
		w.TextField("autostop", "off")
		w.Key("autostart")
		w.Bool(false)
		w.Close('}')
	}
	w.Close(']')
}

func writePort(w *jsonx.Writer, s service) {
	w.Open('{')
	w.IntField("port", int64(s.external))
	if s.protocol == spec.ProtocolHTTP {
		w.TextsField("handlers", []string{"tls", "http"})
	}
	w.Close('}')
	if s.protocol == spec.ProtocolHTTP && s.external == portHTTPS {
		w.Open('{')
		w.IntField("port", portHTTP)
		w.TextsField("handlers", []string{"http"})
		w.BoolField("force_https", true)
		w.Close('}')
	}
}

// readServices reads the member services of a machine. Of a service with several
// ports outside the one with TLS counts.
func readServices(r *jsonx.Reader) []service {
	var list []service
	for more := r.Array(); more; more = r.NextElement() {
		s := service{}
		udp := false
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "internal_port":
				s.internal = int(r.Int())
			case "protocol":
				udp = r.Text() == "udp"
			case "ports":
				s.external, s.protocol = readPorts(r)
			default:
				r.Skip()
			}
		}
		if s.internal > 0 && s.external > 0 && !udp {
			list = append(list, s)
		}
	}
	return list
}

func readPorts(r *jsonx.Reader) (external int, protocol spec.Protocol) {
	best := -1
	for more := r.Array(); more; more = r.NextElement() {
		number, rank := 0, 0
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "port":
				number = int(r.Int())
			case "start_port":
				if number == 0 {
					number = int(r.Int())
				} else {
					r.Skip()
				}
			case "handlers":
				for _, handler := range r.Texts() {
					switch handler {
					case "tls":
						rank += 2
					case "http":
						rank++
					}
				}
			default:
				r.Skip()
			}
		}
		if number > 0 && rank > best {
			best, external, protocol = rank, number, spec.ProtocolTCP
			if rank%2 == 1 {
				protocol = spec.ProtocolHTTP
			}
		}
	}
	return external, protocol
}

// portsText is the services as a machine's metadata keeps them, for listings that
// leave services out: "8000:443/http,22:22/tcp".
func portsText(list []service) string {
	var text []byte
	for i, s := range list {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(s.internal), 10)
		text = append(text, ':')
		text = strconv.AppendInt(text, int64(s.external), 10)
		text = append(text, '/')
		text = append(text, s.protocol...)
	}
	return string(text)
}

// parsePorts reads portsText leniently.
func parsePorts(text string) []service {
	var list []service
	for _, part := range strings.Split(text, ",") {
		numbers, protocol, _ := strings.Cut(part, "/")
		inside, outside, _ := strings.Cut(numbers, ":")
		s := service{protocol: spec.Protocol(protocol)}
		s.internal, _ = strconv.Atoi(inside)
		s.external, _ = strconv.Atoi(outside)
		if s.internal > 0 && s.external > 0 && (s.protocol == spec.ProtocolHTTP || s.protocol == spec.ProtocolTCP) {
			list = append(list, s)
		}
	}
	return list
}

// toPort tells how a service is reached: at the app's host name, which all
// machines of the app share.
func toPort(env sdk.Env, app string, s service) spec.Port {
	port := spec.Port{Internal: s.internal, External: s.external, Protocol: s.protocol}
	number := strconv.Itoa(s.external)
	switch {
	case s.protocol == spec.ProtocolTCP:
		port.Host = app + ".fly.dev"
		port.URL = "tcp://" + port.Host + ":" + number
	case s.external == portHTTPS:
		port.URL = rest.Fill(address(env, "app", defaultApp), "app", app)
	default:
		port.URL = rest.Fill(address(env, "app_port", defaultAppPort), "app", app, "port", number)
	}
	return port
}
