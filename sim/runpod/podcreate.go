package runpod

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

const (
	noInstances = "There are no instances currently available"
	idAlphabet  = "0123456789abcdefghijklmnopqrstuvwxyz"
)

// createPod answers POST /v2/pods.
func (c *Cloud) createPod(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	v, parser := c.body(ctx, c.shapes.createPod)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenant(a)
	p := &pod{tenant: t, name: textOf(v, "name"), cloud: "SECURE", container: container{disk: 50, ports: []string{}}}
	if v.Exists("cloud") {
		p.cloud = textOf(v, "cloud")
	}
	if status, detail := c.applyTemplate(p, v, t); status != 0 {
		refuseTemplate(ctx, status, detail)
		return
	}
	applyContainer(&p.container, v)
	if size := expandedSize(&p.container); size > bodyLimit {
		problem(ctx, 413, fmt.Sprintf("expanded request body exceeds %d bytes", bodyLimit))
		return
	}
	if detail := c.applyCompute(p, v); detail != "" {
		problem(ctx, 400, detail)
		return
	}
	pinned, status, detail := c.applyMounts(p, v, t)
	if status != 0 {
		problem(ctx, status, detail)
		return
	}
	if detail := c.applyAccess(p, v, t); detail != "" {
		problem(ctx, 400, detail)
		return
	}
	now := c.Clock.Now()
	if !c.Funded(a, p.rate, now) {
		problem(ctx, 402, "Insufficient balance: add credit to your account to create this pod.")
		return
	}
	if detail := c.place(p, stringsOf(v, "dataCenterIds"), pinned); detail != "" {
		problem(ctx, 400, detail)
		return
	}
	p.id, p.host = c.IDs.New(14, idAlphabet), c.IDs.New(8, "0123456789abcdef")
	c.seq++
	p.seq, p.createdAt = c.seq, now
	if p.gpu != nil && p.gpu.name != "MI300X" {
		p.cuda = "12.8"
	}
	p.global = v.GetBool("globalNetworking")
	p.fix()
	c.boot(p, now, false)
	c.pods[p.id] = p
	t.pods = append(t.pods, p)
	answer(ctx, 201, p.append(make([]byte, 0, 1536), before(now)))
	c.born(p)
}

// born does to a new pod what Options.Births asks for.
func (c *Cloud) born(p *pod) {
	c.births++
	for _, b := range c.o.Births {
		if b.Nth > 0 && c.births == b.Nth || b.Every > 0 && c.births%b.Every == 0 {
			c.do(p, b.Do, p.createdAt)
		}
	}
}

// applyContainer takes over the container fields that are present.
func applyContainer(p *container, v *fastjson.Value) {
	if v.Exists("image") {
		p.image = textOf(v, "image")
	}
	if v.Exists("args") {
		p.args = textOf(v, "args")
	}
	if v.Exists("disk") {
		p.disk = v.GetInt("disk")
	}
	if v.Exists("ports") {
		p.ports = stringsOf(v, "ports")
	}
	if v.Exists("registry") {
		p.registry = textOf(v, "registry")
	}
	if v.Exists("entrypoint") {
		p.entrypoint = stringsOf(v, "entrypoint")
	}
	if v.Exists("cmd") {
		p.cmd = stringsOf(v, "cmd")
	}
	v.GetObject("env").Visit(func(key []byte, value *fastjson.Value) {
		p.setEnv(string(key), string(value.GetStringBytes()))
	})
}

// setEnv sets one variable, which keeps its place where it exists already.
func (p *container) setEnv(name, value string) {
	for i := range p.env {
		if p.env[i].name == name {
			p.env[i].value = value
			return
		}
	}
	p.env = append(p.env, pair{name, value})
}

// expandedSize is what the container counts against the body limit.
func expandedSize(p *container) int { return len(appendContainer(nil, p)) }

