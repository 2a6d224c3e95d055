package runpod

import (
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// endpoint is a serverless endpoint.
type endpoint struct {
	container
	id, name, kind, flashboot           string
	pools, excluded, cuda               []string
	minCuda                             string
	gpuCount                            int
	cpus                                []cpuOf
	workersMin, workersMax, idleTimeout int
	scaling                             string // its type
	scale                               float64
	centers, volumes                    []string
	timeout                             int
	version                             int
	createdAt                           time.Time
}

// cpuOf is a CPU flavour with a number of vCPUs.
type cpuOf struct {
	kind *cpuType
	vcpu int
}

func (e *endpoint) key() string { return e.id }

// endpointOf finds an endpoint of any account; the caller holds a lock.
func (c *Cloud) endpointOf(id string) *endpoint { return c.endpoints[id] }

// append appends an endpoint. Base is where this simulator's job API is.
func (e *endpoint) append(b []byte, base string) []byte {
	b = simkit.AppendString(append(b, `{"id":`...), e.id)
	b = simkit.AppendString(append(b, `,"name":`...), e.name)
	b = simkit.AppendString(append(b, `,"type":`...), e.kind)
	b = appendContainer(append(b, ','), &e.container)
	if e.kind == "QUEUE" {
		url := base + "/jobs/v2/" + e.id
		for i, one := range [][2]string{{"run", "/run"}, {"runSync", "/runsync"}, {"status", "/status/{job_id}"}, {"stream", "/stream/{job_id}"},
			{"cancel", "/cancel/{job_id}"}, {"retry", "/retry/{job_id}"}, {"purgeQueue", "/purge-queue"}, {"health", "/health"}} {
			b = append(b, [2]string{`,"requestUrls":{`, `,`}[min(i, 1)]...)
			b = simkit.AppendString(append(append(append(b, '"'), one[0]...), `":`...), url+one[1])
		}
	} else {
		b = simkit.AppendString(append(b, `,"requestUrls":{"base":`...), "https://"+e.id+".api.runpod.ai")
		b = simkit.AppendString(append(b, `,"health":`...), "https://"+e.id+".api.runpod.ai/ping")
	}
	b = append(b, '}')
	if e.pools != nil {
		b = simkit.AppendStrings(append(b, `,"gpu":{"pools":`...), e.pools)
		b = simkit.AppendStrings(append(b, `,"excludedTypes":`...), e.excluded)
		b = simkit.AppendInt(append(b, `,"count":`...), e.gpuCount)
		b = simkit.AppendStrings(append(b, `,"allowedCudaVersions":`...), e.cuda)
		b = append(appendOrNull(append(b, `,"minCudaVersion":`...), e.minCuda), '}')
	} else {
		b = append(b, `,"gpu":null,"cpu":[`...)
		for i, one := range e.cpus {
			if i > 0 {
				b = append(b, ',')
			}
			b = simkit.AppendString(append(b, `{"id":`...), one.kind.id)
			b = simkit.AppendInt(append(b, `,"vcpuCount":`...), one.vcpu)
			b = append(simkit.AppendInt(append(b, `,"memory":`...), int(one.kind.ram*float64(one.vcpu))), '}')
		}
		b = append(b, ']')
	}
	b = simkit.AppendInt(append(b, `,"workers":{"min":`...), e.workersMin)
	b = simkit.AppendInt(append(b, `,"max":`...), e.workersMax)
	b = simkit.AppendInt(append(b, `,"idleTimeout":`...), e.idleTimeout)
	b = simkit.AppendString(append(b, `},"scaling":{"type":`...), e.scaling)
	if e.scaling == "QUEUE_DELAY" {
		b = append(b, `,"queueDelay":`...)
	} else {
		b = append(b, `,"requestCount":`...)
	}
	b = simkit.AppendFloat(b, e.scale)
	b = simkit.AppendStrings(append(b, `},"dataCenterIds":`...), e.centers)
	b = simkit.AppendStrings(append(b, `,"networkVolumes":`...), e.volumes)
	b = simkit.AppendInt(append(b, `,"timeout":`...), e.timeout)
	b = simkit.AppendString(append(b, `,"flashboot":`...), e.flashboot)
	b = simkit.AppendTime(append(b, `,"createdAt":`...), e.createdAt)
	return append(b, '}')
}

// base is the address the client used.
func base(ctx *fasthttp.RequestCtx) string { return "http://" + string(ctx.Host()) }

// fill takes over what a body says. It answers a rule that is broken.
func (c *Cloud) fill(e *endpoint, v *fastjson.Value, t *tenant) (status int, detail string) {
	if id := textOf(v, "templateId"); id != "" {
		from := c.visible(t, id)
		if from == nil {
			return 404, "template not found"
		}
		e.container = from.container
		e.env = append([]pair{}, from.env...)
	} else if v.Exists("env") {
		e.env = nil
	}
	applyContainer(&e.container, v)
	for field, into := range map[string]*string{"name": &e.name, "type": &e.kind, "flashboot": &e.flashboot} {
		if v.Exists(field) {
			*into = textOf(v, field)
		}
	}
	for field, into := range map[string]*[]string{"dataCenterIds": &e.centers, "networkVolumes": &e.volumes} {
		if v.Exists(field) {
			*into = stringsOf(v, field)
		}
	}
	if v.Exists("timeout") {
		e.timeout = v.GetInt("timeout")
	}
	if s := v.Get("scaling"); s != nil {
		e.scaling = textOf(s, "type")
		e.scale = s.GetFloat64("queueDelay") + s.GetFloat64("requestCount")
	}
	if e.kind == "LOAD_BALANCER" && e.scaling != "REQUEST_COUNT" {
		return 422, "$.scaling.type: value must be 'REQUEST_COUNT'"
	}
	if w := v.Get("workers"); w != nil {
		for field, into := range map[string]*int{"min": &e.workersMin, "max": &e.workersMax, "idleTimeout": &e.idleTimeout} {
			if w.Exists(field) {
				*into = w.GetInt(field)
			}
		}
	}
	if e.workersMin > e.workersMax {
		return 400, "workers.min must not exceed workers.max"
	}
	for _, id := range e.volumes {
		if t.volume(id) == nil {
			return 404, "network volume not found"
		}
	}
	return c.fillCompute(e, v)
}

func (c *Cloud) fillCompute(e *endpoint, v *fastjson.Value) (status int, detail string) {
	g, u := v.Get("gpu"), v.GetArray("cpu")
	if g != nil && u != nil {
		return 400, "exactly one of gpu or cpu must be provided"
	}
	if g != nil {
		for field, into := range map[string]*[]string{"pools": &e.pools, "excludedTypes": &e.excluded, "allowedCudaVersions": &e.cuda} {
			if g.Exists(field) {
				*into = stringsOf(g, field)
			}
		}
		if g.Exists("minCudaVersion") {
			e.minCuda = textOf(g, "minCudaVersion")
		}
		if g.Exists("count") {
			e.gpuCount = g.GetInt("count")
		}
		e.cpus = nil
		for _, pool := range e.pools {
			if find(c.gpus, func(t *gpuType) bool { return t.pool == pool }) == nil {
				return 400, "unknown GPU pool: " + pool
			}
		}
	}
	if u != nil {
		e.pools, e.cpus = nil, nil
		for _, one := range u {
			id := textOf(one, "id")
			kind := find(c.cpus, func(t *cpuType) bool { return t.id == id })
			if kind == nil {
				return 400, "unknown CPU flavor: " + id
			}
			e.cpus = append(e.cpus, cpuOf{kind, one.GetInt("vcpuCount")})
		}
	}
	if (e.pools == nil) == (e.cpus == nil) {
		return 400, "exactly one of gpu or cpu must be provided"
	}
	return 0, ""
}

func (c *Cloud) listEndpoints(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	each := func(e *endpoint, b []byte) []byte { return e.append(b, base(ctx)) }
	answer(ctx, 200, append(appendList(nil, "endpoints", c.tenant(a).endpoints, each), '}'))
}

func (c *Cloud) createEndpoint(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	v, parser := c.body(ctx, c.shapes.createEndpoint)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenant(a)
	e := &endpoint{flashboot: "OFF", gpuCount: 1, workersMax: 3, idleTimeout: 10, timeout: 300000, version: 1, createdAt: c.Clock.Now(),
		excluded: []string{}, cuda: []string{}, centers: []string{}, volumes: []string{}, container: container{disk: 20, ports: []string{}}}
	if status, detail := c.fill(e, v, t); status != 0 {
		refuseTemplate(ctx, status, detail)
		return
	}
	e.id = c.IDs.New(14, idAlphabet)
	t.endpoints = append(t.endpoints, e)
	c.endpoints[e.id] = e
	answer(ctx, 201, e.append(nil, base(ctx)))
}

func (c *Cloud) getEndpoint(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := byID(c.tenant(a).endpoints, parts[1], (*endpoint).key); e != nil {
		answer(ctx, 200, e.append(nil, base(ctx)))
		return
	}
	problem(ctx, 404, "endpoint not found")
}

func (c *Cloud) patchEndpoint(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	v, parser := c.body(ctx, c.shapes.patchEndpoint)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenant(a)
	e := byID(t.endpoints, parts[1], (*endpoint).key)
	if e == nil {
		problem(ctx, 404, "endpoint not found")
		return
	}
	changed := *e
	if status, detail := c.fill(&changed, v, t); status != 0 {
		refuseTemplate(ctx, status, detail)
		return
	}
	changed.version++
	*e = changed
	answer(ctx, 200, e.append(nil, base(ctx)))
}

func (c *Cloud) deleteEndpoint(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenant(a)
	e := byID(t.endpoints, parts[1], (*endpoint).key)
	if e == nil {
		problem(ctx, 404, "endpoint not found")
		return
	}
	t.endpoints = without(t.endpoints, e)
	delete(c.endpoints, e.id)
	noContent(ctx)
}
