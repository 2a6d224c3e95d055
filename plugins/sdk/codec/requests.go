package codec

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// begin returns a strict reader of a request.
func begin(text string) jsonx.Reader {
	r := jsonx.New(text)
	r.Strict = true
	return r
}

// finish tells whether the request was read well.
func finish(r *jsonx.Reader) *spec.Error {
	if r.Done() {
		return nil
	}
	if field := r.Wrong(); field != "" {
		return spec.NewError(spec.KindValidation, "field \""+field+"\" of the request has a wrong type")
	}
	return spec.NewError(spec.KindValidation, "the request is no JSON object")
}

// raw keeps an encoded value; null is the empty one.
func raw(r *jsonx.Reader) spec.Raw {
	if text := r.Raw(); text != "" {
		return spec.Raw(text)
	}
	return nil
}

// DecodeSpawn reads the request of spawn_compute.
func DecodeSpawn(text string, into *spec.SpawnRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "request_id":
			into.RequestID = r.Text()
		case "name":
			into.Name = r.Text()
		case "gpu":
			into.GPU = r.Text()
		case "gpu_count":
			into.GPUCount = int(r.Int())
		case "cpu":
			into.CPU = decodeCPU(&r)
		case "offer_id":
			into.OfferID = r.Text()
		case "cloud_type":
			into.CloudType = spec.CloudType(r.Text())
		case "spot":
			into.Spot = r.Bool()
		case "max_price_per_hour":
			into.MaxPricePerHour, _ = r.Float()
		case "bid_per_hour":
			into.BidPerHour, _ = r.Float()
		case "region_hints":
			into.RegionHints = r.Texts()
		case "image":
			into.Image = r.Text()
		case "entrypoint":
			into.Entrypoint = r.Texts()
		case "command":
			into.Command = r.Texts()
		case "ports":
			into.Ports = decodePorts(&r)
		case "env":
			into.Env = r.Strings()
		case "volume_gb":
			into.VolumeGB = int(r.Int())
		case "volume_mount_path":
			into.VolumeMountPath = r.Text()
		case "container_disk_gb":
			into.ContainerDiskGB = int(r.Int())
		case "network_volume_id":
			into.NetworkVolumeID = r.Text()
		case "template_id":
			into.TemplateID = r.Text()
		case "ssh_key":
			into.SSHKey = r.Text()
		case "options":
			into.Options = raw(&r)
		default:
			r.Skip()
		}
	}
	return finish(&r)
}

func decodeCPU(r *jsonx.Reader) *spec.CPU {
	if r.Kind() == jsonx.Null {
		r.Skip()
		return nil
	}
	cpu := &spec.CPU{}
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "flavor":
			cpu.Flavor = r.Text()
		case "vcpu_count":
			cpu.VCPUCount = int(r.Int())
		case "memory_gb":
			cpu.MemoryGB, _ = r.Float()
		default:
			r.Skip()
		}
	}
	return cpu
}

func decodePorts(r *jsonx.Reader) []spec.PortRequest {
	if r.Kind() == jsonx.Null {
		r.Skip()
		return nil
	}
	ports := []spec.PortRequest{}
	for more := r.Array(); more; more = r.NextElement() {
		port := spec.PortRequest{}
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "internal":
				port.Internal = int(r.Int())
			case "protocol":
				port.Protocol = spec.Protocol(r.Text())
			case "symmetric":
				port.Symmetric = r.Bool()
			default:
				r.Skip()
			}
		}
		ports = append(ports, port)
	}
	return ports
}

// DecodeID reads the request of get_compute, stop, start and terminate.
func DecodeID(text string, into *spec.IDRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			into.ID = r.Text()
		default:
			r.Skip()
		}
	}
	return finish(&r)
}

// DecodeList reads the request of list_compute.
func DecodeList(text string, into *spec.ListRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "status":
			into.Status = spec.Status(r.Text())
		case "name":
			into.Name = r.Text()
		case "region":
			into.Region = r.Text()
		case "gpu":
			into.GPU = r.Text()
		case "cursor":
			into.Cursor = r.Text()
		default:
			r.Skip()
		}
	}
	return finish(&r)
}

// DecodeFind reads the request of find_compute.
func DecodeFind(text string, into *spec.FindRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "request_ids":
			into.RequestIDs = r.Texts()
		case "names":
			into.Names = r.Texts()
		case "cursor":
			into.Cursor = r.Text()
		default:
			r.Skip()
		}
	}
	return finish(&r)
}

// DecodeCleanUp reads the request of clean_up.
func DecodeCleanUp(text string, into *spec.CleanUpRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() == "request_id" {
			into.RequestID = r.Text()
		} else {
			r.Skip()
		}
	}
	return finish(&r)
}

// DecodeBill reads the request of get_bill.
func DecodeBill(text string, into *spec.BillRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			into.ID = r.Text()
		case "from":
			into.From = r.Text()
		case "to":
			into.To = r.Text()
		default:
			r.Skip()
		}
	}
	return finish(&r)
}

// DecodeLogs reads the request of get_logs.
func DecodeLogs(text string, into *spec.LogsRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			into.ID = r.Text()
		case "cursor":
			into.Cursor = r.Text()
		case "tail":
			into.Tail = int(r.Int())
		case "source":
			into.Source = r.Text()
		case "since":
			into.Since = r.Text()
		case "wait_ms":
			into.WaitMS = r.Int()
		default:
			r.Skip()
		}
	}
	return finish(&r)
}

// DecodeRunJob reads the request of run_job.
func DecodeRunJob(text string, into *spec.RunJobRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "endpoint":
			into.Endpoint = r.Text()
		case "input":
			into.Input = raw(&r)
		case "wait_ms":
			into.WaitMS = r.Int()
		case "webhook":
			into.Webhook = r.Text()
		case "policy":
			into.Policy = raw(&r)
		case "options":
			into.Options = raw(&r)
		default:
			r.Skip()
		}
	}
	return finish(&r)
}

// DecodeJob reads the request of get_job, cancel_job and stream_job.
func DecodeJob(text string, into *spec.JobRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "endpoint":
			into.Endpoint = r.Text()
		case "id":
			into.ID = r.Text()
		default:
			r.Skip()
		}
	}
	return finish(&r)
}

// DecodeGPUTypes reads the request of list_gpu_types.
func DecodeGPUTypes(text string, into *spec.GPUTypesRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "gpu_count":
			into.GPUCount = int(r.Int())
		case "cloud_type":
			into.CloudType = spec.CloudType(r.Text())
		default:
			r.Skip()
		}
	}
	return finish(&r)
}
