package lambda

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// launch answers POST /instance-operations/launch: with an identifier, and
// nothing else.
func (c *Cloud) launch(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	v, parser := c.body(ctx, c.shapes.launch)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	if v.GetInt("quantity") > 1 {
		invalid(ctx, "Requested too many instances.")
		return
	}
	t, now := c.tenant(a), c.Clock.Now()
	m := &machine{tenant: t, name: simkit.Text(v, "name"), host: simkit.Text(v, "hostname"), region: simkit.Text(v, "region_name"),
		keys: simkit.Texts(v, "ssh_key_names"), created: now, running: now.Add(time.Duration(c.o.ProvisionMS) * time.Millisecond)}
	if missing := c.resolve(m, v); missing != "" {
		// The document has 400 and 404 for this; both are seen.
		status := 400
		if c.seq%2 == 1 {
			status = 404
		}
		refuse(ctx, status, "global/object-does-not-exist", missing, "Check that the object exists and try again.")
		return
	}
	for _, at := range m.mounts {
		if at.on.region != m.region {
			refuse(ctx, 400, "instance-operations/launch/file-system-in-wrong-region", "Filesystem "+at.on.name+" is in another region.",
				"Filesystems can only be mounted on instances in the same region.")
			return
		}
	}
	rate := float64(m.kind.cents) / 100
	if !c.Funded(a, rate, now) {
		refuse(ctx, 400, "global/quota-exceeded", "Quota exceeded.", "Contact Support to increase your quota.")
		return
	}
	if !slices.Contains(m.kind.regions, m.region) || !c.Capacity.Take(m.kind.claim(m.region)) {
		message := "Not enough capacity to fulfill launch request."
		if c.o.EchoRefused {
			message += " " + string(ctx.PostBody()) + " " + simkit.Text(v, "user_data")
		}
		refuse(ctx, 400, "instance-operations/launch/insufficient-capacity", message,
			"Choose an instance type with more availability, or try again later.")
		return
	}
	m.claimed = true
	c.seq++
	m.seq, m.id, m.token = c.seq, c.IDs.New(32, hex), c.IDs.New(32, hex)
	m.ip = "198.51." + strconv.Itoa(100+int(m.seq/250)%100) + "." + strconv.Itoa(int(m.seq%250)+2)
	m.inside = readContainer(simkit.Text(v, "user_data"))
	for _, at := range m.mounts {
		at.on.users++
	}
	c.machines[m.id] = m
	t.machines = append(t.machines, m)
	// Sources differ on when billing starts; the dearer one is assumed.
	c.Meter.Rate(m.id, "machine", a.Name, rate, now)
	answer(ctx, append(simkit.AppendString([]byte(`{"instance_ids":[`), m.id), "]}"...))
	c.births++
	for _, b := range c.o.Births {
		if b.Nth > 0 && c.births == b.Nth || b.Every > 0 && c.births%b.Every == 0 {
			c.do(m, b.Do, now)
		}
	}
}

// resolve finds what a launch names, or tells what there is not.
func (c *Cloud) resolve(m *machine, v *fastjson.Value) string {
	t := m.tenant
	if m.kind = c.typeNamed(simkit.Text(v, "instance_type_name")); m.kind == nil {
		return "Instance type was not found."
	}
	if !slices.Contains(c.regions(), m.region) {
		return "Region was not found."
	}
	for _, name := range m.keys {
		if !slices.ContainsFunc(t.keys, func(k sshKey) bool { return k.name == name }) {
			return "SSH key " + name + " was not found."
		}
	}
	if v.Exists("image") && !c.bootable(simkit.Text(v, "image", "id"), simkit.Text(v, "image", "family"), m.region, m.kind.architecture()) {
		return "Image was not found."
	}
	for _, entry := range v.GetArray("file_system_mounts") {
		f := t.filesystem(func(f *filesystem) bool { return f.id == simkit.Text(entry, "file_system_id") })
		if f == nil {
			return "Filesystem was not found."
		}
		m.mounts = append(m.mounts, mount{simkit.Text(entry, "mount_point"), f})
	}
	for _, name := range simkit.Texts(v, "file_system_names") {
		f := t.filesystem(func(f *filesystem) bool { return f.name == name })
		if f == nil {
			return "Filesystem " + name + " was not found."
		}
		if !slices.ContainsFunc(m.mounts, func(at mount) bool { return at.on == f }) {
			m.mounts = append(m.mounts, mount{"/lambda/nfs/" + name, f})
		}
	}
	for _, entry := range v.GetArray("firewall_rulesets") {
		id := simkit.Text(entry, "id")
		if !slices.ContainsFunc(t.rulesets, func(r *ruleset) bool { return r.id == id && r.region == m.region }) {
			return "Firewall ruleset was not found."
		}
		m.rulesets = append(m.rulesets, id)
	}
	for _, tag := range v.GetArray("tags") {
		m.tags = append(m.tags, pair{simkit.Text(tag, "key"), simkit.Text(tag, "value")})
	}
	return ""
}

