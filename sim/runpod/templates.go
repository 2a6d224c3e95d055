package runpod

import (
	"sort"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// template is a set of container settings under a name.
type template struct {
	container
	id, name, category               string
	seq                              int64
	persistent                       *mount
	serverless, public, ssh, jupyter bool
	cuda                             []string
}

func (t *template) key() string { return t.id }

func (t *template) append(b []byte) []byte {
	b = simkit.AppendString(append(b, `{"id":`...), t.id)
	b = simkit.AppendString(append(b, `,"name":`...), t.name)
	b = appendContainer(append(b, ','), &t.container)
	b = appendMounts(append(b, `,"mounts":`...), t.persistent, nil)
	b = simkit.AppendBool(append(b, `,"serverless":`...), t.serverless)
	b = simkit.AppendBool(append(b, `,"public":`...), t.public)
	b = simkit.AppendString(append(b, `,"category":`...), t.category)
	b = simkit.AppendBool(append(b, `,"startSsh":`...), t.ssh)
	b = simkit.AppendBool(append(b, `,"startJupyter":`...), t.jupyter)
	b = simkit.AppendStrings(append(b, `,"allowedCudaVersions":`...), t.cuda)
	return append(b, '}')
}

// catalogTemplates are the official ones everybody may use.
func catalogTemplates() []*template {
	return []*template{
		{id: "30zmvf89kd", name: "PyTorch 2.8", category: "NVIDIA", public: true, ssh: true, jupyter: true, cuda: []string{},
			container: container{image: "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404", disk: 50, ports: []string{"8888/http", "22/tcp"}}},
		{id: "runpodubu1", name: "Ubuntu 24.04", category: "CPU", public: true, ssh: true, cuda: []string{},
			container: container{image: "runpod/base:1.0.2-ubuntu2404", disk: 20, ports: []string{"22/tcp"}}},
		{id: "vllmworker", name: "vLLM worker", category: "NVIDIA", public: true, serverless: true, cuda: []string{},
			container: container{image: "runpod/worker-v1-vllm:v2.8.0", disk: 30, ports: []string{}}},
	}
}

// visible finds a template an account may use.
func (c *Cloud) visible(t *tenant, id string) *template {
	if one := byID(t.templates, id, (*template).key); one != nil {
		return one
	}
	if one := byID(c.official, id, (*template).key); one != nil {
		return one
	}
	for _, other := range c.tenants {
		if one := byID(other.templates, id, (*template).key); one != nil && one.public {
			return one
		}
	}
	return nil
}

// applyTemplate takes a template's settings as the base of a pod.
func (c *Cloud) applyTemplate(p *pod, v *fastjson.Value, t *tenant) (status int, detail string) {
	id := textOf(v, "templateId")
	if id == "" {
		return 0, ""
	}
	from := c.visible(t, id)
	if from == nil {
		return 404, "template not found"
	}
	if from.serverless {
		return 422, "$.templateId: template " + id + " is a serverless template"
	}
	env := append([]pair{}, from.env...)
	p.container = from.container
	p.env = env
	p.template = id
	if from.persistent != nil && !v.Exists("mounts") && !v.Exists("cpu") {
		m := *from.persistent
		p.persistent = &m
	}
	return 0, ""
}

func refuseTemplate(ctx *fasthttp.RequestCtx, status int, detail string) {
	if status == 422 {
		invalid(ctx, detail)
		return
	}
	problem(ctx, status, detail)
}

func (c *Cloud) listTemplates(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	limit, after, ok := c.page(ctx, "templates", a)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.tenant(a).templates
	all = all[sort.Search(len(all), func(i int) bool { return all[i].seq > after }):]
	more, last := len(all) > limit, int64(0)
	if more {
		all = all[:limit]
		last = all[limit-1].seq
	}
	b := appendList(nil, "templates", all, (*template).append)
	answer(ctx, 200, append(c.appendPagination(b, "templates", a, more, last), '}'))
}

// fill takes over what a body says of a template.
func (t *template) fill(v *fastjson.Value) {
	if v.Exists("env") {
		t.env = nil
	}
	applyContainer(&t.container, v)
	if v.Exists("name") {
		t.name = textOf(v, "name")
	}
	if v.Exists("category") {
		t.category = textOf(v, "category")
	}
	if v.Exists("allowedCudaVersions") {
		t.cuda = stringsOf(v, "allowedCudaVersions")
	}
	if v.Exists("mounts") {
		t.persistent = nil
		if m := v.Get("mounts", "persistent"); m != nil {
			t.persistent = &mount{size: m.GetInt("size"), path: textOf(m, "path")}
		}
	}
	for name, field := range map[string]*bool{"public": &t.public, "serverless": &t.serverless, "startSsh": &t.ssh, "startJupyter": &t.jupyter} {
		if v.Exists(name) {
			*field = v.GetBool(name)
		}
	}
}

func (c *Cloud) createTemplate(ctx *fasthttp.RequestCtx, a *simkit.Account, _ []string) {
	v, parser := c.body(ctx, c.shapes.createTemplate)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	one := &template{category: "NVIDIA", ssh: true, jupyter: true, cuda: []string{}, container: container{disk: 50, ports: []string{}}}
	one.fill(v)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenant(a)
	c.seq++
	one.id, one.seq = c.IDs.New(10, idAlphabet), c.seq
	t.templates = append(t.templates, one)
	answer(ctx, 201, one.append(nil))
}

func (c *Cloud) getTemplate(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.visible(c.tenant(a), parts[1]); one != nil {
		answer(ctx, 200, one.append(nil))
		return
	}
	problem(ctx, 404, "template not found")
}

func (c *Cloud) patchTemplate(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	v, parser := c.body(ctx, c.shapes.patchTemplate)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	c.mu.Lock()
	defer c.mu.Unlock()
	one := byID(c.tenant(a).templates, parts[1], (*template).key)
	if one == nil {
		problem(ctx, 404, "template not found")
		return
	}
	one.fill(v)
	answer(ctx, 200, one.append(nil))
}

func (c *Cloud) deleteTemplate(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenant(a)
	one := byID(t.templates, parts[1], (*template).key)
	if one == nil {
		problem(ctx, 404, "template not found")
		return
	}
	for _, p := range t.pods {
		if p.phase != phaseGone && p.template == one.id {
			problem(ctx, 400, "template is in use")
			return
		}
	}
	t.templates = without(t.templates, one)
	noContent(ctx)
}
