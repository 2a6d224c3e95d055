package runpod

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// tier is one of RunPod's clouds, in its three spellings.
type tier struct {
	query string // of the parameter cloud
	field string // of the members secure, price.secure, maxCount.secure
	cloud spec.CloudType
}

// listGPUTypes reads the catalogue: a row for each GPU and tier, from one request
// for each tier, because stock is told for one tier at a time.
func listGPUTypes(env sdk.Env, request *spec.GPUTypesRequest) (*spec.GPUTypeList, *spec.Error) {
	tiers := []tier{{"SECURE", "secure", spec.CloudSecure}, {"COMMUNITY", "community", spec.CloudCommunity}}
	all := &spec.GPUTypeList{Items: []spec.GPUType{}}
	for _, t := range tiers {
		if request.CloudType != "" && request.CloudType != spec.CloudAny && request.CloudType != t.cloud {
			continue
		}
		var query rest.Query
		query.Add("include", "AVAILABILITY")
		query.Add("product", "POD")
		query.Add("cloud", t.query)
		query.AddInt("count", int64(max(request.GPUCount, 1)))
		response, err := ask(env, "GET", address(env, "api", defaultAPI)+"/v2/catalog/gpus"+query.String(), nil)
		if err != nil {
			return nil, err
		}
		if !readCatalog(env, response.Body, t, all) {
			return nil, rest.Unreadable(&response, "list of GPUs")
		}
	}
	return all, nil
}

func readCatalog(env sdk.Env, text string, t tier, all *spec.GPUTypeList) bool {
	listed := false
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() != "gpus" {
			r.Skip()
			continue
		}
		listed = r.Kind() == jsonx.Array
		for more := r.Array(); more; more = r.NextElement() {
			if row, sold := toGPUType(env, r.Raw(), t); sold {
				all.Items = append(all.Items, row)
			}
		}
	}
	return r.Done() && listed
}

// toGPUType converts one row of the catalogue. It is not sold where the tier
// lacks it, and "unknown" is a leftover of RunPod's that nobody can rent.
func toGPUType(env sdk.Env, text string, t tier) (row spec.GPUType, sold bool) {
	row = spec.GPUType{Provider: name, Stock: spec.StockUnknown, CloudType: t.cloud}
	sold = true
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			row.ID = r.Text()
		case "name":
			row.DisplayName = r.Text()
		case "memory":
			row.MemoryGB, _ = r.Float()
		case "price":
			if price, known := member(&r, t.field); known && price > 0 {
				row.PricePerHour = &price
			}
		case "maxCount":
			most, _ := member(&r, t.field)
			row.MaxCount = int(most)
		case "availability":
			row.Stock = stock(r.Text())
		case "dataCenters":
			row.Regions = regions(&r)
		case t.field:
			sold = r.Raw() != "false"
		default:
			r.Skip()
		}
	}
	if env.IncludeRaw {
		row.Raw = spec.Raw(text)
	}
	return row, sold && row.ID != "" && row.ID != "unknown"
}

// member reads the number of that name in an object.
func member(r *jsonx.Reader, named string) (value float64, known bool) {
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() == named {
			value, known = r.Float()
		} else {
			r.Skip()
		}
	}
	return value, known
}

// regions reads the data centres that have any.
func regions(r *jsonx.Reader) []string {
	var list []string
	for more := r.Array(); more; more = r.NextElement() {
		id, level := "", spec.StockUnknown
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "id":
				id = r.Text()
			case "availability":
				level = stock(r.Text())
			default:
				r.Skip()
			}
		}
		if id != "" && level != spec.StockUnavailable {
			list = append(list, id)
		}
	}
	return list
}

func stock(native string) spec.Stock {
	switch native {
	case "HIGH":
		return spec.StockHigh
	case "MEDIUM":
		return spec.StockMedium
	case "LOW":
		return spec.StockLow
	case "NONE":
		return spec.StockUnavailable
	}
	return spec.StockUnknown
}
