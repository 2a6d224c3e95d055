package fly

import (
	"strconv"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// createMachine answers POST …/machines.
func (c *Cloud) createMachine(r *request) {
	v, parser := c.body(r.RequestCtx, c.shapes.createMachine)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	config := v.Get("config")
	m := &machine{app: r.app, name: textOf(v, "name"), region: textOf(v, "region"), image: textOf(config, "image"), metadata: texts(config, "metadata"), env: texts(config, "env")}
	if status, text := m.readSize(config); status != 0 {
		problem(r.RequestCtx, status, text)
		return
	}
	if m.region == "" {
		m.region = regions()[0].code
	}
	now := c.Clock.Now()
	for _, other := range r.app.machines {
		if m.name != "" && other.name == m.name && other.phase != phaseGone {
			problem(r.RequestCtx, 409, "already_exists: unique machine name violation, machine ID "+other.id+" already exists with name "+strconv.Quote(m.name))
			return
		}
	}
	switch {
	case m.image == "":
		problem(r.RequestCtx, 400, "config.image is required")
		return
	case !knownRegion(m.region):
		problem(r.RequestCtx, 422, "region "+m.region+" not found")
		return
	case !c.Funded(r.account, m.size.price(), now):
		problem(r.RequestCtx, 403, "We need your payment information to continue! Add a credit card or buy credit")
		return
	}
	if status, text := m.readMounts(config); status != 0 {
		problem(r.RequestCtx, status, text)
		return
	}
	m.readServices(config)
	m.claim = simkit.Claim{GPU: m.size.name(), Region: m.region, Count: 1}
	if !c.Capacity.Take(m.claim) {
		c.refuseRoom(r.RequestCtx)
		return
	}
	c.seq++
	m.seq, m.createdAt = c.seq, now
	m.id, m.instance = c.IDs.New(14, "0123456789abcdef"), "01"+c.IDs.New(24, "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
	m.ip = "fdaa:0:18:a7b:196:" + c.IDs.New(4, "123456789abcdef") + ":9ce1:2"
	if m.name == "" {
		m.name = "aged-thunder-" + strconv.Itoa(c.IDs.Number(1000, 9999))
	}
	m.fix(config)
	m.note("launch", "created", now)
	for _, vol := range m.volumes {
		vol.machine = m
	}
	r.app.machines = append(r.app.machines, m)
	c.machines[m.id] = m
	if !v.GetBool("skip_launch") && textOf(config, "schedule") == "" {
		c.boot(m, now, c.o.CreateMS)
	}
	var body []byte
	if m.phase == phaseUp { // the answer shows it created, however short the delays are
		body = m.append(nil, now.Add(-1))
	} else {
		body = m.append(nil, now)
	}
	if ttl := v.GetInt("lease_ttl"); ttl > 0 {
		m.lease = c.newLease(ttl, "", now)
		body = append(append(body[:len(body)-1], `,"nonce":"`...), m.lease.nonce...)
		body = append(body, `"}`...)
	}
	answer(r.RequestCtx, 200, body)
	c.born(m)
}

// born does to a new machine what Options.Births asks for.
func (c *Cloud) born(m *machine) {
	c.births++
	for _, b := range c.o.Births {
		if b.Nth > 0 && c.births == b.Nth || b.Every > 0 && c.births%b.Every == 0 {
			c.do(m, b.Do, m.createdAt)
		}
	}
}

// readSize reads guest or size. GPUs are refused as Fly has done since August
// 2026.
func (m *machine) readSize(config *fastjson.Value) (status int, text string) {
	const noGPUs = "GPU machines are no longer supported"
	guest, named := config.Get("guest"), textOf(config, "size")
	switch {
	case textOf(config, "guest", "gpu_kind") != "" || config.GetInt("guest", "gpus") > 0:
		return 400, noGPUs
	case guest != nil && named != "":
		return 400, "config.size and config.guest are mutually exclusive"
	case named == "a10" || named == "l40s" || named == "a100-40gb" || named == "a100-80gb":
		return 400, noGPUs
	case named != "":
		var known bool
		if m.size, known = preset(named); !known {
			return 422, "invalid config.size " + strconv.Quote(named)
		}
		return 0, ""
	}
	if m.size = sizeIn(config, "guest"); m.size.problem() != "" {
		return 422, m.size.problem()
	}
	return 0, ""
}

func (m *machine) readMounts(config *fastjson.Value) (status int, text string) {
	list := config.GetArray("mounts")
	if len(list) > 1 {
		return 422, "a machine can have one mount"
	}
	for _, mount := range list {
		v := m.app.volume(textOf(mount, "volume"))
		switch {
		case v == nil:
			return 422, "volume " + textOf(mount, "volume") + " not found"
		case v.region != m.region:
			return 422, "volume " + v.id + " is in region " + v.region
		case v.machine != nil && v.machine.phase != phaseGone:
			return 412, "volume " + v.id + " is already attached to machine " + v.machine.id
		}
		m.volumes = append(m.volumes, v)
	}
	return 0, ""
}

func (m *machine) readServices(config *fastjson.Value) {
	for _, v := range config.GetArray("services") {
		s := service{internal: strconv.Itoa(v.GetInt("internal_port"))}
		for _, port := range v.GetArray("ports") {
			s.ports = append(s.ports, strconv.Itoa(port.GetInt("port")))
		}
		m.services = append(m.services, s)
	}
}

func texts(v *fastjson.Value, key string) map[string]string {
	all := map[string]string{}
	v.GetObject(key).Visit(func(name []byte, value *fastjson.Value) {
		all[string(name)] = string(value.GetStringBytes())
	})
	return all
}

// room reports whether a machine of a size would find room in a region.
func (c *Cloud) room(s size, region string) bool {
	return c.Capacity.Free(simkit.Claim{GPU: s.name(), Region: region, Count: 1}) > 0
}
