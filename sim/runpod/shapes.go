package runpod

import (
	"strings"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// shapes are the request bodies of the management API.
type shapes struct {
	createPod, patchPod, action                              *simkit.Shape
	createVolume, patchVolume, createTemplate, patchTemplate *simkit.Shape
	createRegistry, sshKeys, createEndpoint, patchEndpoint   *simkit.Shape
}

func str() *simkit.Shape                { return &simkit.Shape{Kind: "string"} }
func name() *simkit.Shape               { return &simkit.Shape{Kind: "string", MinLen: 1} }
func flag() *simkit.Shape               { return &simkit.Shape{Kind: "boolean"} }
func texts() *simkit.Shape              { return &simkit.Shape{Kind: "array", Items: str()} }
func integer(low float64) *simkit.Shape { return &simkit.Shape{Kind: "integer", Min: low} }
func oneOf(values ...string) *simkit.Shape {
	return &simkit.Shape{Kind: "string", Enum: values}
}
func object(required []string, fields map[string]*simkit.Shape) *simkit.Shape {
	return &simkit.Shape{Kind: "object", Required: required, Fields: fields}
}

// with copies the fields of a container and adds others.
func with(fields map[string]*simkit.Shape) map[string]*simkit.Shape {
	all := map[string]*simkit.Shape{
		"args": str(), "disk": integer(1), "env": {Kind: "object", Open: str()}, "image": str(), "ports": texts(),
		"registry": {Kind: "string", Nullable: true}, "entrypoint": texts(), "cmd": texts(),
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
	cuda := func() *simkit.Shape { return &simkit.Shape{Kind: "string", Match: cudaVersion} }
	persistent := object([]string{"size", "path"}, map[string]*simkit.Shape{"size": integer(10), "path": str()})
	network := object([]string{"volumeId", "path"}, map[string]*simkit.Shape{"volumeId": str(), "path": str()})
	mounts := object(nil, map[string]*simkit.Shape{"persistent": persistent, "network": {Kind: "array", Items: network, MaxItems: 1}})
	onlyPersistent := object(nil, map[string]*simkit.Shape{"persistent": persistent})
	gpu := object([]string{"id"}, map[string]*simkit.Shape{"id": str(), "count": integer(1), "minCudaVersion": cuda(), "allowedCudaVersions": {Kind: "array", Items: cuda()},
		"minRamPerGpu": integer(1), "minVcpuCountPerGpu": integer(1)})
	cpu := object([]string{"id", "vcpuCount"}, map[string]*simkit.Shape{"id": name(), "vcpuCount": integer(2)})
	size := &simkit.Shape{Kind: "integer", Min: 10, Max: 4096}
	template := map[string]*simkit.Shape{"name": name(), "allowedCudaVersions": {Kind: "array", Items: cuda()}, "category": oneOf("CPU", "NVIDIA", "AMD"),
		"mounts": onlyPersistent, "public": flag(), "serverless": flag(), "startSsh": flag(), "startJupyter": flag()}

	s := shapes{}
	s.createPod = object([]string{"name"}, with(map[string]*simkit.Shape{"name": name(), "cloud": oneOf("SECURE", "COMMUNITY"), "cpu": cpu, "dataCenterIds": texts(),
		"globalNetworking": flag(), "gpu": gpu, "mounts": mounts, "startJupyter": flag(), "startSsh": flag(), "templateId": name()}))
	s.createPod.Also = imageUnlessTemplate
	s.patchPod = object(nil, with(map[string]*simkit.Shape{"globalNetworking": flag(), "locked": flag(), "mounts": mounts, "name": name(), "templateId": str()}))
	s.action = object([]string{"action"}, map[string]*simkit.Shape{"action": oneOf("start", "stop", "restart", "terminate")})
	s.createVolume = object([]string{"name", "size", "dataCenter"}, map[string]*simkit.Shape{"name": name(), "size": size, "dataCenter": name(), "type": oneOf("STANDARD", "HIGH_PERFORMANCE")})
	s.patchVolume = object(nil, map[string]*simkit.Shape{"name": name(), "size": size})
	s.patchVolume.Also = notEmpty
	s.createTemplate = object([]string{"name", "image"}, with(template))
	s.patchTemplate = object(nil, with(template))
	s.createRegistry = object([]string{"name", "username", "password"}, map[string]*simkit.Shape{"name": name(), "username": name(), "password": name()})
	s.sshKeys = object([]string{"keys"}, map[string]*simkit.Shape{"keys": {Kind: "array", Items: &simkit.Shape{Kind: "string", Match: sshKey}}})
	s.createEndpoint, s.patchEndpoint = endpointShapes(cuda, cpu)
	return s
}

func endpointShapes(cuda func() *simkit.Shape, cpu *simkit.Shape) (create, patch *simkit.Shape) {
	scaling := object([]string{"type"}, map[string]*simkit.Shape{"type": oneOf("QUEUE_DELAY", "REQUEST_COUNT"), "queueDelay": {Kind: "number", Min: 0.5}, "requestCount": integer(1)})
	scaling.Also = func(v *fastjson.Value, path string, errs *[]string) {
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
	gpu := func(required ...string) *simkit.Shape {
		return object(required, map[string]*simkit.Shape{"pools": {Kind: "array", Items: str(), MinItems: 1}, "excludedTypes": texts(), "count": integer(1),
			"allowedCudaVersions": {Kind: "array", Items: cuda()}, "minCudaVersion": {Kind: "string", Match: func(t string) bool { return t == "" || cudaVersion(t) }}})
	}
	workers := object(nil, map[string]*simkit.Shape{"min": integer(0), "max": integer(0), "idleTimeout": {Kind: "integer", Min: 1, Max: 3600}})
	fields := func(g *simkit.Shape) map[string]*simkit.Shape {
		return with(map[string]*simkit.Shape{"gpu": g, "cpu": {Kind: "array", Items: cpu, MinItems: 1}, "name": name(), "scaling": scaling, "type": oneOf("QUEUE", "LOAD_BALANCER"),
			"dataCenterIds": texts(), "flashboot": oneOf("OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT"), "networkVolumes": texts(), "templateId": name(), "timeout": integer(0), "workers": workers})
	}
	create = object([]string{"name", "type", "scaling"}, fields(gpu("pools")))
	create.Also = imageUnlessTemplate
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