// listMachines answers GET /instances: all of them, without pages.
func (c *Cloud) listMachines(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	now := c.Clock.Now()
	b := append(make([]byte, 0, 4096), '[')
	for _, m := range c.tenant(a).machines {
		if !c.Listed(m.created, now) || len(ctx.QueryArgs().Peek("cluster_id")) > 0 {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = m.append(b, now)
	}
	answer(ctx, append(b, ']'))
}

// find returns an account's machine, or answers that there is none.
func (c *Cloud) find(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) *machine {
	m := c.machines[id]
	if m == nil || m.tenant.account != a || !c.Gettable(m.created, c.Clock.Now()) {
		notFound(ctx, "Instance was not found.")
		return nil
	}
	return m
}

func (c *Cloud) getMachine(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	if m := c.find(ctx, a, id); m != nil {
		answer(ctx, m.append(make([]byte, 0, 2048), c.Clock.Now()))
	}
}

func (c *Cloud) renameMachine(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	m := c.find(ctx, a, id)
	if m == nil {
		return
	}
	v, parser := c.body(ctx, c.shapes.rename)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	if v.Exists("name") {
		m.name = simkit.Text(v, "name")
	}
	answer(ctx, m.append(nil, c.Clock.Now()))
}

// several finds the machines of a request that names them.
func (c *Cloud) several(ctx *fasthttp.RequestCtx, a *simkit.Account) []*machine {
	v, parser := c.body(ctx, c.shapes.ids)
	if v == nil {
		return nil
	}
	defer c.parsers.Put(parser)
	var list []*machine
	for _, id := range simkit.Texts(v, "instance_ids") {
		m := c.find(ctx, a, id)
		if m == nil {
			return nil
		}
		list = append(list, m)
	}
	return list
}

func (c *Cloud) restart(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	now := c.Clock.Now()
	all := c.several(ctx, a)
	for _, m := range all {
		if m.ended == "" {
			m.running = now.Add(time.Duration(c.o.ProvisionMS) * time.Millisecond)
		}
	}
	c.answerMachines(ctx, "restarted_instances", all, now)
}

// terminate ends machines. One that is ending already is an error without a
// reason, as users report (skypilot-org/skypilot#3410).
func (c *Cloud) terminate(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	now := c.Clock.Now()
	all := c.several(ctx, a)
	for _, m := range all {
		if m.ended == "terminating" {
			refuse(ctx, 500, "global/unknown", "An unknown error occurred.", "")
			return
		}
	}
	for _, m := range all {
		c.end(m, "terminating", now)
		m.gone = now.Add(time.Duration(c.o.TerminateMS) * time.Millisecond)
	}
	c.answerMachines(ctx, "terminated_instances", all, now)
}

func (c *Cloud) answerMachines(ctx *fasthttp.RequestCtx, named string, all []*machine, now time.Time) {
	if len(all) == 0 {
		return // the error is written
	}
	b := fmt.Appendf(nil, `{"%s":[`, named)
	for i, m := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = m.append(b, now)
	}
	answer(ctx, append(b, "]}"...))
}
