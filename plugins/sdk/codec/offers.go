package codec

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// DecodeOffers reads the request of search_offers.
func DecodeOffers(text string, into *spec.OffersRequest) *spec.Error {
	r := begin(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "gpus":
			into.GPUs = r.Texts()
		case "gpu_count":
			into.GPUCount = int(r.Int())
		case "min_gpu_memory_gb":
			into.MinGPUMemoryGB, _ = r.Float()
		case "cloud_type":
			into.CloudType = spec.CloudType(r.Text())
		case "spot":
			into.Spot = r.Bool()
		case "region_hints":
			into.RegionHints = r.Texts()
		case "max_price_per_hour":
			into.MaxPricePerHour, _ = r.Float()
		case "min_reliability":
			into.MinReliability, _ = r.Float()
		case "disk_gb":
			into.DiskGB = int(r.Int())
		case "limit":
			into.Limit = int(r.Int())
		default:
			r.Skip()
		}
	}
	return finish(&r)
}

// AppendOfferList appends the answer of search_offers.
func AppendOfferList(dst []byte, list *spec.OfferList) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Open('{')
	w.Key("items")
	w.Open('[')
	for i := range list.Items {
		offer(&w, &list.Items[i])
	}
	w.Close(']')
	w.Close('}')
	return w.Buf
}

func offer(w *jsonx.Writer, o *spec.Offer) {
	w.Open('{')
	w.TextField("id", o.ID)
	w.Key("provider")
	w.Text(o.Provider)
	w.TextField("gpu_type", o.GPUType)
	w.TextField("gpu_native", o.GPUNative)
	w.Key("gpu_count")
	w.Int(int64(o.GPUCount))
	w.FloatField("gpu_memory_gb", o.GPUMemoryGB)
	w.Key("price_per_hour")
	w.Float(o.PricePerHour)
	w.BoolField("spot", o.Spot)
	w.TextField("cloud_type", string(o.CloudType))
	w.TextField("region", o.Region)
	w.TextField("country", o.Country)
	w.Key("stock")
	w.Text(string(o.Stock))
	w.FloatField("vcpu_count", o.VCPUCount)
	w.FloatField("memory_gb", o.MemoryGB)
	w.FloatField("disk_gb", o.DiskGB)
	number(w, "reliability", o.Reliability)
	w.BoolField("verified", o.Verified)
	w.IntField("direct_ports", int64(o.DirectPorts))
	w.RawField("raw", o.Raw)
	w.Close('}')
}
