package fly

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// shown applies the filters of a listing.
func (c *Cloud) shown(r *request, m *machine, now time.Time) bool {
	args, state := r.QueryArgs(), m.state(now)
	if state == "destroyed" && !args.GetBool("include_deleted") {
		return false
	}
	if region := string(args.Peek("region")); region != "" && region != m.region {
		return false
	}
	if wanted := string(args.Peek("state")); wanted != "" {
		found := false
		for _, one := range strings.Split(wanted, ",") {
			found = found || one == state
		}
		if !found {
			return false
		}
	}
	matches := true
	for key, value := range args.All() {
		if name, isMetadata := bytes.CutPrefix(key, []byte("metadata.")); isMetadata && m.metadata[string(name)] != string(value) {
			matches = false
		}
	}
	return matches
}

// listMachines answers GET …/machines: one list without pages, up to date.
func (c *Cloud) listMachines(r *request) {
	now := c.Clock.Now()
	b, first := []byte{'['}, true
	for _, m := range r.app.machines {
		if !c.shown(r, m, now) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		b, first = m.append(b, now), false
	}
	answer(r.RequestCtx, 200, append(b, ']'))
}

// refuseState answers that an action does not fit the machine's state.
func refuseState(r *request, now time.Time, action string) {
	problem(r.RequestCtx, 412, "failed_precondition: unable to "+action+" machine from current state: '"+r.machine.state(now)+"'")
}

// stopMachine answers POST …/stop.
func (c *Cloud) stopMachine(r *request) {
	v, parser := c.body(r.RequestCtx, c.shapes.stop)
	if v == nil {
		return
	}
	c.parsers.Put(parser)
	c.halting(r, "stop", phaseDown, c.o.StopMS)
}

// suspendMachine answers POST …/suspend.
func (c *Cloud) suspendMachine(r *request) { c.halting(r, "suspend", phaseSuspended, 0) }

func (c *Cloud) halting(r *request, action string, to phase, delay int64) {
	now := c.Clock.Now()
	if c.held(r) {
		return
	}
	switch r.machine.state(now) {
	case "stopped", "stopping", "suspended":
	case "created", "started", "starting", "failed":
		c.halt(r.machine, to, now, delay)
		r.machine.note(action, action, now)
	default:
		refuseState(r, now, action)
		return
	}
	ok(r.RequestCtx)
}

// startMachine answers POST …/start: on the host it was on, if there is room.
func (c *Cloud) startMachine(r *request) {
	m, now := r.machine, c.Clock.Now()
	if c.held(r) {
		return
	}
	previous := m.state(now)
	switch previous {
	case "started", "starting":
	case "created", "stopped", "suspended", "failed":
		if m.claim.Count == 0 {
			claim := simkit.Claim{GPU: m.size.name(), Region: m.region, Count: 1}
			if !c.Capacity.Take(claim) {
				problem(r.RequestCtx, 409, "aborted: insufficient memory available to fulfill request")
				return
			}
			m.claim = claim
		}
		c.boot(m, now, 0)
		m.note("start", "starting", now)
	default:
		refuseState(r, now, "start")
		return
	}
	answer(r.RequestCtx, 200, append(simkit.AppendString([]byte(`{"previous_state":`), previous), `,"migrated":false,"new_host":""}`...))
}

// restartMachine answers POST …/restart.
func (c *Cloud) restartMachine(r *request) {
	now := c.Clock.Now()
	if c.held(r) {
		return
	}
	if r.machine.state(now) != "started" {
		refuseState(r, now, "restart")
		return
	}
	c.boot(r.machine, now, 0)
	r.machine.note("restart", "starting", now)
	ok(r.RequestCtx)
}

// deleteMachine answers DELETE …/machines/{id}. Without force a machine that runs
// stays.
func (c *Cloud) deleteMachine(r *request) {
	now := c.Clock.Now()
	if c.held(r) {
		return
	}
	args := r.QueryArgs()
	state := r.machine.state(now)
	if !args.GetBool("force") && !args.GetBool("kill") && state != "stopped" && state != "suspended" && state != "created" && state != "failed" && state != "destroyed" {
		refuseState(r, now, "destroy")
		return
	}
	c.destroy(r.machine, now)
	ok(r.RequestCtx)
}

// wait answers GET …/wait: at once where the machine is in the state, and else
// when it comes to it, within the timeout. With a clock that moves by hand
// nothing can come while a request is waited for.
func (c *Cloud) wait(r *request) {
	args := r.QueryArgs()
	wanted := string(args.Peek("state"))
	if wanted == "" {
		wanted = "started"
	}
	for _, one := range strings.Split(wanted, ",") {
		switch one {
		case "started", "stopped", "suspended", "destroyed", "failed", "settled":
		default:
			problem(r.RequestCtx, 400, "invalid state "+strconv.Quote(one))
			return
		}
		if one == "stopped" && len(args.Peek("version"))+len(args.Peek("instance_id")) == 0 {
			problem(r.RequestCtx, 400, "instance_id required when waiting for stopped machine")
			return
		}
	}
	timeout := min(max(args.GetUintOrZero("timeout"), 1), 60)
	if !args.Has("timeout") {
		timeout = 60
	}
	m, now := r.machine, c.Clock.Now()
	at := now
	if until := now.Add(time.Duration(timeout) * time.Second); !reached(m.state(now), wanted) && c.Clock.Factor() > 0 {
		if at = m.settled; at.Before(now) || at.After(until) {
			at = until
		}
		c.mu.Unlock()
		c.Clock.Wait(at, c.Closed, nil)
		c.mu.Lock()
	}
	state := m.state(at)
	if !reached(state, wanted) {
		problem(r.RequestCtx, 408, "machine failed to reach desired state, "+wanted+", currently "+state)
		return
	}
	b := append([]byte(`{"ok":true,"state":"`), state...)
	b = append(append(b, `","version":"`...), m.instance...)
	answer(r.RequestCtx, 200, append(append(append(b, `","event_id":"`...), m.events[len(m.events)-1].id...), `"}`...))
}

// reached reports whether a state is one of those waited for.
func reached(state, wanted string) bool {
	for _, one := range strings.Split(wanted, ",") {
		if one == state {
			return true
		}
		if one == "settled" {
			switch state {
			case "started", "stopped", "suspended", "failed", "destroyed":
				return true
			}
		}
	}
	return false
}
