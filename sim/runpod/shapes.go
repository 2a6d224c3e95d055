package runpod

import (
	"strings"

	"github.com/valyala/fastjson"
)

// shapes are the request bodies of the management API.
type shapes struct {
	createPod, patchPod, action                              *shape
	createVolume, patchVolume, createTemplate, patchTemplate *shape
	createRegistry, sshKeys, createEndpoint, patchEndpoint   *shape
}

func str() *shape                { return &shape{kind: "string"} }
func name() *shape               { return &shape{kind: "string", minLen: 1} }
func flag() *shape               { return &shape{kind: "boolean"} }
func texts() *shape              { return &shape{kind: "array", items: str()} }
func integer(low float64) *shape { return &shape{kind: "integer", min: low} }
func oneOf(values ...string) *shape {
	return &shape{kind: "string", enum: values}
}
func object(required []string, fields map[string]*shape) *shape {
	return &shape{kind: "object", required: required, fields: fields}
}

// with copies the fields of a container and adds others.
func with(fields map[string]*shape) map[string]*shape {
	all := map[string]*shape{
		"args": str(), "disk": integer(1), "env": {kind: "object", open: str()}, "image": str(), "ports": texts(),
		"registry": {kind: "string", nullable: true}, "entrypoint": texts(), "cmd": texts(),
	}
	for name, s := range fields {
		all[name] = s
	}
	return all
}

// cudaVersion matches ^\d+\.\d+$.
func cudaVersion(text string) bool {
	major, minor, ok := strings.Cut(text, ".")
	return ok && digits(major) && digits(minor)
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// imageUnlessTemplate asks for image where there is no template.
func imageUnlessTemplate(v *fastjson.Value, path string, errs *[]string) {
	if !v.Exists("templateId") && !v.Exists("image") {
		*errs = append(*errs, path+": missing property 'image'")
	}
}

func notEmpty(v *fastjson.Value, path string, errs *[]string) {
	if v.GetObject().Len() == 0 {
		*errs = append(*errs, path+": minProperties: got 0, want 1")
	}
}

func newShapes() shapes {
	cuda := func() *shape { return &shape{kind: "string", match: cudaVersion} }
	persistent := object([]string{"size", "path"}, map[string]*shape{"size": integer(10), "path": str()})
	network := object([]string{"volumeId", "path"}, map[string]*shape{"volumeId": str(), "path": str()})
	mounts := object(nil, map[string]*shape{"persistent": persistent, "network": {kind: "array", items: network, maxItems: 1}})
	onlyPersistent := object(nil, map[string]*shape{"persistent": persistent})
	gpu := object([]string{"id"}, map[string]*shape{"id": str(), "count": integer(1), "minCudaVersion": cuda(), "allowedCudaVersions": {kind: "array", items: cuda()},
		"minRamPerGpu": integer(1), "minVcpuCountPerGpu": integer(1)})
	cpu := object([]string{"id", "vcpuCount"}, map[string]*shape{"id": name(), "vcpuCount": integer(2)})
	size := &shape{kind: "integer", min: 10, max: 4096}
	template := map[string]*shape{"name": name(), "allowedCudaVersions": {kind: "array", items: cuda()}, "category": oneOf("CPU", "NVIDIA", "AMD"),
		"mounts": onlyPersistent, "public": flag(), "serverless": flag(), "startSsh": flag(), "startJupyter": flag()}

	s := shapes{}
	s.createPod = object([]string{"name"}, with(map[string]*shape{"name": name(), "cloud": oneOf("SECURE", "COMMUNITY"), "cpu": cpu, "dataCenterIds": texts(),
		"globalNetworking": flag(), "gpu": gpu, "mounts": mounts, "startJupyter": flag(), "startSsh": flag(), "templateId": name()}))
	s.createPod.also = imageUnlessTemplate
	s.patchPod = object(nil, with(map[string]*shape{"globalNetworking": flag(), "locked": flag(), "mounts": mounts, "name": name(), "templateId": str()}))
	s.action = object([]string{"action"}, map[string]*shape{"action": oneOf("start", "stop", "restart", "terminate")})
	s.createVolume = object([]string{"name", "size", "dataCenter"}, map[string]*shape{"name": name(), "size": size, "dataCenter": name(), "type": oneOf("STANDARD", "HIGH_PERFORMANCE")})
	s.patchVolume = object(nil, map[string]*shape{"name": name(), "size": size})
	s.patchVolume.also = notEmpty
	s.createTemplate = object([]string{"name", "image"}, with(template))
	s.patchTemplate = object(nil, with(template))
	s.createRegistry = object([]string{"name", "username", "password"}, map[string]*shape{"name": name(), "username": name(), "password": name()})
	s.sshKeys = object([]string{"keys"}, map[string]*shape{"keys": {kind: "array", items: &shape{kind: "string", match: sshKey}}})
	s.createEndpoint, s.patchEndpoint = endpointShapes(cuda, cpu)
	return s
}

func endpointShapes(cuda func() *shape, cpu *shape) (create, patch *shape) {
	scaling := object([]string{"type"}, map[string]*shape{"type": oneOf("QUEUE_DELAY", "REQUEST_COUNT"), "queueDelay": {kind: "number", min: 0.5}, "requestCount": integer(1)})
	scaling.also = func(v *fastjson.Value, path string, errs *[]string) {
		want, other := "queueDelay", "requestCount"
		if textOf(v, "type") == "REQUEST_COUNT" {
			want, other = other, want
		}
		if !v.Exists(want) {
			*errs = append(*errs, path+": missing property '"+want+"'")
		}
		if v.Exists(other) {
			*errs = append(*errs, path+": additional properties '"+other+"' not allowed")
		}
	}
	gpu := func(required ...string) *shape {
		return object(required, map[string]*shape{"pools": {kind: "array", items: str(), minItems: 1}, "excludedTypes": texts(), "count": integer(1),
			"allowedCudaVersions": {kind: "array", items: cuda()}, "minCudaVersion": {kind: "string", match: func(t string) bool { return t == "" || cudaVersion(t) }}})
	}
	workers := object(nil, map[string]*shape{"min": integer(0), "max": integer(0), "idleTimeout": {kind: "integer", min: 1, max: 3600}})
	fields := func(g *shape) map[string]*shape {
		return with(map[string]*shape{"gpu": g, "cpu": {kind: "array", items: cpu, minItems: 1}, "name": name(), "scaling": scaling, "type": oneOf("QUEUE", "LOAD_BALANCER"),
			"dataCenterIds": texts(), "flashboot": oneOf("OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT"), "networkVolumes": texts(), "templateId": name(), "timeout": integer(0), "workers": workers})
	}
	create = object([]string{"name", "type", "scaling"}, fields(gpu("pools")))
	create.also = imageUnlessTemplate
	patched := fields(gpu())
	delete(patched, "type")
	return create, object(nil, patched)
}

// sshKey matches ^(ssh|ecdsa|sk)-[^\s]+ [^\s]+([ \t][^\n\r]*)?$.
func sshKey(text string) bool {
	if strings.ContainsAny(text, "\n\r") || !(strings.HasPrefix(text, "ssh-") || strings.HasPrefix(text, "ecdsa-") || strings.HasPrefix(text, "sk-")) {
		return false
	}
	fields := strings.Fields(text)
	return len(fields) >= 2 && strings.HasPrefix(text, fields[0]+" "+fields[1])
}
