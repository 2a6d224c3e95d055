package lambdalabs

import (
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// machineType is one instance type.
type machineType struct {
	name, description string
	gpu               string  // what the GPU is called, such as "H100 (80 GB SXM5)"
	price             float64 // USD per hour of the whole machine; 0: not told
	gpus              int
	vcpus             int
	memory, storage   int    // GiB
	arch              string // x86_64 or arm64; told since 1.10
	regions           []string
	text              string
}

// machineTypes reads what there is, with prices and the regions that have
// capacity. The types are keyed by name, in no order that means anything.
func machineTypes(env sdk.Env) ([]machineType, answer, *spec.Error) {
	got, err := ask(env, call{method: "GET", path: "/api/v1/instance-types"})
	if err != nil {
		return nil, got, err
	}
	var all []machineType
	r := jsonx.New(got.data)
	listed := r.Kind() == jsonx.Object
	for more := r.Object(); more; more = r.NextMember() {
		key := r.Key()
		text := r.Raw()
		if t := toType(key, text); t.name != "" {
			all = append(all, t)
		}
	}
	if !listed || !r.Done() {
		return nil, got, rest.Unreadable(&got.Response, "list of instance types")
	}
	return all, got, nil
}

func toType(key, text string) machineType {
	t := machineType{name: key}
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "instance_type":
			t.read(&r)
		case "regions_with_capacity_available":
			for more := r.Array(); more; more = r.NextElement() {
				if region := regionName(&r); region != "" {
					t.regions = append(t.regions, region)
				}
			}
		default:
			r.Skip()
		}
	}
	t.text = text
	return t
}

// read takes over an instance type, as catalogue and instances show it.
func (t *machineType) read(r *jsonx.Reader) {
	counted := false
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "name":
			if named := r.Text(); named != "" {
				t.name = named
			}
		case "description":
			t.description = r.Text()
		case "gpu_description":
			t.gpu = r.Text()
		case "price_cents_per_hour":
			if cents, known := r.Float(); known && cents > 0 {
				t.price = cents / 100
			}
		case "architecture":
			t.arch = r.Text()
		case "specs":
			for more := r.Object(); more; more = r.NextMember() {
				switch r.Key() {
				case "gpus":
					counted = r.Kind() == jsonx.Number
					t.gpus = int(r.Int())
				case "vcpus":
					t.vcpus = int(r.Int())
				case "memory_gib":
					t.memory = int(r.Int())
				case "storage_gib":
					t.storage = int(r.Int())
				default:
					r.Skip()
				}
			}
		default:
			r.Skip()
		}
	}
	if !counted {
		t.gpus, _ = parseType(t.name)
	}
}

// regionName reads a region, which is an object, or its name.
func regionName(r *jsonx.Reader) string {
	if r.Kind() != jsonx.Object {
		return r.Text()
	}
	found := ""
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() == "name" {
			found = r.Text()
		} else {
			r.Skip()
		}
	}
	return found
}

// parseType cuts "gpu_8x_h100_sxm5" into 8 and "h100_sxm5". What is no name of a
// GPU type has no card.
func parseType(named string) (gpus int, card string) {
	rest, ok := strings.CutPrefix(named, "gpu_")
	digits, card, found := strings.Cut(rest, "x_")
	gpus, err := strconv.Atoi(digits)
	if !ok || !found || err != nil || gpus < 1 || card == "" {
		return 0, ""
	}
	return gpus, plainCard(card)
}

// plainCard is one spelling of a card that Lambda's type names spell in several
// ways: with the interconnect of the machine, the way it is wired, in another
// order.
func plainCard(card string) string {
	switch card {
	case "a100":
		return "a100_sxm4"
	case "a100_sxm4_80gb":
		return "a100_80gb_sxm4"
	case "h100_sxm5gdr":
		return "h100_sxm5"
	case "v100_n":
		return "v100"
	}
	return card
}

// gpuID is the identifier of the type's GPU: the name of the type with one of
// it. It is "" on machines without GPUs.
func (t *machineType) gpuID() string {
	if t.gpus == 0 {
		return ""
	}
	if _, card := parseType(t.name); card != "" {
		return "gpu_1x_" + card
	}
	return t.name
}

// has reports whether the type has the GPU of an identifier.
func (t *machineType) has(id string) bool {
	_, card := parseType(id)
	return t.gpus > 0 && (t.name == id || card != "" && t.gpuID() == "gpu_1x_"+card)
}

// memoryGB is the memory of one GPU, which Lambda writes in the descriptions
// alone: "8x H100 (80 GB SXM5)".
func (t *machineType) memoryGB() float64 {
	if t.gpus == 0 {
		return 0
	}
	for _, text := range []string{t.gpu, t.description} {
		_, inside, _ := strings.Cut(text, "(")
		number, _, found := strings.Cut(inside, " GB")
		if gb, err := strconv.ParseFloat(number, 64); found && err == nil && gb > 0 {
			return gb
		}
	}
	return 0
}

// architecture is what images must be made for. Before 1.10 only the name tells.
func (t *machineType) architecture() string {
	switch {
	case t.arch != "":
		return t.arch
	case strings.Contains(t.name, "gh200"):
		return "arm64"
	}
	return "x86_64"
}
