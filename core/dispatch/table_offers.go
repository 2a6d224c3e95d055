package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/offers"
	"github.com/exatlas/atlas/core/spec"
)

func addOffers(t *Table, s *Services) {
	add(t, "offers.search", Doc{
		Summary: "Finds what can be rented now, over all clouds with a key, cheapest first.",
		Text: "A market place answers single offers with an id, to be taken with compute.spawn's offer_id; of other clouds each row of the catalogue is an offer. " +
			"A cloud that cannot be asked, or sells nothing of the kind, is told in problems; only when that is so of every cloud is it an error. " +
			"Equal questions within 5 seconds share one answer.",
		Errors: cloudKinds(spec.KindUnsupported),
		Params: `{"gpu":["h100","a100_80g"],"max_price_per_hour":2.5}`,
		Result: `{"items":[{"id":"8412345","provider":"vast","gpu_type":"a100_80g","gpu_native":"A100 PCIE@80","gpu_count":1,"gpu_memory_gb":80,"price_per_hour":0.87,"region":"NO","country":"NO","stock":"unknown","reliability":0.996,"verified":true},{"provider":"runpod","gpu_type":"a100_80g","gpu_native":"NVIDIA A100 80GB PCIe","gpu_count":1,"gpu_memory_gb":80,"price_per_hour":1.19,"cloud_type":"community","stock":"low"}],"problems":[]}`,
	}, func(ctx context.Context, p *offers.Params) (*offers.OfferResults, error) {
		return s.Offers.Search(ctx, p)
	})
}
