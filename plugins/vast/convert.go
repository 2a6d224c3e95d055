package vast

import (
	"strings"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// secretMembers are the members whose values are hidden in raw answers and
// errors. The environment comes back from Vast in clear.
var secretMembers = [...]string{"env", "extra_env", "image_login", "instance_api_key", "jupyter_token", "onstart", "image_args", "args", "args_str",
	"ssh_key", "api_key"}

// instance is what is read of one machine before it is put together.
type instance struct {
	states
	name              string // of the GPU
	memoryMB          float64
	total, storage    float64 // USD per hour
	totalKnown        bool
	storageKnown      bool
	base, minBid      float64
	address           string
	sshHost           string
	sshPort           int
	runtype, template string
	env               []pair
	mapped            []mapping
	started           float64
}

// pair is one entry of a machine's environment.
type pair struct{ key, value string }

// toCompute converts one instance, read leniently: every member but the
// identifier may be missing, null or of another type. It is not ok where the
// text is no instance.
func toCompute(env sdk.Env, text string) (c spec.Compute, ok bool) {
	c = spec.Compute{Provider: name, Ports: []spec.Port{}}
	var in instance
	place := ""
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			c.ID = r.Text()
		case "label":
			c.Name = r.Text()
		case "actual_status":
			in.actual = r.Text()
		case "intended_status":
			in.intended = r.Text()
		case "cur_state":
			in.current = r.Text()
		case "next_state":
			in.next = r.Text()
		case "status_msg":
			in.message = r.Text()
		case "is_bid":
			in.bid = r.Bool()
			c.Spot = in.bid
		case "image_uuid":
			c.Image = strings.TrimSpace(r.Text())
		case "image_runtype":
			in.runtype = r.Text()
		case "template_hash_id":
			in.template = r.Text()
		case "extra_env":
			in.env = environmentOf(&r)
		case "ports":
			in.mapped = mappings(&r)
		case "gpu_name":
			in.name = strings.TrimSpace(r.Text())
		case "num_gpus":
			c.GPUCount = max(int(r.Int()), 0)
		case "gpu_ram":
			in.memoryMB, _ = r.Float()
		case "dph_total":
			in.total, in.totalKnown = r.Float()
		case "dph_base":
			in.base, _ = r.Float()
		case "min_bid":
			in.minBid, _ = r.Float()
		case "storage_total_cost":
			in.storage, in.storageKnown = r.Float()
		case "public_ipaddr":
			in.address = strings.TrimSpace(r.Text())
		case "ssh_host":
			in.sshHost = strings.TrimSpace(r.Text())
		case "ssh_port":
			in.sshPort = int(r.Int())
		case "hosting_type":
			c.CloudType = spec.CloudCommunity
			if r.Int() == 1 {
				c.CloudType = spec.CloudSecure
			}
		case "geolocation":
			place = strings.TrimSpace(r.Text())
		case "start_date":
			in.started, _ = r.Float()
		default:
			r.Skip()
		}
	}
	if !r.Done() || checkID("id", c.ID) != nil {
		return spec.Compute{}, false
	}
	in.fill(env, &c, place)
	if env.IncludeRaw {
		c.Raw = rest.Redact(text, secretMembers[:], nil)
	}
	return c, true
}

// fill puts together what needs more than one member.
func (in *instance) fill(env sdk.Env, c *spec.Compute, place string) {
	interrupted := false
	in.outbid = in.minBid > in.base && in.base > 0
	c.Status, interrupted = in.status()
	c.NativeStatus = in.actual
	if c.NativeStatus == "" {
		c.NativeStatus = in.current
	}
	c.Actions = actions(c.Status)
	c.GPUNative = nativeOf(in.name, in.memoryMB)
	c.GPUType = c.GPUNative
	if c.GPUNative != "" && c.GPUCount < 1 {
		c.GPUCount = 1
	}
	switch {
	case c.Status == spec.StatusStopped && in.actual != wordFrozen && in.storageKnown:
		c.CostPerHour = &in.storage // a frozen machine keeps its GPUs, and pays for them
	case in.totalKnown && in.total >= 0:
		c.CostPerHour = &in.total
	}
	c.Region = country(place)
	metadata := map[string]string{"geolocation": place, "template_id": in.template}
	if c.Status == spec.StatusFailed || interrupted {
		metadata["status_message"] = rest.Hide(strings.TrimSpace(in.message), in.values())
	}
	if interrupted {
		metadata["interrupted"] = "true"
	}
	for key, value := range metadata {
		if value == "" {
			delete(metadata, key)
		}
	}
	if len(metadata) > 0 {
		c.Metadata = metadata
	}
	in.identify(c)
	in.setPorts(env, c)
	if in.started > 0 && in.started < 1<<40 {
		whole := int64(in.started)
		c.CreatedAt = time.Unix(whole, 0).UTC().Format(time.RFC3339)
	}
}

// identify finds the request id: in the environment, or, where a listing leaves
// that out, in the label.
func (in *instance) identify(c *spec.Compute) {
	label := c.Name
	for _, p := range in.env {
		if p.key == requestIDVariable {
			c.RequestID = p.value
		}
	}
	if at := strings.LastIndex(label, labelMark); at >= 0 {
		c.Name = label[:at]
		if c.RequestID == "" {
			c.RequestID = label[at+len(labelMark):]
		}
	}
	if c.RequestID == "" {
		c.RequestID = generated(label)
	}
}

// generated is the request id that ends a name which Atlas made: twenty
// hexadecimal digits after a dash.
func generated(label string) string {
	const digits = 20
	at := len(label) - digits
	if at < 1 || label[at-1] != '-' {
		return ""
	}
	for i := at; i < len(label); i++ {
		if c := label[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return label[at:]
}

// values are those of the environment, which no message may repeat.
func (in *instance) values() []string {
	list := make([]string, 0, len(in.env))
	for _, p := range in.env {
		list = append(list, p.value)
	}
	return list
}

// environmentOf reads extra_env: pairs, or now and then an object.
func environmentOf(r *jsonx.Reader) []pair {
	var all []pair
	if r.Kind() == jsonx.Object {
		for more := r.Object(); more; more = r.NextMember() {
			key := r.Key()
			all = append(all, pair{key, r.Text()})
		}
		return all
	}
	for more := r.Array(); more; more = r.NextElement() {
		if both := r.Texts(); len(both) == 2 {
			all = append(all, pair{both[0], both[1]})
		}
	}
	return all
}
