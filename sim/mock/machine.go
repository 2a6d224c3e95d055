package mock

import (
	"fmt"
	"time"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// machine is one machine. It stays readable when it is terminated.
type machine struct {
	id, name, requestID string
	seq                 int64
	gpu                 string
	gpuCount            int
	cpu                 string
	tier, region, image string
	spot                bool
	ports               []port
	env                 []byte // encoded
	variables           map[string]string
	price               float64
	created             time.Time
	running             time.Time // when provisioning ends
	stuck               bool
	ended               string // stopped, terminated or failed; empty while it is up
	claim               simkit.Claim
	lines               []line
}

type port struct {
	number   int
	protocol string
}

func (m *machine) status(now time.Time) string {
	switch {
	case m.ended != "":
		return m.ended
	case m.stuck || now.Before(m.running):
		return "provisioning"
	}
	return "running"
}

func actions(status string) string {
	switch status {
	case "provisioning", "running":
		return `["stop","terminate"]`
	case "stopped":
		return `["start","terminate"]`
	case "failed":
		return `["terminate"]`
	}
	return `[]`
}

const (
	address    = "203.0.113.1"
	idAlphabet = "0123456789abcdef"
)

// read takes over a create body.
func (m *machine) read(v *fastjson.Value) {
	m.name, m.requestID, m.image = simkit.Text(v, "name"), simkit.Text(v, "request_id"), simkit.Text(v, "image")
	if m.tier = simkit.Text(v, "tier"); m.tier == "" {
		m.tier = "secure"
	}
	m.spot = v.GetBool("spot")
	if m.region = "mock-1"; len(v.GetArray("regions")) > 0 {
		m.region = simkit.Text(v, "regions", "0")
	}
	if present(v, "gpu") {
		m.gpu, m.gpuCount = simkit.Text(v, "gpu", "id"), max(v.GetInt("gpu", "count"), 1)
	} else if m.cpu = simkit.Text(v, "cpu", "flavor"); m.cpu == "" {
		m.cpu = "mock-cpu"
	}
	for _, p := range v.GetArray("ports") {
		one := port{p.GetInt("port"), simkit.Text(p, "protocol")}
		if one.protocol == "" {
			one.protocol = "http"
		}
		m.ports = append(m.ports, one)
	}
	m.env, m.variables = []byte("{}"), map[string]string{}
	if env := v.GetObject("env"); env != nil {
		m.env = env.MarshalTo(nil)
		env.Visit(func(key []byte, value *fastjson.Value) { m.variables[string(key)] = string(value.GetStringBytes()) })
	}
}

// kind is what the machine is made of, for price and capacity.
func (m *machine) kind() (id string, count int) {
	if m.gpu != "" {
		return m.gpu, m.gpuCount
	}
	return m.cpu, 1
}

func (m *machine) append(b []byte, now time.Time) []byte {
	status := m.status(now)
	b = simkit.AppendString(append(b, `{"id":`...), m.id)
	b = simkit.AppendString(append(b, `,"name":`...), m.name)
	if m.requestID != "" {
		b = simkit.AppendString(append(b, `,"request_id":`...), m.requestID)
	}
	b = append(append(append(b, `,"status":"`...), status...), '"')
	if m.gpu != "" {
		b = simkit.AppendString(append(b, `,"gpu":{"id":`...), m.gpu)
		b = append(simkit.AppendInt(append(b, `,"count":`...), m.gpuCount), '}')
	} else {
		b = append(simkit.AppendString(append(b, `,"cpu":{"flavor":`...), m.cpu), '}')
	}
	b = append(append(b, `,"tier":"`...), m.tier...)
	b = simkit.AppendBool(append(b, `","spot":`...), m.spot)
	b = simkit.AppendString(append(b, `,"region":`...), m.region)
	b = simkit.AppendString(append(b, `,"image":`...), m.image)
	b = simkit.AppendFloat(append(b, `,"price":`...), m.price)
	if status == "provisioning" {
		b = append(b, `,"ip":null,"ports":[`...)
	} else {
		b = append(b, `,"ip":"`+address+`","ports":[`...)
	}
	for i, p := range m.ports {
		if i > 0 {
			b = append(b, ',')
		}
		b = simkit.AppendInt(append(b, `{"port":`...), p.number)
		b = append(append(append(b, `,"protocol":"`...), p.protocol...), `","external":`...)
		if status == "provisioning" {
			b = append(b, "null"...)
		} else {
			b = simkit.AppendInt(b, p.number)
		}
		b = append(b, `,"url":null}`...)
	}
	if status == "provisioning" {
		b = append(b, `],"ssh":null,"env":`...)
	} else {
		b = append(b, `],"ssh":{"host":"`+address+`","port":22,"user":"root"},"env":`...)
	}
	b = append(append(append(b, m.env...), `,"actions":`...), actions(status)...)
	b = simkit.AppendTime(append(b, `,"created_at":`...), m.created)
	b = append(b, `,"started_at":`...)
	if m.stuck || m.running.After(now) {
		return append(b, "null}"...)
	}
	return append(simkit.AppendTime(b, m.running), '}')
}

// begin brings a machine up; the caller holds the write lock.
func (c *Cloud) begin(m *machine, now time.Time) {
	m.ended = ""
	m.running = now.Add(time.Duration(c.o.ProvisionMS) * time.Millisecond)
	m.say(now, "system", "machine starts")
	m.say(m.running, "container", "ready")
	c.Meter.Rate(m.id, "machine", c.account.Name, m.price, now)
}

// end takes a machine down; the caller holds the write lock.
func (c *Cloud) end(m *machine, to string, now time.Time) {
	m.forget(now)
	m.say(now, "system", "machine is "+to)
	m.ended = to
	if to == "failed" {
		return // it goes on costing
	}
	if m.claim.Count > 0 {
		c.Capacity.Give(m.claim)
		m.claim.Count = 0
	}
	c.Meter.Rate(m.id, "machine", c.account.Name, 0, now)
}

// take occupies what the machine needs.
func (c *Cloud) take(m *machine) bool {
	id, count := m.kind()
	claim := simkit.Claim{GPU: id, Cloud: m.tier, Region: m.region, Count: count}
	if !c.Capacity.Take(claim) {
		return false
	}
	m.claim = claim
	return true
}

func checkAction(action string) error {
	switch action {
	case "vanish", "fail", "preempt", "stuck", "run":
		return nil
	}
	return fmt.Errorf("unknown action %q; known are vanish, fail, preempt, stuck, run", action)
}

// Do changes a machine as the world outside would: vanish (unknown from now
// on), fail (failed, and it goes on costing), preempt (stopped, as its place goes to somebody else), stuck
// (provisioning for ever), run (running at once).
func (c *Cloud) Do(id, action string) error {
	if err := checkAction(action); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.machines[id]
	if m == nil {
		return fmt.Errorf("no machine %q", id)
	}
	c.do(m, action, c.Clock.Now())
	return nil
}

func (c *Cloud) do(m *machine, action string, now time.Time) {
	switch action {
	case "vanish":
		c.end(m, "terminated", now)
		delete(c.machines, m.id)
	case "fail":
		c.end(m, "failed", now)
	case "preempt":
		if status := m.status(now); status == "provisioning" || status == "running" {
			c.end(m, "stopped", now)
		}
	case "stuck":
		m.stuck = true
		m.forget(now)
	case "run":
		m.stuck, m.running = false, now
	}
}

// Machines lists what is not terminated, oldest first.
func (c *Cloud) Machines() []simkit.Machine {
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.Clock.Now()
	list := make([]simkit.Machine, 0, len(c.machines))
	for _, m := range c.machines {
		if m.ended == "terminated" {
			continue
		}
		list = append(list, simkit.Machine{ID: m.id, Name: m.name, Account: c.account.Name, Status: m.status(now), GPU: m.gpu, GPUCount: m.gpuCount, Cloud: m.tier,
			Region: m.region, Rate: m.price, Env: m.variables, CreatedAt: m.created, Seq: m.seq})
	}
	simkit.SortMachines(list)
	return list
}
