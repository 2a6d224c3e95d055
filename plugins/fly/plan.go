package fly

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// plan is a spawn that has been checked: what is to be done, in Fly's words.
type plan struct {
	request  *spec.SpawnRequest
	machine  string // name of the machine
	app      string // "" until it is known
	made     bool   // the app was made by this spawn, for this machine alone
	found    bool   // it was made so by an earlier try of this spawn
	fresh    bool   // the app, whoever it is for, is so new that it may not show everywhere
	unsure   bool   // a create was sent, and there may be a machine of it
	org      string
	size     size // zero where provider_opts say it
	services []service
	ips      []string
	regions  []string // in order; empty: Fly's choice
	volumeGB int
	volumeID string
	mounted  volume // of volumeID, once it is looked up
	options  string // provider_opts without Atlas's own members and without config
	config   string // config of provider_opts
}

// newPlan checks a request. It finds what Fly would refuse, or would quietly not
// do, before anything is sent.
func newPlan(env sdk.Env, s *spec.SpawnRequest) (*plan, *spec.Error) {
	if err := check(s); err != nil {
		return nil, err
	}
	options := string(s.Options)
	p := &plan{request: s, machine: ownApp(s.RequestID), volumeGB: s.VolumeGB, volumeID: s.NetworkVolumeID, regions: s.RegionHints,
		app: setting(env, options, settingApp), org: setting(env, options, settingOrg), config: jsonx.Field(options, "config")}
	if p.app != "" && !plain(p.app) {
		return nil, invalid("the app's name is not 1 to 63 of a-z, 0-9 and dash", "choose another name in provider_opts.app or providers.fly.config")
	}
	if err := p.place(options); err != nil {
		return nil, err
	}
	if err := p.shape(); err != nil {
		return nil, err
	}
	p.options = string(jsonx.Merge(nil, options, `{"`+settingApp+`":null,"`+settingOrg+`":null,"`+settingIPs+`":null,"config":null}`))
	return p, nil
}

// check finds what Fly has not.
func check(s *spec.SpawnRequest) *spec.Error {
	options := string(s.Options)
	config := jsonx.Field(options, "config")
	switch {
	case s.GPU != "" || s.GPUCount > 0 || gpuInConfig(config):
		return noGPU()
	case s.Spot || s.BidPerHour > 0:
		return lacks("Fly has no spot machines", "leave spot out, or choose another provider for it")
	case s.OfferID != "":
		return lacks("Fly has no offers to take", "ask for cpu instead")
	case s.CloudType == spec.CloudSecure || s.CloudType == spec.CloudCommunity:
		return lacks("Fly has no tiers", "leave cloud_type out")
	case s.MaxPricePerHour > 0:
		return lacks("Fly states no prices, so max_price_per_hour cannot be kept", "leave it out")
	case s.TemplateID != "":
		return lacks("Fly has no templates", "give image")
	case s.SSHKey != "":
		return lacks("Fly puts no SSH key into a machine", "hand it to the image in env, or use fly ssh")
	case options != "" && !jsonx.IsObject(options):
		return invalid("provider_opts is no object", "")
	case config != "" && !jsonx.IsObject(config):
		return invalid("provider_opts.config is no object", "")
	case ownApp(s.RequestID) == "":
		return invalid("request_id is not 1 to 55 of a-z, 0-9 and dash", "")
	case s.Name == "":
		return invalid("name is empty", "")
	case s.Image == "" && !jsonx.Has(config, "image"):
		return invalid("image is not given", "Fly needs one")
	case s.CPU == nil && !jsonx.Has(config, "guest") && !jsonx.Has(config, "size"):
		return invalid("cpu is not asked for", "give cpu, such as {\"vcpu_count\":1,\"memory_gb\":1}")
	case s.VolumeGB > 0 && s.NetworkVolumeID != "":
		return invalid("volume_gb and network_volume_id exclude each other on Fly, where a machine mounts one volume", "choose one")
	}
	return nil
}

// gpuInConfig reports whether a native config asks for a GPU.
func gpuInConfig(config string) bool {
	guest := jsonx.Field(config, "guest")
	gpus := jsonx.New(jsonx.Field(guest, "gpus"))
	size := jsonx.New(jsonx.Field(config, "size"))
	return jsonx.Field(guest, "gpu_kind") != "" || gpus.Kind() == jsonx.Number && gpus.Int() > 0 || size.Kind() == jsonx.String && formerGPU(size.Text())
}

// setting is a member of provider_opts, or the operator's setting of that name.
func setting(env sdk.Env, options, named string) string {
	if text := jsonx.Field(options, named); text != "" {
		r := jsonx.New(text)
		return r.Text()
	}
	return env.Config[named]
}

// place checks where the machine goes.
func (p *plan) place(options string) *spec.Error {
	if region := jsonx.Field(options, "region"); region != "" {
		r := jsonx.New(region)
		p.regions = []string{r.Text()}
	}
	if p.app != "" && p.volumeGB > 0 {
		return volumeNeedsApp()
	}
	if p.app == "" && p.volumeID != "" {
		return invalid("network_volume_id is given without the app it belongs to", "name the app in provider_opts.app or providers.fly.config")
	}
	return nil
}

// shape works out what the machine is made of and what leads to it.
func (p *plan) shape() *spec.Error {
	var err *spec.Error
	if cpu := p.request.CPU; cpu != nil {
		if p.size, err = sizeOf(cpu); err != nil {
			return err
		}
	}
	if p.services, err = servicesOf(p.request.Ports); err != nil {
		return err
	}
	p.ips = addressTypes(p.services)
	text := jsonx.Field(string(p.request.Options), settingIPs)
	if text == "" {
		return nil
	}
	r := jsonx.New(text)
	if r.Kind() != jsonx.Array {
		return invalid("provider_opts.ips is no list", "give a list of shared_v4, v4, v6 and private_v6; an empty one for none")
	}
	p.ips = r.Texts()
	for _, kind := range p.ips {
		switch kind {
		case "shared_v4", "v4", "v6", "private_v6":
		default:
			return invalid("provider_opts.ips holds an unknown type", "the types are shared_v4, v4, v6 and private_v6")
		}
	}
	return nil
}
