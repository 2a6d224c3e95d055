package mock

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// listGPUTypes reads the catalogue.
func listGPUTypes(env sdk.Env, request *spec.GPUTypesRequest) (*spec.GPUTypeList, *spec.Error) {
	var query rest.Query
	query.AddInt("count", int64(max(request.GPUCount, 1)))
	if request.CloudType != spec.CloudAny {
		query.Add("tier", string(request.CloudType))
	}
	response, err := ask(env, "GET", "/v1/gpus"+query.String(), nil)
	if err != nil {
		return nil, err
	}
	all := &spec.GPUTypeList{Items: []spec.GPUType{}}
	listed := false
	r := jsonx.New(response.Body)
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() != "gpus" {
			r.Skip()
			continue
		}
		listed = r.Kind() == jsonx.Array
		for more := r.Array(); more; more = r.NextElement() {
			all.Items = append(all.Items, toGPUType(env, r.Raw()))
		}
	}
	if !r.Done() || !listed {
		return nil, rest.Unreadable(&response, "list of GPUs")
	}
	return all, nil
}

func toGPUType(env sdk.Env, text string) spec.GPUType {
	row := spec.GPUType{Provider: name, Stock: spec.StockUnknown}
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			row.ID = r.Text()
		case "name":
			row.DisplayName = r.Text()
		case "canonical":
			row.Canonical = r.Text()
		case "memory_gb":
			row.MemoryGB, _ = r.Float()
		case "price":
			if price, known := r.Float(); known {
				row.PricePerHour = &price
			}
		case "spot_price":
			if price, known := r.Float(); known {
				row.SpotPricePerHour = &price
			}
		case "stock":
			row.Stock = stock(r.Text())
		case "tier":
			row.CloudType = spec.CloudType(r.Text())
		case "max_count":
			row.MaxCount = int(r.Int())
		case "regions":
			row.Regions = r.Texts()
		default:
			r.Skip()
		}
	}
	if env.IncludeRaw {
		row.Raw = spec.Raw(text)
	}
	return row
}

func stock(native string) spec.Stock {
	switch native {
	case "high", "medium", "low":
		return spec.Stock(native)
	case "none":
		return spec.StockUnavailable
	}
	return spec.StockUnknown
}
