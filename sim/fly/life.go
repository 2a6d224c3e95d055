package fly

import (
	"fmt"
	"strings"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// All functions of this file but those of simkit.Cloud are called with the lock
// held.

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// boot starts the clockwork of a machine.
func (c *Cloud) boot(m *machine, now time.Time, created int64) {
	m.phase, m.created = phaseUp, now.Add(ms(created))
	m.settled = m.created.Add(ms(c.o.BootMS))
	c.Meter.Rate(m.id, "machine", m.app.account.Name, m.size.price(), now)
}

// halt stops a machine and returns its room.
func (c *Cloud) halt(m *machine, to phase, now time.Time, delay int64) {
	m.phase, m.settled = to, now.Add(ms(delay))
	c.release(m)
	c.Meter.Rate(m.id, "machine", m.app.account.Name, 0, now)
}

func (c *Cloud) release(m *machine) {
	if m.claim.Count > 0 {
		c.Capacity.Give(m.claim)
		m.claim.Count = 0
	}
}

// destroy ends a machine for good. It stays to be looked at until its app goes.
func (c *Cloud) destroy(m *machine, now time.Time) {
	if m.phase == phaseGone {
		return
	}
	c.halt(m, phaseGone, now, c.o.DestroyMS)
	m.note("destroy", "destroyed", now)
}

// checkAction tells whether Do knows an action.
func checkAction(action string) error {
	switch action {
	case "vanish", "fail", "preempt", "exit", "stuck", "run", "unreachable", "lease":
		return nil
	}
	return fmt.Errorf("unknown action %q; known are vanish, fail, preempt, exit, stuck, run, unreachable, lease", action)
}

// Do changes a machine as the world outside would: vanish (gone without a trace),
// fail (failed, and it goes on costing), preempt and exit (stopped), stuck
// (starting for ever), run (started at once), unreachable (its host does not
// answer), lease (another tool takes its lease for 13 seconds). The identifier is
// the machine's, with or without its app before it.
func (c *Cloud) Do(id, action string) error {
	if message, ok := strings.CutPrefix(action, "log:"); ok {
		c.Write(id, message)
		return nil
	}
	if err := checkAction(action); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.machines[id[strings.IndexByte(id, '/')+1:]]
	if m == nil {
		return fmt.Errorf("no machine %q", id)
	}
	c.do(m, action, c.Clock.Now())
	return nil
}

func (c *Cloud) do(m *machine, action string, now time.Time) {
	switch action {
	case "vanish":
		c.destroy(m, now)
		delete(c.machines, m.id)
		for i, one := range m.app.machines {
			if one == m {
				m.app.machines = append(m.app.machines[:i:i], m.app.machines[i+1:]...)
				break
			}
		}
	case "fail":
		m.phase = phaseFailed
		m.note("exit", "failed", now)
	case "preempt", "exit":
		c.halt(m, phaseDown, now, 0)
		m.note("exit", "stopped", now)
	case "stuck":
		m.phase = phaseStuck
	case "run":
		m.phase, m.created, m.settled = phaseUp, now, now
	case "unreachable":
		m.unreachable = true
	case "lease":
		m.lease = c.newLease(13, "fly deploy", now)
	}
}

// Machines lists the machines of all accounts that are not destroyed, oldest
// first.
func (c *Cloud) Machines() []simkit.Machine {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Clock.Now()
	list := make([]simkit.Machine, 0, len(c.machines))
	for _, m := range c.machines {
		if m.phase == phaseGone {
			continue
		}
		list = append(list, simkit.Machine{ID: m.app.name + "/" + m.id, Name: m.name, Account: m.app.account.Name, Status: m.state(now),
			Region: m.region, Rate: m.size.price(), Env: m.env, CreatedAt: m.createdAt, Seq: m.seq})
	}
	simkit.SortMachines(list)
	return list
}

// Apps lists the names of the apps that exist, in no order.
func (c *Cloud) Apps() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name := range c.apps {
		names = append(names, name)
	}
	return names
}
