package lambdalabs

import (
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

const (
	maxName     = 64
	maxUserData = 1 << 20
	maxLaunches = 5 // of one spawn; each takes 12 s of the account's time
)

// spawn rents one machine: it looks at what is listed now, and launches in one
// region after another until one has room.
func spawn(env sdk.Env, request *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
	if err := check(request); err != nil {
		return nil, err
	}
	l := &launch{env: env, request: request, options: string(request.Options)}
	l.secrets = secretsOf(l)
	if err := l.mount(); err != nil {
		return nil, err
	}
	places, err := l.places()
	if err != nil {
		return nil, err
	}
	if err := l.key(); err != nil {
		return nil, err
	}
	var last *spec.Error
	for i, p := range places {
		if i == maxLaunches {
			break
		}
		compute, err := l.at(p)
		if err == nil {
			return compute, nil
		}
		if err.Kind != spec.KindCapacity {
			return nil, err
		}
		last = err
	}
	return nil, last
}

// check finds what Lambda would refuse, or has not.
func check(s *spec.SpawnRequest) *spec.Error {
	options := string(s.Options)
	switch {
	case s.Spot || s.BidPerHour > 0:
		return lacks("Lambda sells no interruptible machines", "leave spot out, or choose another provider for it")
	case s.CloudType == spec.CloudCommunity:
		return lacks("Lambda has no community machines", "leave cloud_type out")
	case s.OfferID != "":
		return lacks("Lambda's offers have no identifiers", "name gpu, gpu_count and region_hints instead")
	case s.TemplateID != "":
		return lacks("Lambda has no templates", "name an image; the machine's own goes into provider_opts.image")
	case options != "" && !jsonx.IsObject(options):
		return invalid("provider_opts is no object", "")
	case s.GPU != "" && s.CPU != nil:
		return invalid("both gpu and cpu are asked for", "give one of them")
	case s.GPU == "" && s.CPU == nil && !jsonx.Has(options, "instance_type_name"):
		return invalid("neither gpu nor cpu is asked for", "")
	case s.Name == "" || len([]rune(s.Name)) > maxName && !ownName(s):
		return invalid("name has "+decimal(len([]rune(s.Name)))+" characters, Lambda takes 1 to "+decimal(maxName), "")
	case s.Image == "" && (len(s.Env) > 0 || len(s.Entrypoint) > 0 || len(s.Command) > 0):
		return invalid("env, command, entrypoint and auth are a container's, and image is missing",
			"name an image, or set the machine up with provider_opts.user_data")
	case jsonx.Has(options, "quantity"):
		return invalid("provider_opts.quantity: one spawn rents one machine", "leave it out")
	case s.NetworkVolumeID != "" && s.Image == "" && s.VolumeMountPath != "" && !mountable(s.VolumeMountPath):
		return invalid("volume_mount_path: Lambda mounts below /home, /lambda/nfs and /data, with letters, digits and dashes", "")
	case s.Image == "" && s.VolumeGB > 0:
		return invalid("volume_gb is a folder of the machine's own disk that the container sees, and image is missing",
			"name an image, or leave volume_gb out: a machine without a container has its whole disk")
	case s.VolumeGB > 0 && s.NetworkVolumeID != "":
		return invalid("volume_gb and network_volume_id exclude each other", "a network volume outlives the machine, its own disk does not; choose one")
	}
	if s.GPU != "" {
		return checkCount(s.GPU, max(s.GPUCount, 1))
	}
	return nil
}

// ownName reports whether Atlas has made the name, of the operator's prefix, the owner
// and the request id.
func ownName(s *spec.SpawnRequest) bool {
	return s.RequestID != "" && strings.HasSuffix(s.Name, s.RequestID)
}

// shortened is the name as Lambda takes it. One that Atlas has made may be longer; what
// is cut off is the end of the request id, which the tag holds, by which the machine is
// found, and never the beginning, by which people and the reaper know whose it is.
func shortened(name string) string {
	if letters := []rune(name); len(letters) > maxName {
		return string(letters[:maxName])
	}
	return name
}

// launch is one spawn on its way.
type launch struct {
	env     sdk.Env
	request *spec.SpawnRequest
	options string   // provider_opts
	secrets []string // that no error may repeat
	now     string   // Lambda's time, RFC 3339
	sshKey  string   // name of the key that goes in
	volume  filesystem
}

// option reads a text of provider_opts.
func (l *launch) option(named string) string {
	r := jsonx.New(jsonx.Field(l.options, named))
	return r.Text()
}

// at launches at one place.
func (l *launch) at(p place) (*spec.Compute, *spec.Error) {
	image, err := l.image(p)
	if err != nil {
		return nil, err
	}
	rules, err := l.ruleset(p.region)
	if err != nil {
		return nil, err
	}
	body, err := l.body(p, image, rules)
	if err != nil {
		return nil, err
	}
	got, err := ask(l.env, call{method: "POST", path: launchPath, body: body, secrets: l.secrets})
	if err != nil {
		return nil, err
	}
	r := jsonx.New(jsonx.Field(got.data, "instance_ids"))
	ids := r.Texts()
	if len(ids) != 1 || ids[0] == "" {
		return nil, rest.Unreadable(&got.Response, "launch of one instance")
	}
	return l.compute(ids[0], p, &got, body), nil
}

// compute puts together what a launch does not tell. A further request could
// fail, and then nobody would know of the machine.
func (l *launch) compute(id string, p place, got *answer, body []byte) *spec.Compute {
	named := jsonx.New(jsonx.Field(string(body), "name"))
	c := &spec.Compute{ID: id, Provider: name, Status: spec.StatusProvisioning, Name: named.Text(), RequestID: l.request.RequestID,
		Region: p.region, Image: l.request.Image, CreatedAt: l.now, Actions: []string{spec.ActionTerminate}}
	c.Metadata = with(c.Metadata, "ssh_key", l.sshKey)
	if firewallFree(p.region) && len(l.request.Ports) > 0 {
		c.Metadata = with(c.Metadata, "firewall", "none: Lambda has no firewall rules in "+p.region)
	}
	describe(c, &p.machine)
	setPorts(l.env, c, l.request.Ports)
	if l.env.IncludeRaw {
		c.Raw = rest.Redact(got.Body, secretMembers[:], nil)
	}
	return c
}

// body writes a launch. provider_opts go in last and win, member by member; only
// the tags are joined, since the machine is found by them, and the script comes
// after the caller's own.
func (l *launch) body(p place, image, rules string) ([]byte, *spec.Error) {
	w := jsonx.Writer{Buf: make([]byte, 0, 1024)}
	w.Open('{')
	w.Key("region_name")
	w.Text(p.region)
	w.Key("instance_type_name")
	w.Text(p.machine.name)
	w.Key("ssh_key_names")
	w.Texts([]string{l.sshKey})
	w.Key("name")
	w.Text(shortened(l.request.Name))
	w.RawField("image", []byte(image))
	l.volume.write(&w)
	if rules != "" {
		w.Key("firewall_rulesets")
		w.Open('[')
		w.Open('{')
		w.Key("id")
		w.Text(rules)
		w.Close('}')
		w.Close(']')
	}
	w.Close('}')
	data := userData(l, p.machine.gpus > 0)
	if len(data) > maxUserData {
		return nil, invalid("env, command and provider_opts.user_data come to "+strconv.Itoa(len(data))+" bytes, Lambda takes "+strconv.Itoa(maxUserData), "")
	}
	fixed := jsonx.Writer{}
	fixed.Open('{')
	fixed.TextField("user_data", data)
	l.writeTags(&fixed)
	fixed.Close('}')
	body := w.Buf
	if l.options != "" {
		body = jsonx.Merge(make([]byte, 0, len(body)+len(l.options)), string(body), l.options)
	}
	return jsonx.Merge(make([]byte, 0, len(body)+len(fixed.Buf)), string(body), string(fixed.Buf)), nil
}

// writeTags writes Atlas's tags and those of provider_opts.
func (l *launch) writeTags(w *jsonx.Writer) {
	tag := func(key, value string) {
		if value == "" {
			return
		}
		w.Open('{')
		w.Key("key")
		w.Text(key)
		w.Key("value")
		w.Text(value)
		w.Close('}')
	}
	w.Key("tags")
	w.Open('[')
	tag(tagRequestID, l.request.RequestID)
	tag(tagCreatedAt, l.now)
	if len(l.request.Image) <= maxTag {
		tag(tagImage, l.request.Image)
	}
	for n, value := range portTags(l.request.Ports) {
		tag(portsTag(n), value)
	}
	elements(jsonx.Field(l.options, "tags"), func(one string) bool {
		w.Raw([]byte(one))
		return true
	})
	w.Close(']')
}
