package runpod

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// All functions of this file are called with the write lock held.

// boot starts the clockwork of a pod: PROVISIONING unless it is a restart on
// the machine it already has, then STARTING, then RUNNING with new ports.
func (c *Cloud) boot(p *pod, now time.Time, restart bool) {
	p.turn(now, "")
	p.phase, p.up, p.starting, p.interrupted = phaseUp, now, now, false
	if !restart {
		p.starting = now.Add(time.Duration(c.o.ProvisionMS) * time.Millisecond)
	}
	p.running = p.starting.Add(time.Duration(c.o.BootMS) * time.Millisecond)
	c.mapPorts(p)
	c.price(p, p.rate, c.diskRate(p), now)
}

// price sets what a pod and its persistent volume cost from now on.
func (c *Cloud) price(p *pod, rate, disk float64, now time.Time) {
	kind := "pod_gpu"
	if p.gpu == nil {
		kind = "pod_cpu"
	}
	account := p.tenant.account.Name
	c.Meter.Rate(p.id, kind, account, rate, now)
	if c.diskRate(p) > 0 {
		c.Meter.Rate(p.id+"/disk", "pod_disk", account, disk, now)
	}
}

// before is the instant whose view a create and a start answer with: the pod is
// PROVISIONING in it, however short the delays are.
func before(now time.Time) time.Time { return now.Add(-1) }

// diskRate is the price of the persistent volume.
func (c *Cloud) diskRate(p *pod) float64 {
	if p.persistent == nil {
		return 0
	}
	return float64(p.persistent.size) * c.o.VolumePrice
}

// mapPorts gives every TCP port a new public port. Each start changes them.
func (c *Cloud) mapPorts(p *pod) {
	p.mapped = p.mapped[:0:0]
	ip := "195.26." + itoa(c.IDs.Number(200, 250)) + "." + itoa(c.IDs.Number(2, 250))
	for _, text := range p.ports {
		number, kind, _ := strings.Cut(text, "/")
		private, err := strconv.Atoi(number)
		if err != nil || kind != "tcp" {
			continue
		}
		m := mapped{private: private, public: c.IDs.Number(10000, 60000), ip: ip}
		if private > 70000 {
			m.public = private - 60000 // a symmetrical mapping: inside and outside are the same
			m.private = m.public
		}
		if c.o.PublicIPNone {
			m.ip = ""
		}
		p.mapped = append(p.mapped, m)
	}
}

// halt ends a pod's run and returns its GPUs.
func (c *Cloud) halt(p *pod, to phase, now time.Time) {
	p.interrupted = p.interrupted || p.status(now) != "RUNNING" && p.running.After(now)
	if p.claim.Count > 0 && to != phaseError {
		c.Capacity.Give(p.claim)
		p.claim.Count = 0
	}
	if to != phaseGone || p.watch != nil { // the log of a deleted pod is for those who read it now
		p.turn(now, map[phase]string{phaseExited: "container stopped", phaseError: "container failed: layer does not exist", phaseGone: "remove container"}[to])
	}
	p.phase, p.up = to, now
	switch to {
	case phaseExited:
		c.price(p, 0, 2*c.diskRate(p), now)
	case phaseGone:
		c.price(p, 0, 0, now)
	}
}

// start resumes a stopped pod on its own host.
func (c *Cloud) start(p *pod, now time.Time) string {
	if p.hostFull || c.o.HostGPUsGone {
		return noHostGPUs
	}
	if p.claim.Count == 0 {
		claim := p.wants()
		if !c.Capacity.Take(claim) {
			return noHostGPUs
		}
		p.claim = claim
	}
	c.boot(p, now, false)
	return ""
}

const noHostGPUs = "There are not enough free GPUs on the host machine to start this pod."

// wants is what the pod occupies while it is up.
func (p *pod) wants() simkit.Claim {
	if p.gpu != nil {
		return simkit.Claim{GPU: p.gpu.id, Cloud: p.cloud, Region: p.center, Count: p.gpuCount}
	}
	return simkit.Claim{GPU: p.cpu.id, Cloud: p.cloud, Region: p.center, Count: 1}
}

// remove deletes a pod. The tenant's slice is cleaned when half of it is dead,
// so that neither deleting nor listing becomes quadratic.
func (c *Cloud) remove(p *pod, now time.Time) {
	c.halt(p, phaseGone, now)
	delete(c.pods, p.id)
	t := p.tenant
	if t.dead++; t.dead > 64 && t.dead > len(t.pods)/2 {
		live := make([]*pod, 0, len(t.pods)-t.dead)
		for _, one := range t.pods {
			if one.phase != phaseGone {
				live = append(live, one)
			}
		}
		t.pods, t.dead = live, 0
	}
}

// checkAction tells whether Do knows an action.
func checkAction(action string) error {
	switch action {
	case "vanish", "fail", "preempt", "exit", "stuck", "unready", "lose_host", "run":
		return nil
	}
	return fmt.Errorf("unknown action %q; known are vanish, fail, preempt, exit, stuck, unready, lose_host, run", action)
}

// Do changes a pod as the world outside would: vanish (gone without a trace),
// fail (ERROR, and it goes on costing), preempt and exit (EXITED), stuck
// (STARTING for ever), unready (RUNNING, but nothing answers), lose_host (once
// stopped, it cannot start again), run (RUNNING at once).
func (c *Cloud) Do(id, action string) error {
	if err := checkAction(action); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pods[id]
	if p == nil {
		return fmt.Errorf("no pod %q", id)
	}
	c.do(p, action, c.Clock.Now())
	return nil
}

func (c *Cloud) do(p *pod, action string, now time.Time) {
	switch action {
	case "stuck", "unready", "run":
		p.turn(now, "")
	}
	switch action {
	case "vanish":
		c.remove(p, now)
	case "fail":
		c.halt(p, phaseError, now)
	case "preempt", "exit":
		c.halt(p, phaseExited, now)
	case "stuck":
		p.phase, p.starting = phaseStuck, now
	case "unready":
		p.phase, p.starting, p.running = phaseUnready, now, now
	case "lose_host":
		p.hostFull = true
	case "run":
		p.phase, p.starting, p.running, p.interrupted = phaseUp, now, now, false
	}
}

// Machines lists the pods of all accounts, oldest first.
func (c *Cloud) Machines() []simkit.Machine {
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.Clock.Now()
	list := make([]simkit.Machine, 0, len(c.pods))
	for _, p := range c.pods {
		m := simkit.Machine{ID: p.id, Name: p.name, Account: p.tenant.account.Name, Status: p.status(now), GPUCount: p.gpuCount, Cloud: p.cloud,
			Region: p.center, Rate: p.rate, CreatedAt: p.createdAt, Seq: p.seq, Env: map[string]string{}}
		if p.gpu != nil {
			m.GPU = p.gpu.id
		}
		for _, e := range p.env {
			m.Env[e.name] = e.value
		}
		list = append(list, m)
	}
	simkit.SortMachines(list)
	return list
}
