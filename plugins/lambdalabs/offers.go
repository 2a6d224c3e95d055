package lambdalabs

import (
	"cmp"
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// searchOffers lists the types that have capacity, one offer for each region.
// They carry no identifier: naming GPU, count and region takes one.
func searchOffers(env sdk.Env, request *spec.OffersRequest) (*spec.OfferList, *spec.Error) {
	count := max(request.GPUCount, 1)
	switch {
	case request.Spot:
		return nil, lacks("Lambda sells no interruptible machines", "leave spot out")
	case request.CloudType == spec.CloudCommunity:
		return &spec.OfferList{Items: []spec.Offer{}}, nil
	}
	for _, id := range request.GPUs {
		if err := checkCount(id, count); err != nil {
			return nil, err
		}
	}
	types, _, err := machineTypes(env)
	if err != nil {
		return nil, err
	}
	list := &spec.OfferList{Items: []spec.Offer{}}
	for i := range types {
		t := &types[i]
		native := asked(t, request.GPUs)
		if native == "" || t.gpus != count || t.price == 0 || request.MaxPricePerHour > 0 && t.price > request.MaxPricePerHour ||
			t.memoryGB() < request.MinGPUMemoryGB || t.storage < request.DiskGB {
			continue
		}
		for _, region := range t.regions {
			if len(request.RegionHints) > 0 && !slices.ContainsFunc(request.RegionHints, func(hint string) bool { return strings.EqualFold(hint, region) }) {
				continue
			}
			o := spec.Offer{Provider: name, GPUNative: native, GPUCount: t.gpus, GPUMemoryGB: t.memoryGB(), PricePerHour: t.price, Region: region,
				Stock: spec.StockUnknown, VCPUCount: float64(t.vcpus), MemoryGB: float64(t.memory), DiskGB: float64(t.storage)}
			if env.IncludeRaw {
				o.Raw = spec.Raw(t.text)
			}
			list.Items = append(list.Items, o)
		}
	}
	slices.SortFunc(list.Items, func(a, b spec.Offer) int {
		return cmp.Or(cmp.Compare(a.PricePerHour, b.PricePerHour), cmp.Compare(a.GPUNative, b.GPUNative), cmp.Compare(a.Region, b.Region))
	})
	if request.Limit > 0 && len(list.Items) > request.Limit {
		list.Items = list.Items[:request.Limit]
	}
	return list, nil
}

// asked is the spelling in which a type's GPU was asked for, its identifier where
// none was, and "" where others were.
func asked(t *machineType, ids []string) string {
	if len(ids) == 0 {
		return t.gpuID()
	}
	for _, id := range ids {
		if t.has(id) {
			return id
		}
	}
	return ""
}

// checkCount refuses a type whose name says another number of GPUs than is asked
// for: nobody is to rent eight who meant one.
func checkCount(id string, count int) *spec.Error {
	if gpus, _ := parseType(id); gpus > 1 && gpus != count {
		n := decimal(gpus)
		return invalid("gpu "+id+" has "+n+" GPUs, asked for are "+decimal(count), "set gpu_count to "+n)
	}
	return nil
}

// listGPUTypes lists the GPUs, one row each over all types that have them, or
// over those with the number of them that is asked for.
func listGPUTypes(env sdk.Env, request *spec.GPUTypesRequest) (*spec.GPUTypeList, *spec.Error) {
	list := &spec.GPUTypeList{Items: []spec.GPUType{}}
	if request.CloudType == spec.CloudCommunity {
		return list, nil
	}
	types, _, err := machineTypes(env)
	if err != nil {
		return nil, err
	}
	rows := map[string]*spec.GPUType{}
	var ids []string
	for i := range types {
		t := &types[i]
		id := t.gpuID()
		if id == "" {
			continue
		}
		row := rows[id]
		if row == nil {
			row = &spec.GPUType{ID: id, Provider: name, DisplayName: t.gpu, MemoryGB: t.memoryGB(), Stock: spec.StockUnavailable}
			rows[id] = row
			ids = append(ids, id)
		}
		row.MaxCount = max(row.MaxCount, t.gpus)
		if request.GPUCount > 0 && t.gpus != request.GPUCount {
			continue
		}
		addType(row, t)
		if env.IncludeRaw && row.Raw == nil {
			row.Raw = spec.Raw(t.text)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		if row := rows[id]; row.PricePerHour != nil {
			slices.Sort(row.Regions)
			list.Items = append(list.Items, *row)
		}
	}
	return list, nil
}

// addType adds to a row what one type of it costs and where it is to be had. That
// is all Lambda tells of stock, so what is to be had is of unknown stock.
func addType(row *spec.GPUType, t *machineType) {
	if each := t.price / float64(t.gpus); t.price > 0 && (row.PricePerHour == nil || each < *row.PricePerHour) {
		row.PricePerHour = &each
	}
	for _, region := range t.regions {
		row.Stock = spec.StockUnknown
		if !slices.Contains(row.Regions, region) {
			row.Regions = append(row.Regions, region)
		}
	}
}
