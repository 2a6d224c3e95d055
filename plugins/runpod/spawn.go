package runpod

import (
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

const (
	defaultMountPath = "/workspace" // RunPod's own default for persistent volumes; network volumes have none
	defaultDiskGB    = 20           // container disk; RunPod wants a size unless a template gives one
	minVolumeGB      = 10           // smallest persistent volume
	maxBody          = 102400       // bytes RunPod accepts in a create
	sshPort          = 22
)

// spawn rents a pod: one create, for one GPU type or CPU flavour on one tier.
func spawn(env sdk.Env, request *spec.SpawnRequest) (*spec.Compute, *spec.Error) {
	if err := check(request); err != nil {
		return nil, err
	}
	body := createBody(request)
	if len(body) > maxBody {
		return nil, invalid("the request is " + strconv.Itoa(len(body)) + " bytes long, RunPod takes " + strconv.Itoa(maxBody))
	}
	response, err := ask(env, "POST", address(env, "api", defaultAPI)+"/v2/pods", body, secretsOf(request)...)
	if err != nil {
		switch {
		case err.Kind == spec.KindNotFound: // what is named, and not a machine
			err.Kind = spec.KindValidation
			err.Hint = "the account has no template_id or network_volume_id of that name"
		case err.Kind == spec.KindValidation && err.Status == 400:
			// RunPod's document has it: 400 means a rule that is broken, or no room for
			// this GPU there, and the next candidate is to be tried.
			err.Retryable = true
			err.Hint = "RunPod answers 400 both to a wrong request and to a shortage it has no word for; where every candidate gets it, look at the request"
		}
		return nil, err
	}
	compute, err := onePod(env, &response)
	if err != nil {
		return nil, err
	}
	if compute.RequestID == "" {
		compute.RequestID = request.RequestID
	}
	return compute, nil
}

// check finds what RunPod would refuse, or would quietly not do.
func check(s *spec.SpawnRequest) *spec.Error {
	options := string(s.Options)
	given := func(names ...string) bool {
		for _, one := range names {
			if jsonx.Has(options, one) {
				return true
			}
		}
		return false
	}
	switch {
	case s.Spot:
		return &spec.Error{Kind: spec.KindUnsupported, Message: "RunPod's REST v2 sells no spot machines",
			Hint: "leave spot out, or choose another provider for it"}
	case s.OfferID != "":
		return &spec.Error{Kind: spec.KindUnsupported, Message: "RunPod has no offers to take", Hint: "name a GPU instead"}
	case options != "" && !jsonx.IsObject(options):
		return invalid("provider_opts is no object")
	case s.Name == "":
		return invalid("name is empty")
	case s.GPU != "" && s.CPU != nil:
		return invalid("both gpu and cpu are asked for")
	case s.GPU == "" && s.CPU == nil && !given("gpu", "cpu"):
		return invalid("neither gpu nor cpu is asked for")
	case s.Image == "" && s.TemplateID == "" && !given("image", "templateId"):
		return invalid("neither image nor template_id is given")
	case s.VolumeGB > 0 && s.NetworkVolumeID != "":
		return &spec.Error{Kind: spec.KindValidation, Message: "volume_gb and network_volume_id exclude each other on RunPod",
			Hint: "a network volume outlives the pod, a persistent one does not; choose one"}
	case s.VolumeGB > 0 && s.CPU != nil:
		return &spec.Error{Kind: spec.KindValidation, Message: "RunPod's CPU pods have no persistent volume", Hint: "use network_volume_id"}
	case s.VolumeGB > 0 && s.VolumeGB < minVolumeGB:
		return invalid("volume_gb is " + strconv.Itoa(s.VolumeGB) + ", RunPod's smallest is " + strconv.Itoa(minVolumeGB))
	case s.CPU != nil && s.CPU.Flavor == "" && flavor(s.CPU) == "":
		return &spec.Error{Kind: spec.KindValidation, Message: "RunPod has at most 8 GB of memory for each virtual CPU", Hint: "ask for a larger cpu.vcpu_count"}
	case s.CPU != nil && s.CPU.Flavor != "" && s.CPU.MemoryGB > memoryEach(s.CPU.Flavor)*float64(vcpus(s.CPU)):
		return &spec.Error{Kind: spec.KindValidation, Message: "the flavour " + s.CPU.Flavor + " is not known to have so much memory with " + strconv.Itoa(vcpus(s.CPU)) + " virtual CPUs",
			Hint: "RunPod derives the memory from flavour and virtual CPUs: ask for more of them, or leave cpu.flavor or cpu.memory_gb out"}
	case s.SSHKey != "" && !strings.Contains(s.SSHKey, " "):
		return &spec.Error{Kind: spec.KindValidation, Message: "ssh_key is no public key", Hint: "give the text of the key, such as ssh-ed25519 AAAA…; keys at RunPod have no names"}
	}
	return nil
}

// createBody writes the body of a create. What is not asked for is left out, so
// that a template's values stay. provider_opts go in last and win, member by
// member. Merged by name are the environment, since it carries the request id that
// the pod is found by, and gpu and cpu, so that a CUDA version can be asked for
// beside the GPU and its count.
func createBody(s *spec.SpawnRequest) []byte {
	w := jsonx.Writer{Buf: make([]byte, 0, 512)}
	w.Open('{')
	w.Key("name")
	w.Text(s.Name)
	w.TextField("image", s.Image)
	w.TextField("templateId", s.TemplateID)
	writeMachine(&w, s)
	if s.CloudType == spec.CloudSecure {
		w.TextField("cloud", "SECURE")
	} else if s.CloudType == spec.CloudCommunity {
		w.TextField("cloud", "COMMUNITY")
	}
	w.TextsField("dataCenterIds", dataCenters(s.RegionHints))
	disk := s.ContainerDiskGB
	if disk == 0 && s.TemplateID == "" {
		disk = defaultDiskGB
	}
	w.IntField("disk", int64(disk))
	writeMounts(&w, s)
	w.TextsField("ports", portTexts(withLogin(s)))
	w.TextField("args", containerArgs(s))
	w.BoolField("startSsh", s.SSHKey != "")
	w.Close('}')
	body := w.Buf
	if len(s.Options) > 0 {
		asked := string(body)
		body = jsonx.Merge(make([]byte, 0, len(body)+len(s.Options)), asked, string(s.Options))
		for _, named := range [...]string{"gpu", "cpu"} {
			mine, over := jsonx.Field(asked, named), jsonx.Field(string(s.Options), named)
			if mine != "" && jsonx.IsObject(over) {
				body = jsonx.Merge(nil, string(body), `{"`+named+`":`+string(jsonx.Merge(nil, mine, over))+`}`)
			}
		}
	}
	return jsonx.Merge(make([]byte, 0, len(body)+256), string(body), `{"env":`+environment(s)+`}`)
}

// writeMachine asks for the GPU or the CPU.
func writeMachine(w *jsonx.Writer, s *spec.SpawnRequest) {
	if s.GPU != "" {
		w.Key("gpu")
		w.Open('{')
		w.Key("id")
		w.Text(s.GPU)
		w.Key("count")
		w.Int(int64(max(s.GPUCount, 1)))
		w.Close('}')
	}
	if s.CPU != nil {
		w.Key("cpu")
		w.Open('{')
		w.Key("id")
		w.Text(flavor(s.CPU))
		w.Key("vcpuCount")
		w.Int(int64(vcpus(s.CPU)))
		w.Close('}')
	}
}

// dataCenters are the hints as RunPod spells its data centres: in capitals. It
// takes others for places that never have any room.
func dataCenters(hints []string) []string {
	list := make([]string, len(hints))
	for i, hint := range hints {
		list[i] = strings.ToUpper(hint)
	}
	return list
}

// withLogin are the ports of a create. A key that is given alone opens nothing:
// RunPod's proxy knows the account's keys only, so the way to log in with another
// one is the SSH port. The ports of a template stay as they are, since a list
// would take their place.
func withLogin(s *spec.SpawnRequest) []spec.PortRequest {
	if s.SSHKey == "" || s.TemplateID != "" && len(s.Ports) == 0 {
		return s.Ports
	}
	for _, p := range s.Ports {
		if p.Internal == sshPort && p.Protocol == spec.ProtocolTCP && !p.Symmetric {
			return s.Ports
		}
	}
	return append(s.Ports[:len(s.Ports):len(s.Ports)], spec.PortRequest{Internal: sshPort, Protocol: spec.ProtocolTCP})
}

// memoryEach is the memory in GB that a flavour has for each virtual CPU: its last
// letter tells. Of others it is not known, and 0.
func memoryEach(flavor string) float64 {
	switch flavor {
	case "cpu3c", "cpu5c":
		return 2
	case "cpu3g", "cpu5g":
		return 4
	case "cpu3m", "cpu5m":
		return 8
	}
	return 0
}

// flavor names the CPU flavour. Where only a memory size is asked for it is the
// smallest of RunPod's third generation that has it: cpu3c, cpu3g and cpu3m have
// 2, 4 and 8 GB for each virtual CPU. "" means that none has.
func flavor(cpu *spec.CPU) string {
	each := cpu.MemoryGB / float64(vcpus(cpu))
	switch {
	case cpu.Flavor != "":
		return cpu.Flavor
	case each <= 2:
		return "cpu3c"
	case each <= 4:
		return "cpu3g"
	case each <= 8:
		return "cpu3m"
	}
	return ""
}

// vcpus is the number of virtual CPUs asked for; RunPod's smallest is 2.
func vcpus(cpu *spec.CPU) int {
	if cpu.VCPUCount == 0 {
		return 2
	}
	return cpu.VCPUCount
}

func writeMounts(w *jsonx.Writer, s *spec.SpawnRequest) {
	path := s.VolumeMountPath
	if path == "" {
		path = defaultMountPath
	}
	switch {
	case s.VolumeGB > 0:
		w.Key("mounts")
		w.Open('{')
		w.Key("persistent")
		w.Open('{')
		w.Key("size")
		w.Int(int64(s.VolumeGB))
		w.Key("path")
		w.Text(path)
		w.Close('}')
		w.Close('}')
	case s.NetworkVolumeID != "":
		w.Key("mounts")
		w.Open('{')
		w.Key("network")
		w.Open('[')
		w.Open('{')
		w.Key("volumeId")
		w.Text(s.NetworkVolumeID)
		w.Key("path")
		w.Text(path)
		w.Close('}')
		w.Close(']')
		w.Close('}')
	}
}

// containerArgs is the container's entrypoint and command as the JSON text that
// args takes. The newer fields entrypoint and cmd say the same, but a server of
// August 2026 refuses them; both generations take this.
func containerArgs(s *spec.SpawnRequest) string {
	if len(s.Entrypoint) == 0 && len(s.Command) == 0 {
		return ""
	}
	w := jsonx.Writer{}
	w.Open('{')
	w.TextsField("entrypoint", s.Entrypoint)
	w.TextsField("cmd", s.Command)
	w.Close('}')
	return string(w.Buf)
}

// environment is the pod's environment: what was asked for, the one in
// provider_opts upon it, and the request id, which nothing overrides.
func environment(s *spec.SpawnRequest) string {
	base := make(map[string]string, len(s.Env)+2)
	if s.SSHKey != "" {
		base[keysVariable] = s.SSHKey
	}
	for key, value := range s.Env {
		base[key] = value
	}
	text := jsonx.AppendMap(nil, base)
	if over := jsonx.Field(string(s.Options), "env"); over != "" {
		text = jsonx.Merge(nil, string(text), over)
	}
	if s.RequestID == "" {
		return string(text)
	}
	return string(jsonx.Merge(nil, string(text), `{"`+requestIDVariable+`":`+string(jsonx.AppendString(nil, s.RequestID))+`}`))
}

// secretsOf lists the values of a create that no error may repeat: those of the
// environment, wherever it was given.
func secretsOf(s *spec.SpawnRequest) []string {
	values := make([]string, 0, len(s.Env))
	for key, value := range s.Env {
		if key != requestIDVariable {
			values = append(values, value)
		}
	}
	if over := jsonx.Field(string(s.Options), "env"); over != "" {
		r := jsonx.New(over)
		for more := r.Object(); more; more = r.NextMember() {
			values = append(values, r.Text())
		}
	}
	return values
}
