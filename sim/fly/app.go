package fly

import (
	"sort"
	"strings"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// app is where machines live. Names are global.
type app struct {
	name, id string
	account  *simkit.Account
	seq      int64
	hidden   int // requests about it that are still answered 404
	ips      []*address
	volumes  []*volume
	machines []*machine
}

// openApp finds the app of a request, or answers why not: 404 where the name is
// free, 403 where it is another organization's or another app's token asks.
func (c *Cloud) openApp(r *request) bool {
	a := c.apps[r.parts[1]]
	switch {
	case a == nil:
		problem(r.RequestCtx, 404, "app not found")
	case a.account != r.account || r.token != nil && r.token.App != a.name:
		problem(r.RequestCtx, 403, "unauthorized")
	case a.hidden > 0:
		a.hidden--
		problem(r.RequestCtx, 404, "app not found")
	default:
		r.app = a
		return true
	}
	return false
}

// createApp answers POST /v1/apps.
func (c *Cloud) createApp(r *request) {
	v, parser := c.body(r.RequestCtx, c.shapes.createApp)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	name, org := textOf(v, "name"), textOf(v, "org_slug")
	switch {
	case r.token != nil:
		problem(r.RequestCtx, 403, "unauthorized")
	case !validName(name):
		problem(r.RequestCtx, 422, "Validation failed: Name may only contain numbers, lowercase letters and dashes")
	case org == "":
		problem(r.RequestCtx, 400, "org_slug is required")
	case !isOrg(r.account, org):
		problem(r.RequestCtx, 404, "organization not found")
	case c.apps[name] != nil:
		problem(r.RequestCtx, 422, "Validation failed: Name has already been taken")
	default:
		c.seq++
		a := &app{name: name, id: c.IDs.New(14, "0123456789abcdefghjkmnpqrstvwxyz"), account: r.account, seq: c.seq, hidden: c.o.AppLag}
		c.apps[name] = a
		b := append([]byte(`{"id":"`), a.id...)
		b = simkit.AppendInt(append(b, `","created_at":`...), c.Clock.Now().UnixMilli())
		answer(r.RequestCtx, 201, append(b, '}'))
	}
}

func validName(name string) bool {
	return name != "" && len(name) <= 63 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// listApps answers GET /v1/apps.
func (c *Cloud) listApps(r *request) {
	if r.token != nil || !isOrg(r.account, string(r.QueryArgs().Peek("org_slug"))) {
		problem(r.RequestCtx, 403, "unauthorized")
		return
	}
	var list []*app
	for _, a := range c.apps {
		if a.account == r.account {
			list = append(list, a)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].seq < list[j].seq })
	b := simkit.AppendInt([]byte(`{"total_apps":`), len(list))
	b = append(b, `,"apps":[`...)
	for i, a := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.appendApp(b, a)
	}
	answer(r.RequestCtx, 200, append(b, "]}"...))
}

func (c *Cloud) appendApp(b []byte, a *app) []byte {
	live := a.live(c.Clock.Now())
	b = append(append(b, `{"id":"`...), a.id...)
	b = append(append(b, `","name":"`...), a.name...)
	b = simkit.AppendInt(append(b, `","machine_count":`...), len(live))
	b = simkit.AppendInt(append(b, `,"volume_count":`...), len(a.volumes))
	status := "pending"
	if len(live) > 0 {
		status = "deployed"
	}
	b = append(append(b, `,"network":"default","status":"`...), status...)
	b = append(b, `","organization":{"name":`...)
	b = simkit.AppendString(b, a.account.Name)
	b = append(b, `,"slug":`...)
	b = simkit.AppendString(b, slug(a.account))
	return append(b, "}}"...)
}

// live are the machines of an app that are not destroyed.
func (a *app) live(now time.Time) []*machine {
	var list []*machine
	for _, m := range a.machines {
		if m.state(now) != "destroyed" {
			list = append(list, m)
		}
	}
	return list
}

// deleteApp answers DELETE /v1/apps/{app}. Without force an app that has machines
// stays; with it they go, and volumes and addresses go either way.
func (c *Cloud) deleteApp(r *request) {
	now := c.Clock.Now()
	if r.token != nil {
		problem(r.RequestCtx, 403, "unauthorized")
		return
	}
	for _, m := range r.app.live(now) {
		if m.phase != phaseGone && !r.QueryArgs().GetBool("force") {
			problem(r.RequestCtx, 422, "app has machines that are not destroyed")
			return
		}
	}
	for _, m := range r.app.machines {
		c.destroy(m, now)
		delete(c.machines, m.id)
	}
	for _, ip := range r.app.ips {
		c.priceIP(r.app, ip, 0)
	}
	for _, v := range r.app.volumes {
		c.Meter.Rate(v.id, "volume", r.account.Name, 0, now)
	}
	delete(c.apps, r.app.name)
	r.SetStatusCode(202)
}
