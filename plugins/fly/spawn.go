package fly

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// spawn rents a machine: an app where there is none, its addresses, its volume,
// and then the machine, so that a machine that exists is whole. What it made
// before a refusal it takes away again.
func spawn(env sdk.Env, request *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
	p, err := newPlan(env, request)
	if err != nil {
		return nil, err
	}
	if p.volumeID != "" { // first of all, since it may turn out not to be there
		if p.mounted, err = lookUpVolume(env, p); err != nil {
			return nil, err
		}
	}
	if err = openApp(env, p); err != nil {
		return nil, err
	}
	public, err := assignIPs(env, p)
	if err == nil {
		var compute *spec.Compute
		if compute, err = inRegions(env, p, public); err == nil {
			return compute, nil
		}
	}
	if p.fresh && !p.unsure && err.Kind == spec.KindNotFound {
		return nil, early(err) // the app stays for the next try of this spawn, or clean_up
	}
	// An app in which a machine may have come into being after all must stay, or
	// the machine that is about to be found would go with it. Any other goes,
	// whatever the error is: its addresses and volumes cost, and nobody would look
	// for an app without a machine.
	if p.made && !p.unsure {
		if left := closeApp(env, p.app, ""); left != nil {
			if err.Hint != "" {
				err.Hint += "; "
			}
			err.Hint += "the app " + p.app + ", which has no machine, could not be deleted: its addresses and volumes cost"
		}
	}
	return nil, err
}

// inRegions tries the regions in order, and goes on after a shortage only where
// Fly says for certain that it made nothing.
func inRegions(env sdk.Env, p *plan, public string) (*spec.Compute, *spec.Error) {
	if p.volumeID != "" {
		return create(env, p, p.mounted, public)
	}
	regions := p.regions
	if len(regions) == 0 {
		regions = []string{""}
	}
	if regions[0] == "" && p.volumeGB > 0 {
		region, err := nearest(env)
		if err != nil {
			return nil, err
		}
		regions = []string{region}
	}
	for i := 0; ; i++ {
		compute, err := inRegion(env, p, regions[i], public)
		if err == nil || err.Kind != spec.KindCapacity || !refused(err) || i == len(regions)-1 {
			return compute, err
		}
	}
}

// inRegion makes the volume, where one is wanted, and the machine.
func inRegion(env sdk.Env, p *plan, region, public string) (*spec.Compute, *spec.Error) {
	v := volume{region: region}
	if p.volumeGB > 0 {
		var err *spec.Error
		if v, err = createVolume(env, p, region); err != nil {
			return nil, err
		}
		if v.region == "" {
			v.region = region
		}
	}
	compute, err := create(env, p, v, public)
	if err != nil && p.volumeGB > 0 && !p.unsure {
		if left := deleteVolume(env, p.app, v.id); left != nil {
			return nil, left
		}
	}
	return compute, err
}

// create sends the create itself.
func create(env sdk.Env, p *plan, v volume, public string) (*spec.Compute, *spec.Error) {
	response, err := ask(env, call{method: "POST", path: appPath(p.app, "/machines"), body: createBody(p, v, public), secrets: secretsOf(p)})
	if err != nil {
		if p.replayed(err) {
			err.UnknownOutcome, err.Retryable = true, false
			err.Hint = "something between sent the create twice, and this is the answer to the second: the machine of the first is there"
		}
		p.unsure = err.UnknownOutcome || !refused(err)
		return nil, err
	}
	compute, ok := toCompute(env, p.app, response.Body)
	if !ok {
		p.unsure = true
		return nil, rest.Unreadable(&response, "machine")
	}
	if compute.RequestID == "" {
		compute.RequestID = p.request.RequestID
	}
	return &compute, nil
}

// replayed reports whether a create was refused because there is a machine of its name.
// The name is this create's alone, unless the caller brings another: so that machine is
// the one that was asked for, and what it uses must stay.
func (p *plan) replayed(err *spec.Error) bool {
	return err.Status == 409 && err.Kind == spec.KindConflict && strings.Contains(strings.ToLower(err.Message), "already") && !jsonx.Has(p.options, "name")
}

