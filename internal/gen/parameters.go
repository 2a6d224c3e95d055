package main

import (
	"bytes"
	"strings"
)

// refused begins what a cloud does with a parameter that it has nothing for.
const refused = "refused"

// parameter is what becomes of a parameter of compute.spawn at each cloud.
type parameter struct{ name, runpod, lambda, vast, fly string }

func (p *parameter) cells() []string { return []string{p.runpod, p.lambda, p.vast, p.fly} }

// parameters are all of compute.spawn that mean something to a cloud. None is
// passed over: TestParameters_AreRefusedAsThePageSays holds the clouds to it.
func parameters() []parameter {
	return []parameter{
		{"gpu", "one pod type", "the instance type that has it and `gpu_count`", "the offers that are searched", refused},
		{"gpu_count", "GPUs of the pod", "GPUs of the instance type, exactly", "GPUs of the offer, exactly", refused},
		{"cpu", "a flavour of 2, 4 or 8 GB for each virtual CPU; their number is a power of two", "the cheapest instance type without GPUs that has as much", refused, "the smallest guest that has as much"},
		{"offer_id", refused, refused + ": its offers have no identifiers", "this offer and none other", refused},
		{"spot", refused, refused, "a bid", refused},
		{"bid_per_hour", refused, refused, "USD for the whole machine, without its disk; default: the least that gets it", refused},
		{"cloud_type", "the tier; `any`: secure, then community", refused, "`secure`: hosts in data centres, `community`: the others", refused},
		{"max_price_per_hour", "the catalogue's price, then the pod's own; not with `cpu`", "the type's price; not with `cpu`", "the offer's price with its disk", refused},
		{"region_hints", "data centres, such as `US-KS-2`; RunPod chooses among them", "regions, in this order", "countries by ISO code, in this order", "regions, in this order"},
		{"image", "the container", "a container that cloud-init runs with docker; without one the machine is a plain one", "the container", "the container"},
		{"entrypoint", "the container's", "the container's; not without `image`", refused, "the container's"},
		{"command", "the container's", "the container's; not without `image`", "the arguments of the image's own entry point; with `ssh_key` a script beside Vast's", "the container's"},
		{"env", "the container's", "the container's; not without `image`", "the container's; 256 characters a name and a value, 32768 together", "the container's"},
		{"auth", "in `env`", "in `env`", "in `env`", "in `env`"},
		{"ports: http", "RunPod's proxy, with TLS", "the machine's own address and the same number, without TLS", "the host's address and another number, without TLS", "the first at 443 and 80 of the app's name, others at their number, with TLS"},
		{"ports: tcp", "a public address and another number", "the machine's own address and the same number; 22 is the machine's SSH server", "the host's address and another number", "the app's own IPv4 address, which Fly bills, and the same number"},
		{"ports: symmetric", "RunPod chooses the number", "the number in `internal`", "Vast chooses the number", "the number in `internal`"},
		{"volume_gb", "a disk of at least 10 GB that ends with the pod; not with `cpu`", "a folder of the machine's own disk; not without `image`", "added to the machine's one disk", "a volume that ends with the machine; not in an app that is named"},
		{"network_volume_id", "a network volume; it decides the data centre", "a filesystem by identifier or name; it decides the region", refused, "a volume of the app that `provider_opts.app` names; it decides the region"},
		{"volume_mount_path", "default `/workspace`", "default `/workspace`; without `image` below `/home`, `/lambda/nfs` or `/data`", refused, "default `/workspace`"},
		{"container_disk_gb", "default 20, or the template's", "the least that the machine's disk must have", "the machine's one disk; default 20, least 8", "the root file system; default: Fly's"},
		{"template_id", "a pod template", refused, "a template's hash", refused},
		{"ssh_key", "the text of a key; `22/tcp` is opened for it, unless a template brings the ports", "the text of a key, or the name of a registered one; default: the account's first", "the text of a key; Vast's SSH server runs in place of the image's entry point", refused},
		{"name", "the pod's", "the machine's, at most 64 characters", "in the label", "in the metadata"},
		{"provider_opts", "members of the body; `env`, `gpu` and `cpu` are joined", "members of the body; `tags` are joined, `user_data` runs first", "members of the body but `price`, `disk`, `label` and `template_hash_id`; `env` is joined", "`app`, `org`, `ips`, and members of the body and of its `config`; `env` and `metadata` are joined"},
	}
}

// parameterTable lists what becomes of the parameters of compute.spawn.
func parameterTable(out *bytes.Buffer) {
	out.WriteString("\n## Parameters of compute.spawn\n\nNone is passed over: what a cloud has nothing for is refused, by kind `unsupported`, before anything is sent. What `offer_id` decides is refused beside it," +
		" and so is a mount path without a volume, by kind `validation`.\n\n| parameter | `runpod` | `lambda_labs` | `vast` | `fly` |\n|---|---|---|---|---|\n")
	for _, p := range parameters() {
		name, rest, _ := strings.Cut(p.name, ":")
		out.WriteString("| `" + name + "`" + rest + " | " + strings.Join(p.cells(), " | ") + " |\n")
	}
}
