package fly

import "github.com/exatlas/atlas/sim/simkit"

// shapes are the request bodies. Fly ignores members it does not know, so what is
// open in them is open here.
type shapes struct {
	createApp, assignIP, createVolume, createMachine, lease, stop *simkit.Shape
}

func newShapes() shapes {
	text := &simkit.Shape{Kind: "string", Nullable: true}
	number := &simkit.Shape{Kind: "integer", Nullable: true, Min: 0}
	flag := &simkit.Shape{Kind: "boolean", Nullable: true}
	any := &simkit.Shape{Kind: "any"}
	object := func(fields map[string]*simkit.Shape) *simkit.Shape {
		return &simkit.Shape{Kind: "object", Nullable: true, Fields: fields, Open: any}
	}
	list := func(items *simkit.Shape) *simkit.Shape {
		return &simkit.Shape{Kind: "array", Nullable: true, Items: items}
	}
	texts := &simkit.Shape{Kind: "object", Nullable: true, Open: &simkit.Shape{Kind: "string"}}
	guest := object(map[string]*simkit.Shape{"cpu_kind": text, "cpus": number, "memory_mb": number, "gpu_kind": text, "gpus": number})
	port := object(map[string]*simkit.Shape{"port": {Kind: "integer", Min: 1, Max: 65535}, "handlers": list(&simkit.Shape{Kind: "string", Enum: []string{"tls", "http", "pg_tls", "proxy_proto", "edge_http"}}), "force_https": flag})
	service := object(map[string]*simkit.Shape{"protocol": {Kind: "string", Enum: []string{"tcp", "udp"}}, "internal_port": {Kind: "integer", Min: 1, Max: 65535}, "ports": list(port),
		"autostart": flag, "autostop": {Kind: "string", Enum: []string{"off", "stop", "suspend"}}, "min_machines_running": number})
	mount := object(map[string]*simkit.Shape{"volume": text, "path": {Kind: "string", MinLen: 1}})
	mount.Required = []string{"path"}
	init := object(map[string]*simkit.Shape{"cmd": list(text), "entrypoint": list(text), "exec": list(text), "tty": flag})
	config := object(map[string]*simkit.Shape{"image": text, "guest": guest, "size": text, "env": texts, "metadata": texts, "services": list(service), "mounts": list(mount),
		"init": init, "auto_destroy": flag, "schedule": text, "rootfs": object(map[string]*simkit.Shape{"size_gb": number})})
	config.Nullable = false
	create := object(map[string]*simkit.Shape{"name": text, "region": text, "config": config, "skip_launch": flag, "lease_ttl": number})
	create.Required = []string{"config"}
	s := shapes{createMachine: create}
	s.createApp = object(map[string]*simkit.Shape{"name": text, "org_slug": text, "network": text, "enable_subdomains": flag})
	s.assignIP = object(map[string]*simkit.Shape{"type": text, "region": text, "org_slug": text, "network": text, "service_name": text})
	s.createVolume = object(map[string]*simkit.Shape{"name": text, "region": text, "size_gb": number, "compute": guest})
	s.lease = object(map[string]*simkit.Shape{"ttl": number, "description": text})
	s.stop = object(map[string]*simkit.Shape{"signal": text, "timeout": any})
	return s
}
