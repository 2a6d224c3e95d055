package provider

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// size is a kind of machine that Acme sells.
type size struct {
	gpu, name          string
	gpus, stock        int
	memoryGB, hourly   float64
	priced, stockKnown bool
	zones              []string
}

// listGPUTypes lists the GPUs that are sold in the number asked for.
func listGPUTypes(env sdk.Env, request *spec.GPUTypesRequest) (*spec.GPUTypeList, *spec.Error) {
	response, err := ask(env, "GET", "/v1/sizes", nil)
	if err != nil {
		return nil, err
	}
	sizes, ok := readSizes(response.Body)
	if !ok {
		return nil, rest.Unreadable(&response, "list of sizes")
	}
	all := &spec.GPUTypeList{Items: []spec.GPUType{}}
	most := map[string]int{}
	for i := range sizes {
		most[sizes[i].gpu] = max(most[sizes[i].gpu], sizes[i].gpus)
	}
	for i := range sizes {
		if sizes[i].gpus == max(request.GPUCount, 1) {
			all.Items = append(all.Items, toGPUType(&sizes[i], most[sizes[i].gpu]))
		}
	}
	return all, nil
}

func readSizes(text string) (sizes []size, ok bool) {
	listed := false
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() != "sizes" {
			r.Skip()
			continue
		}
		listed = r.Kind() == jsonx.Array
		for more := r.Array(); more; more = r.NextElement() {
			sizes = append(sizes, readSize(&r))
		}
	}
	return sizes, r.Done() && listed
}

func readSize(r *jsonx.Reader) (s size) {
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "gpu":
			s.gpu = r.Text()
		case "name":
			s.name = r.Text()
		case "gpus":
			s.gpus = int(r.Int())
		case "gpu_memory_gb":
			s.memoryGB, _ = r.Float()
		case "hourly_usd":
			s.hourly, s.priced = r.Float()
		case "stock":
			s.stockKnown = r.Kind() == jsonx.Number
			s.stock = int(r.Int())
		case "zones":
			s.zones = r.Texts()
		default:
			r.Skip()
		}
	}
	return s
}

func toGPUType(s *size, most int) spec.GPUType {
	row := spec.GPUType{ID: s.gpu, Provider: name, DisplayName: s.name, MemoryGB: s.memoryGB, MaxCount: most, Regions: s.zones, Stock: spec.StockUnknown}
	m := manifest()
	for _, known := range m.GPUs {
		if known.Native == s.gpu {
			row.Canonical = known.Canonical
		}
	}
	if s.priced {
		each := s.hourly / float64(s.gpus)
		row.PricePerHour = &each
	}
	switch {
	case !s.stockKnown:
	case s.stock <= 0:
		row.Stock = spec.StockUnavailable
	case s.stock < 4:
		row.Stock = spec.StockLow
	case s.stock < 16:
		row.Stock = spec.StockMedium
	default:
		row.Stock = spec.StockHigh
	}
	return row
}
