package vast

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// Machines of a type that are to be had, from where the stock counts as more
// than low, and as high.
const (
	someMachines = 10
	manyMachines = 50
)

// quote is what the market says of a GPU name.
type quote struct {
	name      string
	price     float64
	available int64
	text      string
}

// listGPUTypes joins the market's summary, which has prices by name, with the
// list of sizes, so that a name with several sizes has a row for each. Its price
// is that of a tenth of the machines, the lowest that Vast tells; a name with
// several sizes has one price for all of them, which is none of theirs, and so
// shows none.
func listGPUTypes(env sdk.Env, request *spec.GPUTypesRequest) (*spec.GPUTypeList, *spec.Error) {
	var query rest.Query
	query.Add("verified", "yes")
	switch request.CloudType {
	case spec.CloudSecure:
		query.Add("hosting_type", "secure_cloud")
	case spec.CloudCommunity:
		query.Add("hosting_type", "community")
	default:
		query.Add("hosting_type", "all")
	}
	query.Add("num_gpus", "all")
	response, err := ask(env, sdk.Request{Method: "GET", URL: api(env, "/api/v0/metrics/gpu/current/") + query.String()})
	if err != nil {
		return nil, err
	}
	quotes, ok := readQuotes(response.Body)
	if !ok {
		return nil, rest.Unreadable(&response, "summary of the market")
	}
	sizes, err := readSizes(env)
	if err != nil {
		return nil, err
	}
	all := &spec.GPUTypeList{Items: []spec.GPUType{}}
	for i := range quotes {
		q := &quotes[i]
		found := sizes[q.name]
		if len(found) == 0 {
			found = []float64{0}
		}
		for _, memoryMB := range found {
			row := spec.GPUType{ID: nativeOf(q.name, memoryMB), Provider: name, DisplayName: q.name, Stock: stock(q.available)}
			if memoryMB > 0 {
				row.MemoryGB = memoryGB(memoryMB)
			}
			if request.CloudType != spec.CloudAny {
				row.CloudType = request.CloudType
			}
			if len(found) == 1 && q.price > 0 {
				price := q.price
				row.PricePerHour = &price
			} else if q.available > 0 && len(found) > 1 {
				row.Stock = spec.StockUnknown // of some size
			}
			if q.available > 0 && request.GPUCount > 1 {
				row.Stock = spec.StockUnknown // of machines with any number of GPUs
			}
			if env.IncludeRaw {
				row.Raw = spec.Raw(q.text)
			}
			all.Items = append(all.Items, row)
		}
	}
	return all, nil
}

func stock(available int64) spec.Stock {
	switch {
	case available <= 0:
		return spec.StockUnavailable
	case available < someMachines:
		return spec.StockLow
	case available < manyMachines:
		return spec.StockMedium
	}
	return spec.StockHigh
}

func readQuotes(text string) (all []quote, ok bool) {
	listed := false
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() != "gpus" {
			r.Skip()
			continue
		}
		listed = r.Kind() == jsonx.Array
		for more := r.Array(); more; more = r.NextElement() {
			q := quote{text: r.Raw()}
			one := jsonx.New(q.text)
			for more := one.Object(); more; more = one.NextMember() {
				switch one.Key() {
				case "gpu_name":
					q.name = strings.TrimSpace(one.Text())
				case "price_p10":
					q.price, _ = one.Float()
				case "available":
					q.available = one.Int()
				default:
					one.Skip()
				}
			}
			if q.name != "" {
				all = append(all, q)
			}
		}
	}
	return all, r.Done() && listed
}

// readSizes reads which sizes a name stands for, in MB. Sizes that round to the
// same one are listed once. The list is in no contract of the vendor's, so where
// it is gone or has another shape the sizes are not known.
func readSizes(env sdk.Env) (map[string][]float64, *spec.Error) {
	response, err := exchange(env, sdk.Request{Method: "GET", URL: api(env, "/api/v0/gpu_types/")})
	if err != nil {
		return nil, err
	}
	all := map[string][]float64{}
	if !success(&response) {
		if e := failure(&response, nil); e.Kind == spec.KindRateLimited || e.Kind == spec.KindUnauthorized || e.Status >= 500 {
			return nil, e
		}
		return all, nil
	}
	r := jsonx.New(jsonx.Field(response.Body, "gpu_types"))
	for more := r.Array(); more; more = r.NextElement() {
		named, memoryMB := "", 0.0
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "canonical_name":
				named = strings.TrimSpace(r.Text())
			case "gpu_ram_mb":
				memoryMB, _ = r.Float()
			default:
				r.Skip()
			}
		}
		again := named == "" || memoryMB <= 0
		for _, known := range all[named] {
			again = again || memoryGB(known) == memoryGB(memoryMB)
		}
		if !again {
			all[named] = append(all[named], memoryMB)
		}
	}
	return all, nil
}
