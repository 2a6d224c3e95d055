package provider

import (
	"strconv"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// requestLabel is the label in which the request id of a create comes back in
// listings: by it Atlas finds a machine whose answer was lost.
const requestLabel = "atlas-request"

// toCompute converts a machine. It is not ok where the text is no machine. What
// cannot be true, such as a negative price, the SDK takes out afterwards.
func toCompute(text string) (c spec.Compute, ok bool) {
	c = spec.Compute{Provider: name, Ports: []spec.Port{}}
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			c.ID = r.Text()
		case "name":
			c.Name = r.Text()
		case "state":
			c.NativeStatus = r.Text()
		case "gpu":
			c.GPUNative = r.Text()
		case "gpus":
			c.GPUCount = int(r.Int())
		case "zone":
			c.Region = r.Text()
		case "image":
			c.Image = r.Text()
		case "hourly_usd":
			if price, known := r.Float(); known {
				c.CostPerHour = &price
			}
		case "address":
			c.PublicIP = r.Text()
		case "ports":
			c.Ports = ports(&r)
		case "ssh":
			c.SSH = login(&r)
		case "labels":
			c.RequestID = r.Strings()[requestLabel]
		case "created":
			c.CreatedAt = rest.UTC(r.Text())
		case "started":
			c.StartedAt = rest.UTC(r.Text())
		default:
			r.Skip()
		}
	}
	if !r.Done() || c.ID == "" {
		return spec.Compute{}, false
	}
	c.Status, c.Actions = status(c.NativeStatus)
	c.GPUType = c.GPUNative
	for i := range c.Ports {
		if p := &c.Ports[i]; p.Protocol == spec.ProtocolTCP && p.External > 0 && c.PublicIP != "" {
			p.Host = c.PublicIP
			p.URL = "tcp://" + c.PublicIP + ":" + strconv.Itoa(p.External)
		}
	}
	return c, true
}

// status maps a state of Acme's. One that is not known yet is a machine on its
// way up: that costs money and is looked at again.
func status(state string) (spec.Status, []string) {
	switch state {
	case "on":
		return spec.StatusRunning, []string{spec.ActionStop, spec.ActionTerminate}
	case "off":
		return spec.StatusStopped, []string{spec.ActionStart, spec.ActionTerminate}
	case "broken":
		return spec.StatusFailed, []string{spec.ActionTerminate}
	}
	return spec.StatusProvisioning, []string{spec.ActionStop, spec.ActionTerminate}
}

func ports(r *jsonx.Reader) []spec.Port {
	list := []spec.Port{}
	for more := r.Array(); more; more = r.NextElement() {
		var p spec.Port
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "port":
				p.Internal = int(r.Int())
			case "kind":
				p.Protocol = spec.Protocol(r.Text())
			case "external":
				p.External = int(r.Int())
			case "url":
				p.URL = r.Text()
			default:
				r.Skip()
			}
		}
		list = append(list, p)
	}
	return list
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
