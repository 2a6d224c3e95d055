package acme

import (
	"fmt"
	"time"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// machine is one machine. A deleted one is forgotten.
type machine struct {
	id, name, size, image, zone string
	account                     *simkit.Account
	seq                         int64
	gpu                         gpu
	gpus                        int
	ports                       []port
	variables                   map[string]string
	encoded                     struct{ variables, labels []byte }
	price                       float64
	created, up                 time.Time // up is when building ends
	stuck, off, broken          bool
	claim                       simkit.Claim
}

type port struct {
	number, external int
	kind             string
}

const (
	address    = "198.51.100.7" // of all machines; ports tell them apart
	firstPort  = 30000
	lastPort   = 39999
	idAlphabet = "0123456789abcdef"
)

func (m *machine) state(now time.Time) string {
	switch {
	case m.broken:
		return "broken"
	case m.off:
		return "off"
	case m.stuck || now.Before(m.up):
		return "building"
	}
	return "on"
}

// read takes over a create body.
func (m *machine) read(v *fastjson.Value) {
	m.name, m.size, m.image = simkit.Text(v, "name"), simkit.Text(v, "size"), simkit.Text(v, "image")
	m.gpu, m.gpus, _ = size(m.size)
	m.price = price(m.gpu, m.gpus)
	for _, p := range v.GetArray("ports") {
		m.ports = append(m.ports, port{number: p.GetInt("port"), kind: simkit.Text(p, "kind")})
	}
	m.variables = map[string]string{}
	m.encoded.variables, m.encoded.labels = []byte("{}"), []byte("{}")
	if object := v.GetObject("variables"); object != nil {
		m.encoded.variables = object.MarshalTo(nil)
		object.Visit(func(key []byte, value *fastjson.Value) { m.variables[string(key)] = string(value.GetStringBytes()) })
	}
	if object := v.GetObject("labels"); object != nil {
		m.encoded.labels = object.MarshalTo(nil)
	}
}

// append writes the machine. base is where the cloud was asked.
func (m *machine) append(b []byte, base string, now time.Time) []byte {
	state := m.state(now)
	building := state == "building"
	b = simkit.AppendString(append(b, `{"id":`...), m.id)
	b = simkit.AppendString(append(b, `,"name":`...), m.name)
	b = simkit.AppendString(append(b, `,"state":`...), state)
	b = simkit.AppendString(append(b, `,"size":`...), m.size)
	b = simkit.AppendString(append(b, `,"gpu":`...), m.gpu.id)
	b = simkit.AppendInt(append(b, `,"gpus":`...), m.gpus)
	b = simkit.AppendString(append(b, `,"zone":`...), m.zone)
	b = simkit.AppendString(append(b, `,"image":`...), m.image)
	b = simkit.AppendFloat(append(b, `,"hourly_usd":`...), m.price)
	if building {
		b = append(b, `,"address":null,"ports":[`...)
	} else {
		b = append(b, `,"address":"`+address+`","ports":[`...)
	}
	ssh := 0
	for i, p := range m.ports {
		if i > 0 {
			b = append(b, ',')
		}
		b = simkit.AppendInt(append(b, `{"port":`...), p.number)
		b = simkit.AppendString(append(b, `,"kind":`...), p.kind)
		switch {
		case building:
		case p.kind == "http":
			b = simkit.AppendString(append(b, `,"url":`...), fmt.Sprintf("%s/proxy/%s/%d/", base, m.id, p.number))
		default:
			b = simkit.AppendInt(append(b, `,"external":`...), p.external)
			if p.number == 22 {
				ssh = p.external
			}
		}
		b = append(b, '}')
	}
	if ssh > 0 {
		b = append(simkit.AppendInt(append(b, `],"ssh":{"host":"`+address+`","port":`...), ssh), `,"user":"root"}`...)
	} else {
		b = append(b, `],"ssh":null`...)
	}
	b = append(append(b, `,"variables":`...), m.encoded.variables...)
	b = append(append(b, `,"labels":`...), m.encoded.labels...)
	b = simkit.AppendTime(append(b, `,"created":`...), m.created)
	if b = append(b, `,"started":`...); building {
		return append(b, "null}"...)
	}
	return append(simkit.AppendTime(b, m.up), '}')
}

// begin switches a machine on; the caller holds the write lock.
func (c *Cloud) begin(m *machine, now time.Time) {
	m.off, m.up = false, now.Add(time.Duration(c.o.BuildMS)*time.Millisecond)
	for i := range m.ports {
		if m.ports[i].kind == "tcp" {
			m.ports[i].external = c.IDs.Number(firstPort, lastPort)
		}
	}
	c.Meter.Rate(m.id, "machine", m.account.Name, m.price, now)
}

// end takes a machine down; the caller holds the write lock.
func (c *Cloud) end(m *machine, now time.Time) {
	if m.claim.Count > 0 {
		c.Capacity.Give(m.claim)
		m.claim.Count = 0
	}
	c.Meter.Rate(m.id, "machine", m.account.Name, 0, now)
}

// take occupies what the machine needs, in the first zone that has it.
func (c *Cloud) take(m *machine, wanted []string) bool {
	for _, zone := range wanted {
		claim := simkit.Claim{GPU: m.gpu.id, Region: zone, Count: m.gpus}
		if c.Capacity.Take(claim) {
			m.claim, m.zone = claim, zone
			return true
		}
	}
	return false
}

// Do changes a machine as the world outside would: vanish (gone without a
// trace), fail (broken, and it goes on costing), stuck (building for ever), run
// (on at once).
func (c *Cloud) Do(id, action string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, now := c.machines[id], c.Clock.Now()
	if m == nil {
		return fmt.Errorf("no machine %q", id)
	}
	switch action {
	case "vanish":
		c.end(m, now)
		delete(c.machines, id)
	case "fail":
		m.broken = true
	case "stuck":
		m.stuck = true
	case "run":
		m.stuck, m.up = false, now
	default:
		return fmt.Errorf("unknown action %q; known are vanish, fail, stuck, run", action)
	}
	return nil
}

// Machines lists what exists, oldest first.
func (c *Cloud) Machines() []simkit.Machine {
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.Clock.Now()
	list := make([]simkit.Machine, 0, len(c.machines))
	for _, m := range c.machines {
		rate := m.price
		if m.off {
			rate = 0
		}
		list = append(list, simkit.Machine{ID: m.id, Name: m.name, Account: m.account.Name, Status: m.state(now), GPU: m.gpu.id, GPUCount: m.gpus,
			Region: m.zone, Rate: rate, Env: m.variables, CreatedAt: m.created, Seq: m.seq})
	}
	simkit.SortMachines(list)
	return list
}
