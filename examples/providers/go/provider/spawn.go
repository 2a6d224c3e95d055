package provider

import (
	"strconv"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// spawn rents a machine with one request. It never asks twice: what happens when
// the answer is lost is Atlas's work, by way of find.
func spawn(env sdk.Env, request *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
	options := string(request.Options)
	switch {
	case request.CPU != nil:
		return nil, lacking("Acme sells no machines without GPUs")
	case request.Spot:
		return nil, lacking("Acme sells no interruptible machines")
	case request.OfferID != "":
		return nil, lacking("Acme has no offers to take")
	case request.NetworkVolumeID != "" || request.VolumeGB > 0:
		return nil, lacking("Acme has no volumes: a machine keeps its disk while it is stopped")
	case request.TemplateID != "":
		return nil, lacking("Acme has no templates")
	case request.Name == "" || request.GPU == "":
		return nil, invalid("name or gpu is empty")
	case options != "" && !jsonx.IsObject(options):
		return nil, invalid("provider_opts is no object")
	case jsonx.Has(options, "labels"):
		return nil, invalid("provider_opts.labels would take the place of the label by which Atlas finds the machine")
	}
	body := createBody(request)
	if options != "" {
		body = jsonx.Merge(nil, string(body), options)
	}
	response, err := ask(env, "POST", "/v1/machines", body, secrets(request)...)
	if err != nil {
		return nil, err
	}
	return machine(&response)
}

// secrets are the values of the machine's environment, which no error may show.
func secrets(s *spec.SpawnRequest) []string {
	list := make([]string, 0, len(s.Env))
	for _, value := range s.Env {
		list = append(list, value)
	}
	variables := jsonx.New(jsonx.Field(string(s.Options), "variables"))
	for more := variables.Object(); more; more = variables.NextMember() {
		list = append(list, variables.Text())
	}
	return list
}

func createBody(s *spec.SpawnRequest) []byte {
	w := jsonx.Writer{Buf: make([]byte, 0, 512)}
	w.Open('{')
	w.TextField("name", s.Name)
	w.TextField("size", s.GPU+"-"+strconv.Itoa(max(s.GPUCount, 1)))
	w.TextsField("zones", s.RegionHints)
	w.FloatField("max_hourly_usd", s.MaxPricePerHour)
	w.TextField("image", s.Image)
	w.TextsField("entrypoint", s.Entrypoint)
	w.TextsField("command", s.Command)
	if len(s.Ports) > 0 {
		w.Key("ports")
		w.Open('[')
		for i := range s.Ports {
			kind := s.Ports[i].Protocol
			if kind == "" {
				kind = spec.ProtocolHTTP
			}
			w.Open('{')
			w.IntField("port", int64(s.Ports[i].Internal))
			w.TextField("kind", string(kind))
			w.Close('}')
		}
		w.Close(']')
	}
	w.MapField("variables", s.Env)
	if s.RequestID != "" {
		w.MapField("labels", map[string]string{requestLabel: s.RequestID})
	}
	w.IntField("disk_gb", int64(s.ContainerDiskGB))
	w.TextField("ssh_key", s.SSHKey)
	w.Close('}')
	return w.Buf
}
