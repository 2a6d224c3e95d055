package fly

import (
	"github.com/exatlas/atlas/sim/simkit"
)

// volume is a disk.
type volume struct {
	id, name, region string
	size             int
	createdAt        []byte
	machine          *machine // that mounts it
}

const volumePrice = 0.15 / 730 // USD per GB and hour

// routeVolumes serves an app's volumes.
func (c *Cloud) routeVolumes(r *request, method string) {
	if len(r.parts) == 3 {
		switch method {
		case "GET":
			b := []byte(`[`)
			for i, v := range r.app.volumes {
				if i > 0 {
					b = append(b, ',')
				}
				b = v.append(b, "created")
			}
			answer(r.RequestCtx, 200, append(b, ']'))
		case "POST":
			c.createVolume(r)
		default:
			problem(r.RequestCtx, 405, "method not allowed")
		}
		return
	}
	v := r.app.volume(r.parts[3])
	switch {
	case v == nil || len(r.parts) > 4:
		problem(r.RequestCtx, 404, "volume not found")
	case method == "GET":
		answer(r.RequestCtx, 200, v.append(nil, "created"))
	case method != "DELETE":
		problem(r.RequestCtx, 405, "method not allowed")
	case v.machine != nil && v.machine.phase != phaseGone:
		problem(r.RequestCtx, 412, "volume is attached to machine "+v.machine.id)
	default:
		for i, one := range r.app.volumes {
			if one == v {
				r.app.volumes = append(r.app.volumes[:i:i], r.app.volumes[i+1:]...)
				break
			}
		}
		c.Meter.Rate(v.id, "volume", r.account.Name, 0, c.Clock.Now())
		answer(r.RequestCtx, 200, v.append(nil, "pending_destroy"))
	}
}

// createVolume answers POST …/volumes.
func (c *Cloud) createVolume(r *request) {
	body, parser := c.body(r.RequestCtx, c.shapes.createVolume)
	if body == nil {
		return
	}
	defer c.parsers.Put(parser)
	v := &volume{name: textOf(body, "name"), region: textOf(body, "region"), size: body.GetInt("size_gb"), createdAt: simkit.AppendTime(nil, c.Clock.Now())}
	switch {
	case v.name == "" || len(v.name) > 30:
		problem(r.RequestCtx, 422, "name must be 1 to 30 lowercase letters, numbers and underscores")
		return
	case !knownRegion(v.region):
		problem(r.RequestCtx, 422, "region "+v.region+" not found")
		return
	case v.size < 1:
		v.size = 1
	}
	if !c.room(sizeIn(body, "compute"), v.region) {
		problem(r.RequestCtx, 400, "no capacity")
		return
	}
	v.id = "vol_" + c.IDs.New(14, "0123456789abcdefghjkmnpqrstvwxyz")
	r.app.volumes = append(r.app.volumes, v)
	c.Meter.Rate(v.id, "volume", r.account.Name, float64(v.size)*volumePrice, c.Clock.Now())
	answer(r.RequestCtx, 200, v.append(nil, "created"))
}

func (a *app) volume(id string) *volume {
	for _, v := range a.volumes {
		if v.id == id {
			return v
		}
	}
	return nil
}

func (v *volume) append(b []byte, state string) []byte {
	b = append(append(b, `{"id":"`...), v.id...)
	b = simkit.AppendString(append(b, `","name":`...), v.name)
	b = append(append(b, `,"state":"`...), state...)
	b = simkit.AppendInt(append(b, `","size_gb":`...), v.size)
	b = append(append(b, `,"region":"`...), v.region...)
	b = append(b, `","zone":"f00d","encrypted":true,"fstype":"ext4","host_status":"ok"`...)
	if v.machine != nil && v.machine.phase != phaseGone {
		b = append(append(b, `,"attached_machine_id":"`...), v.machine.id...)
		b = append(b, '"')
	}
	b = append(append(b, `,"created_at":`...), v.createdAt...)
	return append(b, '}')
}
