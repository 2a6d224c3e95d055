package fly

import (
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// lease lets one tool alone change a machine.
type lease struct {
	nonce, description string
	until              time.Time
}

func (c *Cloud) newLease(ttl int, description string, now time.Time) lease {
	return lease{nonce: c.IDs.New(12, "0123456789abcdef"), description: description, until: now.Add(time.Duration(ttl) * time.Second)}
}

// held reports whether somebody else than the caller has the machine's lease, and
// answers the caller so.
func (c *Cloud) held(r *request) bool {
	l := &r.machine.lease
	if !l.until.After(c.Clock.Now()) || string(r.Request.Header.Peek("fly-machine-lease-nonce")) == l.nonce {
		return false
	}
	problem(r.RequestCtx, 409, "failed to change machine: machine lease currently held by "+l.description+", expires at "+l.until.Format(time.RFC3339))
	return true
}

// takeLease answers POST …/lease; with the nonce of the running lease it prolongs
// that.
func (c *Cloud) takeLease(r *request) {
	v, parser := c.body(r.RequestCtx, c.shapes.lease)
	if v == nil {
		return
	}
	ttl, description := v.GetInt("ttl"), textOf(v, "description")
	c.parsers.Put(parser)
	if c.held(r) {
		return
	}
	if ttl <= 0 {
		ttl = 60
	}
	now := c.Clock.Now()
	if r.machine.lease.until.After(now) {
		r.machine.lease.until = now.Add(time.Duration(ttl) * time.Second)
	} else {
		r.machine.lease = c.newLease(ttl, description, now)
	}
	answer(r.RequestCtx, 201, c.appendLease(r))
}

func (c *Cloud) appendLease(r *request) []byte {
	l := &r.machine.lease
	b := append([]byte(`{"nonce":"`), l.nonce...)
	b = simkit.AppendInt(append(b, `","expires_at":`...), l.until.Unix())
	b = simkit.AppendString(append(b, `,"owner":`...), r.account.Name)
	b = simkit.AppendString(append(b, `,"description":`...), l.description)
	b = append(append(append(b, `,"version":"`...), r.machine.instance...), `"}`...)
	if c.o.FlatLease {
		return b
	}
	return append(append([]byte(`{"status":"success","data":`), b...), '}')
}

func (c *Cloud) showLease(r *request) {
	if !r.machine.lease.until.After(c.Clock.Now()) {
		problem(r.RequestCtx, 404, "lease not found")
		return
	}
	answer(r.RequestCtx, 200, c.appendLease(r))
}

func (c *Cloud) dropLease(r *request) {
	if !r.machine.lease.until.After(c.Clock.Now()) {
		problem(r.RequestCtx, 404, "lease not found")
		return
	}
	if c.held(r) {
		return
	}
	r.machine.lease = lease{}
	ok(r.RequestCtx)
}
