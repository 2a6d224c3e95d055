package lambda

import (
	"fmt"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// machine is one instance.
type machine struct {
	id, name, host string
	seq            int64
	tenant         *tenant
	kind           *machineType
	region         string
	keys           []string
	mounts         []mount
	rulesets       []string
	tags           []pair
	token          string // of its Jupyter
	ip             string
	inside         container

	created time.Time
	running time.Time // when booting ends
	stuck   bool
	ended   string    // terminating, terminated, preempted or unhealthy; empty while it is well
	gone    time.Time // when it leaves the list
	claimed bool
}

type pair struct{ key, value string }

type mount struct {
	path string
	on   *filesystem
}

func (m *machine) status(now time.Time) string {
	switch {
	case m.ended != "":
		return m.ended
	case m.stuck || now.Before(m.running):
		return "booting"
	}
	return "active"
}

// addressed tells whether the machine has its address, which comes well before
// it is active.
func (m *machine) addressed(now time.Time) bool {
	return !m.stuck && !now.Before(m.created.Add(m.running.Sub(m.created)/2))
}

// append appends the instance. Optional members are missing where there is
// nothing to say, as at Lambda.
func (m *machine) append(b []byte, now time.Time) []byte {
	status := m.status(now)
	b = simkit.AppendString(append(b, `{"id":`...), m.id)
	if m.name != "" {
		b = simkit.AppendString(append(b, `,"name":`...), m.name)
	}
	if m.addressed(now) {
		b = simkit.AppendString(append(b, `,"ip":`...), m.ip)
		b = append(b, `,"private_ip":"10.0.2.100"`...)
	}
	b = append(append(append(b, `,"status":"`...), status...), `","ssh_key_names":`...)
	b = simkit.AppendStrings(b, m.keys)
	b = append(b, `,"file_system_names":[`...)
	for i, at := range m.mounts {
		if i > 0 {
			b = append(b, ',')
		}
		b = simkit.AppendString(b, at.on.name)
	}
	b = append(b, ']')
	if len(m.mounts) > 0 {
		b = append(b, `,"file_system_mounts":[`...)
		for i, at := range m.mounts {
			if i > 0 {
				b = append(b, ',')
			}
			b = simkit.AppendString(append(b, `{"mount_point":`...), at.path)
			b = append(simkit.AppendString(append(b, `,"file_system_id":`...), at.on.id), '}')
		}
		b = append(b, ']')
	}
	b = appendRegion(append(b, `,"region":`...), m.region)
	b = m.kind.append(append(b, `,"instance_type":`...))
	if m.addressed(now) {
		named := m.host
		if named == "" {
			named = m.ip
		}
		b = simkit.AppendString(append(b, `,"hostname":`...), named)
	}
	if status == "active" || status == "unhealthy" {
		b = simkit.AppendString(append(b, `,"jupyter_token":`...), m.token)
		b = simkit.AppendString(append(b, `,"jupyter_url":`...), "https://jupyter-"+m.id+".lambdaspaces.com/?token="+m.token)
	}
	b = m.appendActions(append(b, `,"is_reserved":false,"actions":{`...), status)
	b = append(b, `},"tags":[`...)
	for i, t := range m.tags {
		if i > 0 {
			b = append(b, ',')
		}
		b = simkit.AppendString(append(b, `{"key":`...), t.key)
		b = append(simkit.AppendString(append(b, `,"value":`...), t.value), '}')
	}
	b = append(b, `],"firewall_rulesets":[`...)
	for i, id := range m.rulesets {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(simkit.AppendString(append(b, `{"id":`...), id), '}')
	}
	return append(b, "]}"...)
}

func (m *machine) appendActions(b []byte, status string) []byte {
	for i, name := range []string{"migrate", "rebuild", "restart", "cold_reboot", "terminate"} {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), `":{"available":`...)
		switch {
		case status == "active" || status == "unhealthy" || status == "booting" && name == "terminate":
			b = append(b, `true}`...)
		case status == "booting":
			b = append(b, `false,"reason_code":"vm-has-not-launched","reason_description":"The instance has not launched yet."}`...)
		default:
			b = append(b, `false,"reason_code":"vm-is-terminating","reason_description":"The instance is terminating."}`...)
		}
	}
	return b
}

// end takes a machine down: it costs no more, and leaves the list at once or
// after a while.
func (c *Cloud) end(m *machine, to string, now time.Time) {
	m.ended = to
	if m.claimed {
		c.Capacity.Give(m.kind.claim(m.region))
		m.claimed = false
	}
	c.Meter.Rate(m.id, "machine", m.tenant.account.Name, 0, now)
	for _, at := range m.mounts {
		at.on.users--
		at.on.held = now.Add(time.Duration(c.o.HoldMS) * time.Millisecond)
	}
	m.mounts = nil
}

// settle drops what has finished terminating. The lock is held.
func (c *Cloud) settle(now time.Time) {
	for id, m := range c.machines {
		if !m.gone.IsZero() && !now.Before(m.gone) {
			c.drop(id)
		}
	}
}

func (c *Cloud) drop(id string) {
	m := c.machines[id]
	delete(c.machines, id)
	for i, one := range m.tenant.machines {
		if one == m {
			m.tenant.machines = append(m.tenant.machines[:i:i], m.tenant.machines[i+1:]...)
			return
		}
	}
}

func checkAction(action string) error {
	switch action {
	case "vanish", "fail", "preempt", "stuck", "run", "recover":
		return nil
	}
	return fmt.Errorf("unknown action %q; known are vanish, fail, preempt, stuck, run, recover", action)
}

// Do changes a machine as the world outside would: vanish (unknown from now on),
// fail (unhealthy, and it goes on costing), recover (well again), preempt (taken
// back, and still listed), stuck (booting for ever), run (active at once).
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
		c.drop(m.id)
	case "fail":
		m.ended = "unhealthy"
	case "recover":
		if m.ended == "unhealthy" {
			m.ended = ""
		}
	case "preempt":
		c.end(m, "preempted", now)
	case "stuck":
		m.stuck = true
	case "run":
		m.stuck, m.running = false, now
	}
}

// Machines lists what costs, oldest first.
func (c *Cloud) Machines() []simkit.Machine {
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.Clock.Now()
	list := make([]simkit.Machine, 0, len(c.machines))
	for _, m := range c.machines {
		switch m.ended {
		case "terminating", "terminated", "preempted":
			continue
		}
		list = append(list, simkit.Machine{ID: m.id, Name: m.name, Account: m.tenant.account.Name, Status: m.status(now), GPU: m.kind.name,
			GPUCount: m.kind.gpus, Region: m.region, Rate: float64(m.kind.cents) / 100, Env: m.inside.env, CreatedAt: m.created, Seq: m.seq})
	}
	simkit.SortMachines(list)
	return list
}
