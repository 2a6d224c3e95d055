package fly

import (
	"strconv"
	"strings"

	"github.com/exatlas/atlas/sim/simkit"
)

// address is a public address of an app.
type address struct {
	ip, kind  string
	createdAt []byte
}

const ipv4Price = 2.0 / 730 // USD per hour

// routeIPs serves an app's addresses.
func (c *Cloud) routeIPs(r *request, method string) {
	switch {
	case len(r.parts) == 3 && method == "GET":
		b := []byte(`{"ips":[`)
		for i, ip := range r.app.ips {
			if i > 0 {
				b = append(b, ',')
			}
			b = ip.append(b)
		}
		answer(r.RequestCtx, 200, append(b, "]}"...))
	case len(r.parts) == 3 && method == "POST":
		c.assignIP(r)
	case len(r.parts) == 4 && method == "DELETE":
		for i, ip := range r.app.ips {
			if ip.ip == r.parts[3] {
				c.priceIP(r.app, ip, 0)
				r.app.ips = append(r.app.ips[:i:i], r.app.ips[i+1:]...)
				r.SetStatusCode(204)
				return
			}
		}
		problem(r.RequestCtx, 404, "ip assignment not found")
	default:
		problem(r.RequestCtx, 405, "method not allowed")
	}
}

// assignIP answers POST …/ip_assignments.
func (c *Cloud) assignIP(r *request) {
	v, parser := c.body(r.RequestCtx, c.shapes.assignIP)
	if v == nil {
		return
	}
	kind := textOf(v, "type")
	c.parsers.Put(parser)
	ip := &address{kind: kind, createdAt: simkit.AppendTime(nil, c.Clock.Now())}
	host := strconv.Itoa(c.IDs.Number(1, 250)) + "." + strconv.Itoa(c.IDs.Number(1, 250))
	switch kind {
	case "shared_v4":
		ip.ip = "66.241.124.1" // many customers' apps have it
	case "v4":
		ip.ip = "37.16." + host
	case "v6", "private_v6":
		network := "2a09:8280:1::"
		if kind == "private_v6" {
			network = "fdaa:0:1:0:1::"
		}
		ip.ip = network + strings.ReplaceAll(host, ".", ":")
	default:
		problem(r.RequestCtx, 422, "invalid ip type "+strconv.Quote(kind))
		return
	}
	r.app.ips = append(r.app.ips, ip)
	if kind == "v4" {
		c.priceIP(r.app, ip, ipv4Price)
	}
	answer(r.RequestCtx, 200, ip.append(nil))
}

func (c *Cloud) priceIP(a *app, ip *address, rate float64) {
	if ip.kind == "v4" {
		c.Meter.Rate(a.id+"/"+ip.ip, "ipv4", a.account.Name, rate, c.Clock.Now())
	}
}

func (ip *address) append(b []byte) []byte {
	b = append(append(b, `{"ip":"`...), ip.ip...)
	b = append(b, `","region":"global","service_name":"","shared":`...)
	b = simkit.AppendBool(b, ip.kind == "shared_v4")
	b = append(append(b, `,"created_at":`...), ip.createdAt...)
	return append(b, '}')
}
