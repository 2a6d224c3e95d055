package vast

import (
	"fmt"
	"strconv"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// All functions of this file but Do and Machines are called with the lock held.

// boot starts an instance on its host, which is its own from now on.
func (c *Cloud) boot(i *instance, now time.Time) {
	i.phase, i.message = phaseUp, ""
	i.loading = now.Add(time.Duration(c.o.ProvisionMS) * time.Millisecond)
	i.booted = i.loading.Add(time.Duration(c.o.LoadMS) * time.Millisecond)
	i.mapPorts()
	c.charge(i, now)
}

// charge sets what an instance costs from now on: its disk from its creation, its
// GPUs from when it runs.
func (c *Cloud) charge(i *instance, now time.Time) {
	id, account := strconv.FormatInt(i.id, 10), i.account.Name
	c.Meter.Rate(id+"/disk", "disk", account, i.diskRate(), now)
	if i.phase == phaseUp && !i.booted.IsZero() {
		c.Meter.Rate(id, "gpu", account, i.gpuRate(), i.booted)
		return
	}
	c.Meter.Rate(id, "gpu", account, 0, now)
}

// leave frees the host, which goes back to the market.
func (c *Cloud) leave(i *instance) {
	if i.host.tenant == i {
		i.host.tenant = nil
		c.Capacity.Give(i.host.claim())
		c.offer(i.host)
	}
}

// halt ends an instance's run; its disk stays.
func (c *Cloud) halt(i *instance, to phase, now time.Time) {
	c.leave(i)
	i.phase = to
	c.charge(i, now)
}

// resume starts a stopped instance, or lets it wait for its GPUs.
func (c *Cloud) resume(i *instance, now time.Time) {
	i.intended = running
	switch {
	case i.phase == phaseUp || i.phase == phaseStuck || i.phase == phaseDead:
		return
	case i.price != 0 && i.price < i.host.minBid:
		i.phase, i.intended = phaseOutbid, stopped
	case i.lostHost || i.host.tenant != nil && i.host.tenant != i:
		i.phase = phaseWaiting
	case i.host.tenant == i: // the container ended, the machine is still its own
		c.boot(i, now)
	case !c.Capacity.Take(i.host.claim()):
		i.phase = phaseWaiting
	default:
		i.host.tenant = i
		c.boot(i, now)
	}
}

// remove deletes an instance.
func (c *Cloud) remove(i *instance, now time.Time) {
	c.leave(i)
	id, account := strconv.FormatInt(i.id, 10), i.account.Name
	c.Meter.Rate(id, "gpu", account, 0, now)
	c.Meter.Rate(id+"/disk", "disk", account, 0, now)
	delete(c.instances, i.id)
	for n, one := range c.order {
		if one == i {
			c.order = append(c.order[:n], c.order[n+1:]...)
			return
		}
	}
}

// checkAction tells whether Do knows an action.
func checkAction(action string) error {
	switch action {
	case "vanish", "fail", "preempt", "exit", "stuck", "offline", "unknown", "lose_host", "run", "traffic":
		return nil
	}
	return fmt.Errorf("unknown action %q; known are vanish, fail, preempt, exit, stuck, offline, unknown, lose_host, run, traffic", action)
}

// Do changes an instance as the world outside would: vanish (gone without a
// trace), fail (its container cannot start), preempt (somebody bids more), exit
// (its container ends), stuck (loading for ever), offline and unknown (its host),
// lose_host (once stopped, it waits for its GPUs for ever), run (running at once;
// a bid that was too low wins again), traffic (it receives 100 GB and sends 10).
func (c *Cloud) Do(id, action string) error {
	if err := checkAction(action); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := strconv.ParseInt(id, 10, 64)
	i := c.instances[n]
	if err != nil || i == nil {
		return fmt.Errorf("no instance %q", id)
	}
	c.do(i, action, c.Clock.Now())
	return nil
}

func (c *Cloud) do(i *instance, action string, now time.Time) {
	switch action {
	case "vanish":
		c.remove(i, now)
	case "fail":
		i.phase, i.message = phaseDead, "Error: OCI runtime create failed: unable to start container process"
		c.charge(i, now)
	case "preempt":
		i.host.minBid = round(max(i.host.minBid, i.gpuRate()) * 1.2)
		i.intended = stopped
		c.halt(i, phaseOutbid, now)
	case "exit":
		i.phase = phaseExited
		c.charge(i, now)
	case "stuck":
		i.phase = phaseStuck
		c.charge(i, now)
	case "offline":
		i.phase = phaseOffline
		c.charge(i, now)
	case "unknown":
		i.phase = phaseUnknown
		c.charge(i, now)
	case "lose_host":
		i.lostHost = true
	case "traffic":
		id, account := strconv.FormatInt(i.id, 10), i.account.Name
		c.Meter.Charge(id+"/bwd", "bwd", account, 100*trafficUSD, now)
		c.Meter.Charge(id+"/bwu", "bwu", account, 10*trafficUSD, now)
	case "run":
		i.host.minBid = round(min(i.host.minBid, i.gpuRate()))
		i.lostHost = false
		if i.phase != phaseUp {
			i.phase = phaseStopped
		}
		c.resume(i, now)
		if i.phase == phaseUp {
			i.loading, i.booted = now, now
			c.charge(i, now)
		}
	}
}

// Machines lists the instances of all accounts, oldest first.
func (c *Cloud) Machines() []simkit.Machine {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Clock.Now()
	list := make([]simkit.Machine, 0, len(c.order))
	for _, i := range c.order {
		actual, current, _ := i.states(now)
		if actual == "" {
			actual = current
		}
		m := simkit.Machine{ID: strconv.FormatInt(i.id, 10), Name: i.label, Account: i.account.Name, Status: actual, GPU: i.host.kind.name, GPUCount: i.host.count,
			Cloud: i.host.tier(), Region: i.host.place.country, Rate: round(i.gpuRate() + i.diskRate()), CreatedAt: i.created, Seq: i.seq, Env: map[string]string{}}
		for _, e := range i.env {
			m.Env[e.name] = e.value
		}
		list = append(list, m)
	}
	simkit.SortMachines(list)
	return list
}
