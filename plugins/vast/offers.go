package vast

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// searchOffers answers what can be rented now. All filters are Vast's own.
func searchOffers(env sdk.Env, request *spec.OffersRequest) (*spec.OfferList, *spec.Error) {
	w := &want{count: request.GPUCount, memoryGB: request.MinGPUMemoryGB, tier: request.CloudType, spot: request.Spot, ceiling: request.MaxPricePerHour,
		reliability: request.MinReliability, diskGB: diskOf(request.DiskGB), limit: request.Limit}
	for _, native := range request.GPUs {
		w.cards = append(w.cards, parseCard(native))
	}
	var err *spec.Error
	if w.countries, err = countries(request.RegionHints); err != nil {
		return nil, err
	}
	rows, err := market(env, w)
	if err != nil {
		return nil, err
	}
	all := &spec.OfferList{Items: make([]spec.Offer, 0, len(rows))}
	for i := range rows {
		if !env.IncludeRaw {
			rows[i].Raw = nil
		}
		all.Items = append(all.Items, rows[i].Offer)
	}
	return all, nil
}

// diskOf is the disk of a machine that asks for so much.
func diskOf(gb int) int {
	if gb == 0 {
		return defaultDiskGB
	}
	return max(gb, minDiskGB)
}

// toRow converts one row of the market, read leniently. It is not ok where the
// text is no offer with a price.
func toRow(text string, w *want) (o row, ok bool) {
	o.Provider, o.Stock, o.Spot, o.CloudType = name, spec.StockLow, w.spot, spec.CloudCommunity
	o.Raw = spec.Raw(text)
	var f figures
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			o.ID = r.Text()
		case "gpu_name":
			o.name = strings.TrimSpace(r.Text())
		case "num_gpus":
			o.GPUCount = max(int(r.Int()), 0)
		case "gpu_ram":
			o.memoryMB, _ = r.Float()
		case "dph_base":
			f.base, _ = r.Float()
		case "dph_total":
			f.total, _ = r.Float()
		case "min_bid":
			f.minBid, _ = r.Float()
		case "storage_cost":
			f.storage, _ = r.Float()
		case "cpu_cores":
			f.cores, _ = r.Float()
		case "cpu_cores_effective":
			f.effective, _ = r.Float()
		case "cpu_ram":
			f.memoryMB, _ = r.Float()
		case "disk_space":
			o.DiskGB, _ = r.Float()
		case "reliability", "reliability2":
			if share, known := r.Float(); known && share >= 0 && share <= 1 {
				o.Reliability = &share
			}
		case "verification":
			o.Verified = r.Text() == "verified"
		case "hosting_type":
			if r.Int() == 1 {
				o.CloudType = spec.CloudSecure
			}
		case "direct_port_count":
			o.DirectPorts = int(max(r.Int(), 0))
		case "geolocation":
			o.Country = country(r.Text())
			o.Region = o.Country
		default:
			r.Skip()
		}
	}
	if !r.Done() || checkID("id", o.ID) != nil {
		return row{}, false
	}
	o.fill(w, &f)
	return o, true
}

// figures are the numbers of a row that are put together before they are told.
type figures struct {
	base, total, minBid, storage float64 // USD: an hour; storage for a GB and month
	cores, effective, memoryMB   float64 // the host's, what of them comes with the offer, the host's
}

// fill puts together what needs more than one member.
func (o *row) fill(w *want, f *figures) {
	o.diskRate = float64(w.diskGB) * f.storage / monthHours
	o.PricePerHour = f.total
	if f.total <= 0 && f.base > 0 {
		o.PricePerHour = f.base + o.diskRate
	}
	o.PricePerHour = rounded(o.PricePerHour)
	if w.spot {
		o.PricePerHour = f.minBid // as it is: a bid that is rounded down is too low
	}
	o.VCPUCount = f.effective
	if f.memoryMB > 0 {
		o.MemoryGB = f.memoryMB / 1024
		if f.cores > 0 && f.effective > 0 && f.effective < f.cores { // cpu_ram is the whole host's
			o.MemoryGB *= f.effective / f.cores
		}
		o.MemoryGB = float64(int(o.MemoryGB*10+0.5)) / 10
	}
	o.GPUMemoryGB = memoryGB(o.memoryMB)
	o.GPUNative = nativeOf(o.name, o.memoryMB)
	for _, c := range w.cards {
		if c.gb == 0 && c.name == o.name {
			o.GPUNative = c.name // under the name it was asked for, which means any size
		}
	}
	o.GPUType = o.GPUNative
}

// country is the ISO code that ends a place such as "California, US"; "" where
// the place ends in something else.
func country(place string) string {
	code := strings.TrimSpace(place[strings.LastIndexByte(place, ',')+1:])
	if isCountry(code) {
		return code
	}
	return ""
}