// applyCompute takes over gpu or cpu and the price.
func (c *Cloud) applyCompute(p *pod, v *fastjson.Value) string {
	g, u := v.Get("gpu"), v.Get("cpu")
	if (g == nil) == (u == nil) {
		return "exactly one of gpu or cpu must be provided"
	}
	if g == nil {
		return c.applyCPU(p, u)
	}
	if g.Exists("allowedCudaVersions") && g.Exists("minCudaVersion") {
		return "gpu.allowedCudaVersions and gpu.minCudaVersion are mutually exclusive"
	}
	id := textOf(g, "id")
	p.gpu = find(c.gpus, func(t *gpuType) bool { return t.id == id })
	if p.gpu == nil {
		return "unknown GPU type: " + id
	}
	p.gpuCount = 1
	if g.Exists("count") {
		p.gpuCount = g.GetInt("count")
	}
	price, most := p.gpu.secure, p.gpu.maxSecure
	if p.cloud == "COMMUNITY" {
		price, most = p.gpu.community, p.gpu.maxCommunity
	}
	switch {
	case price == 0, p.gpuCount > most, g.GetInt("minRamPerGpu") > p.gpu.ram, g.GetInt("minVcpuCountPerGpu") > p.gpu.vcpu:
		return noInstances
	case newerThan(textOf(g, "minCudaVersion"), "12.8"):
		return noInstances
	}
	p.rate = price * float64(p.gpuCount)
	return ""
}

// newerThan compares two major.minor versions.
func newerThan(a, b string) bool {
	number := func(text string) (major, minor int) {
		x, y, _ := strings.Cut(text, ".")
		major, _ = strconv.Atoi(x)
		minor, _ = strconv.Atoi(y)
		return
	}
	am, an := number(a)
	bm, bn := number(b)
	return am > bm || am == bm && an > bn
}

func (c *Cloud) applyCPU(p *pod, u *fastjson.Value) string {
	id := textOf(u, "id")
	p.cpu = find(c.cpus, func(t *cpuType) bool { return t.id == id })
	if p.cpu == nil {
		return "unknown CPU flavor: " + id
	}
	p.vcpu = u.GetInt("vcpuCount")
	if p.vcpu&(p.vcpu-1) != 0 {
		return "cpu.vcpuCount must be a power of two"
	}
	if p.vcpu > p.cpu.high {
		return noInstances
	}
	p.rate = p.cpu.price * float64(p.vcpu)
	return ""
}

// applyMounts takes over the disks. Pinned is the data centre of a network
// volume.
func (c *Cloud) applyMounts(p *pod, v *fastjson.Value, t *tenant) (pinned string, status int, detail string) {
	if m := v.Get("mounts", "persistent"); m != nil {
		p.persistent = &mount{size: m.GetInt("size"), path: textOf(m, "path")}
	}
	if list := v.GetArray("mounts", "network"); len(list) > 0 {
		if v.Exists("mounts", "persistent") {
			return "", 400, "mounts.persistent and mounts.network are mutually exclusive"
		}
		p.persistent = nil
		p.network = &mount{volume: textOf(list[0], "volumeId"), path: textOf(list[0], "path")}
		vol := t.volume(p.network.volume)
		if vol == nil {
			return "", 404, "network volume not found"
		}
		pinned = vol.center
	}
	if p.persistent != nil && p.cpu != nil {
		return "", 400, "mounts.persistent is not supported on CPU pods"
	}
	return pinned, 0, ""
}

// applyAccess checks ports and registry and injects the SSH keys.
func (c *Cloud) applyAccess(p *pod, v *fastjson.Value, t *tenant) string {
	for _, text := range p.ports {
		number, kind, ok := strings.Cut(text, "/")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 1 || n > 65535 && !(kind == "tcp" && n > 70000) || kind != "http" && kind != "tcp" {
			return "invalid port: " + text
		}
	}
	if p.registry != "" && t.registry(p.registry) == nil {
		return "container registry credential not found"
	}
	if v.GetBool("startSsh") && len(t.sshKeys) > 0 && p.envValue("PUBLIC_KEY") == "" {
		p.setEnv("PUBLIC_KEY", strings.Join(t.sshKeys, "\n"))
	}
	if v.GetBool("startJupyter") && p.envValue("JUPYTER_PASSWORD") == "" {
		p.setEnv("JUPYTER_PASSWORD", c.IDs.New(20, idAlphabet))
	}
	return ""
}

// place finds a data centre with room, in the order of the request, and takes
// the room.
func (c *Cloud) place(p *pod, wanted []string, pinned string) string {
	offered := make([]string, 0, len(c.centers))
	if p.gpu != nil {
		offered = append(offered, p.gpu.centers...)
	} else {
		for _, one := range c.centers {
			offered = append(offered, one.id)
		}
	}
	candidates := offered
	if len(wanted) > 0 {
		candidates = wanted
	}
	for _, id := range candidates {
		known := find(offered, func(s *string) bool { return *s == id }) != nil
		if !known || pinned != "" && id != pinned {
			continue
		}
		p.center = id
		if claim := p.wants(); c.Capacity.Take(claim) {
			p.claim = claim
			return ""
		}
	}
	p.center = ""
	return noInstances
}
