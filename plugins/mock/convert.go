package mock

import (
	"strconv"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// secretMembers are the members whose values are hidden in raw answers and
// errors.
var secretMembers = [...]string{"env"}

// toCompute converts a machine. It is not ok where the text is no machine.
func toCompute(env sdk.Env, text string) (c spec.Compute, ok bool) {
	c = spec.Compute{Provider: name, Ports: []spec.Port{}}
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			c.ID = r.Text()
		case "name":
			c.Name = r.Text()
		case "request_id":
			c.RequestID = r.Text()
		case "status":
			c.NativeStatus = r.Text()
		case "gpu":
			for more := r.Object(); more; more = r.NextMember() {
				switch r.Key() {
				case "id":
					c.GPUNative = r.Text()
				case "count":
					c.GPUCount = int(r.Int())
				default:
					r.Skip()
				}
			}
		case "tier":
			c.CloudType = spec.CloudType(r.Text())
		case "spot":
			c.Spot = r.Bool()
		case "region":
			c.Region = r.Text()
		case "image":
			c.Image = r.Text()
		case "price":
			if price, known := r.Float(); known && price >= 0 {
				c.CostPerHour = &price
			}
		case "ip":
			c.PublicIP = r.Text()
		case "ports":
			c.Ports = ports(&r)
		case "ssh":
			c.SSH = login(&r)
		case "actions":
			c.Actions = r.Texts()
		case "created_at":
			c.CreatedAt = rest.UTC(r.Text())
		case "started_at":
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
	for i := range c.Ports {
		setURL(env, &c, &c.Ports[i])
	}
	if env.IncludeRaw {
		c.Raw = rest.Redact(text, secretMembers[:], nil)
	}
	return c, true
}

func status(native string) spec.Status {
	switch known := spec.Status(native); known {
	case spec.StatusRunning, spec.StatusStopped, spec.StatusTerminated, spec.StatusFailed:
		return known
	}
	return spec.StatusProvisioning
}

func ports(r *jsonx.Reader) []spec.Port {
	list := []spec.Port{}
	for more := r.Array(); more; more = r.NextElement() {
		var port spec.Port
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "port":
				port.Internal = int(r.Int())
			case "protocol":
				port.Protocol = spec.Protocol(r.Text())
			case "external":
				port.External = int(r.Int())
			case "url":
				port.URL = r.Text()
			default:
				r.Skip()
			}
		}
		list = append(list, port)
	}
	return list
}

// setURL fills in the address of a port that the cloud left to the plugin.
func setURL(env sdk.Env, c *spec.Compute, port *spec.Port) {
	if port.Protocol == spec.ProtocolTCP {
		port.Host = c.PublicIP
		if port.URL == "" && port.External > 0 && c.PublicIP != "" {
			port.URL = "tcp://" + c.PublicIP + ":" + strconv.Itoa(port.External)
		}
		return
	}
	if port.URL == "" {
		proxy := env.URLs.Get("proxy")
		if proxy == "" {
			proxy = defaultProxy
		}
		port.URL = rest.Fill(proxy, "id", c.ID, "port", strconv.Itoa(port.Internal))
	}
}

func login(r *jsonx.Reader) *spec.SSH {
	ssh := &spec.SSH{}
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "host":
			ssh.Host = r.Text()
		case "port":
			ssh.Port = int(r.Int())
		case "user":
			ssh.Username = r.Text()
		default:
			r.Skip()
		}
	}
	if ssh.Host == "" {
		return nil
	}
	return ssh
}
