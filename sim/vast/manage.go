package vast

import (
	"strings"

	"github.com/exatlas/atlas/sim/simkit"
)

// own returns the instance of the request, nil where it is not the account's or
// not there.
func (c *Cloud) own(r *request) *instance {
	if i := c.instances[r.id]; i != nil && i.account == r.account {
		return i
	}
	return nil
}

// get answers GET /api/v0/instances/{id}/: one object under a plural name, or
// null.
func (c *Cloud) get(r *request) {
	now := c.Clock.Now()
	i := c.own(r)
	if i == nil || !c.Gettable(i.created, now) {
		answer(r.RequestCtx, 200, []byte(`{"instances":null}`))
		return
	}
	b := i.append([]byte(`{"instances":`), now)
	answer(r.RequestCtx, 200, append(b, '}'))
}

// retired answers the listing of v0.
func (c *Cloud) retired(r *request) {
	problem(r.RequestCtx, 410, "deprecated_endpoint", "/api/v0/instances/ is deprecated. Use /api/v1/instances/ instead.")
}

// manage answers PUT /api/v0/instances/{id}/: start, stop, label.
func (c *Cloud) manage(r *request) {
	i := c.own(r)
	if i == nil {
		noInstance(r)
		return
	}
	now := c.Clock.Now()
	state, labelled := simkit.Text(r.body, "state"), r.body.Exists("label")
	switch {
	case state == stopped:
		i.intended = stopped
		c.halt(i, phaseStopped, now)
	case state == running && !c.Funded(r.account, i.gpuRate(), now):
		problem(r.RequestCtx, 400, "missing_billing", "Please add credit to start this instance.")
		return
	case state == running:
		c.resume(i, now)
	case !labelled:
		problem(r.RequestCtx, 400, "invalid_args", "Neither state nor label is given")
		return
	}
	if !labelled {
		done(r, "")
		return
	}
	label := simkit.Text(r.body, "label")
	if len(label) > 1024 {
		problem(r.RequestCtx, 400, "label_too_long", "Label is too long")
		return
	}
	i.label = label
	done(r, "label set")
}

func noInstance(r *request) {
	problem(r.RequestCtx, 404, "no_such_instance", "Instance with that ID does not exist.")
}

// destroy answers DELETE /api/v0/instances/{id}/.
func (c *Cloud) destroy(r *request) {
	i := c.own(r)
	if i == nil {
		problem(r.RequestCtx, 404, "not_found", "Instance not found")
		return
	}
	c.remove(i, c.Clock.Now())
	done(r, "Instance destroyed successfully")
}

// attach answers POST /api/v0/instances/{id}/ssh/.
func (c *Cloud) attach(r *request) {
	i := c.own(r)
	if i == nil {
		noInstance(r)
		return
	}
	key := simkit.Text(r.body, "ssh_key")
	if !strings.HasPrefix(key, "ssh-") && !strings.HasPrefix(key, "ecdsa-") && !strings.HasPrefix(key, "sk-") {
		problem(r.RequestCtx, 400, "invalid_args", "ssh_key is not a valid public key")
		return
	}
	i.sshKeys = append(i.sshKeys, key)
	done(r, "SSH key attached successfully")
}

// changeBid answers PUT /api/v0/instances/bid_price/{id}/. A bid that wins lets
// the instance run again.
func (c *Cloud) changeBid(r *request) {
	i := c.own(r)
	price := r.body.GetFloat64("price")
	switch {
	case i == nil:
		noInstance(r)
		return
	case price < 0.001 || price > 32:
		problem(r.RequestCtx, 400, "invalid_args", "Please set a bid price >= 0.001.")
		return
	}
	now := c.Clock.Now()
	i.price = price
	c.charge(i, now)
	if i.phase == phaseOutbid && price >= i.host.minBid {
		c.resume(i, now)
	}
	done(r, "")
}

// reboot answers PUT /api/v0/instances/reboot/{id}/.
func (c *Cloud) reboot(r *request) {
	i := c.own(r)
	if i == nil {
		noInstance(r)
		return
	}
	if i.phase == phaseUp {
		c.boot(i, c.Clock.Now())
	}
	done(r, "")
}

// user answers GET /api/v0/users/current/.
func (c *Cloud) user(r *request) {
	w := writer{b: []byte{'{'}}
	w.int("id", 4242)
	w.text("email", "someone@example.com")
	if balance, limited := r.account.Balance(); limited {
		w.float("balance", balance-c.Meter.Spent(r.account.Name, c.Clock.Now()))
	} else {
		w.float("balance", 1000)
	}
	w.text("ssh_key", "")
	answer(r.RequestCtx, 200, append(w.b, '}'))
}