// createBody writes the body of a create. provider_opts go in last and win,
// member by member; so do the members of their config. The environment and the
// metadata are merged by name, since the metadata carries what the machine is
// found by, and nothing overrides that.
func createBody(p *plan, v volume, public string) []byte {
	s := p.request
	w := jsonx.Writer{Buf: make([]byte, 0, 512)}
	w.Open('{')
	w.TextField("image", s.Image)
	if p.size.cpus > 0 {
		w.Key("guest")
		writeGuest(&w, p.size)
	}
	if len(s.Entrypoint)+len(s.Command) > 0 {
		w.Key("init")
		w.Open('{')
		w.TextsField("entrypoint", s.Entrypoint)
		w.TextsField("cmd", s.Command)
		w.Close('}')
	}
	writeServices(&w, p.services)
	if v.id != "" {
		path := s.VolumeMountPath
		if path == "" {
			path = defaultMountPath
		}
		w.Key("mounts")
		w.Open('[')
		w.Open('{')
		w.TextField("volume", v.id)
		w.TextField("path", path)
		w.Close('}')
		w.Close(']')
	}
	if s.ContainerDiskGB > 0 {
		w.Key("rootfs")
		w.Open('{')
		w.IntField("size_gb", int64(s.ContainerDiskGB))
		w.Close('}')
	}
	w.Close('}')
	config := jsonx.Merge(nil, string(w.Buf), p.config)
	config = jsonx.Merge(nil, string(config), string(labels(p, public)))

	top := jsonx.Writer{}
	top.Open('{')
	top.TextField("name", p.machine)
	top.TextField("region", v.region)
	top.Close('}')
	body := jsonx.Merge(nil, string(top.Buf), p.options)
	if v.id != "" { // a volume decides the region
		body = jsonx.Merge(nil, string(body), `{"region":`+string(jsonx.AppendString(nil, v.region))+`}`)
	}
	return jsonx.Merge(make([]byte, 0, len(body)+len(config)+16), string(body), `{"config":`+string(config)+`}`)
}

// labels are the environment and the metadata of a config.
func labels(p *plan, public string) []byte {
	env := jsonx.Merge(nil, string(jsonx.AppendMap(nil, p.request.Env)), jsonx.Field(p.config, "env"))
	w := jsonx.Writer{}
	w.Open('{')
	w.Key(metaRequestID)
	w.Text(p.request.RequestID)
	w.Key(metaName)
	w.Text(p.request.Name)
	w.TextField(metaPorts, portsText(p.services))
	w.TextField(metaAddress, public)
	w.Close('}')
	metadata := jsonx.Merge(nil, jsonx.Field(p.config, "metadata"), string(w.Buf))
	both := jsonx.Writer{}
	both.Open('{')
	if len(env) > 2 {
		both.Key("env")
		both.Raw(env)
	}
	both.Key("metadata")
	both.Raw(metadata)
	both.Close('}')
	return both.Buf
}

func writeGuest(w *jsonx.Writer, s size) {
	w.Open('{')
	w.TextField("cpu_kind", s.kind)
	w.IntField("cpus", int64(s.cpus))
	w.IntField("memory_mb", int64(s.memoryMB))
	w.Close('}')
}

// secretsOf lists the values of a create that no error may repeat: those of the
// environment, wherever it was given, and the contents of files.
func secretsOf(p *plan) []string {
	values := make([]string, 0, len(p.request.Env))
	for _, value := range p.request.Env {
		values = append(values, value)
	}
	r := jsonx.New(jsonx.Field(p.config, "env"))
	for more := r.Object(); more; more = r.NextMember() {
		values = append(values, r.Text())
	}
	r = jsonx.New(jsonx.Field(p.config, "files"))
	for more := r.Array(); more; more = r.NextElement() {
		for more := r.Object(); more; more = r.NextMember() {
			if r.Key() == "raw_value" {
				values = append(values, r.Text())
			} else {
				r.Skip()
			}
		}
	}
	return values
}
