package mock

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// defaultMountPath is where a volume goes that names no path.
const defaultMountPath = "/workspace"

// spawn rents a machine.
func spawn(env sdk.Env, request *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
	options := string(request.Options)
	switch {
	case options != "" && !jsonx.IsObject(options):
		return nil, invalid("provider_opts is no object")
	case request.Name == "":
		return nil, invalid("name is empty")
	case request.GPU != "" && request.CPU != nil:
		return nil, invalid("both gpu and cpu are asked for")
	case request.OfferID != "":
		return nil, spec.NewError(spec.KindUnsupported, "the mock cloud has no offers to take")
	}
	body := createBody(request)
	if options != "" {
		body = jsonx.Merge(nil, string(body), options)
	}
	secrets := make([]string, 0, len(request.Env))
	for _, value := range request.Env {
		secrets = append(secrets, value)
	}
	if over := jsonx.Field(options, "env"); over != "" {
		r := jsonx.New(over)
		for more := r.Object(); more; more = r.NextMember() {
			secrets = append(secrets, r.Text())
		}
	}
	response, err := ask(env, "POST", "/v1/machines", body, secrets...)
	if err != nil {
		return nil, err
	}
	return machine(env, &response)
}

func createBody(s *spec.SpawnRequest) []byte {
	w := jsonx.Writer{Buf: make([]byte, 0, 512)}
	w.Open('{')
	w.TextField("name", s.Name)
	w.TextField("request_id", s.RequestID)
	if s.GPU != "" {
		w.Key("gpu")
		w.Open('{')
		w.TextField("id", s.GPU)
		w.IntField("count", int64(max(s.GPUCount, 1)))
		w.Close('}')
	}
	if s.CPU != nil {
		w.Key("cpu")
		w.Open('{')
		w.TextField("flavor", s.CPU.Flavor)
		w.IntField("vcpu", int64(s.CPU.VCPUCount))
		w.FloatField("memory_gb", s.CPU.MemoryGB)
		w.Close('}')
	}
	if s.CloudType == spec.CloudSecure || s.CloudType == spec.CloudCommunity {
		w.TextField("tier", string(s.CloudType))
	}
	w.BoolField("spot", s.Spot)
	w.FloatField("bid", s.BidPerHour)
	w.TextsField("regions", s.RegionHints)
	w.TextField("image", s.Image)
	w.TextsField("entrypoint", s.Entrypoint)
	w.TextsField("command", s.Command)
	if len(s.Ports) > 0 {
		w.Key("ports")
		w.Open('[')
		for i := range s.Ports {
			protocol := s.Ports[i].Protocol
			if protocol == "" {
				protocol = spec.ProtocolHTTP
			}
			w.Open('{')
			w.IntField("port", int64(s.Ports[i].Internal))
			w.TextField("protocol", string(protocol))
			w.Close('}')
		}
		w.Close(']')
	}
	w.MapField("env", s.Env)
	w.IntField("disk_gb", int64(s.ContainerDiskGB))
	path := s.VolumeMountPath
	if path == "" {
		path = defaultMountPath
	}
	if s.VolumeGB > 0 {
		w.Key("volume")
		w.Open('{')
		w.IntField("size_gb", int64(s.VolumeGB))
		w.TextField("path", path)
		w.Close('}')
	}
	if s.NetworkVolumeID != "" {
		w.Key("network_volume")
		w.Open('{')
		w.TextField("id", s.NetworkVolumeID)
		w.TextField("path", path)
		w.Close('}')
	}
	w.TextField("template", s.TemplateID)
	w.TextField("ssh_key", s.SSHKey)
	w.Close('}')
	return w.Buf
}
