package offers

import (
	"context"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// Beyond is what a ceiling keeps from a search.
type Beyond struct {
	Cheapest *spec.Offer // of those that could be rented and cost more; nil: there is none
	Within   bool        // whether there are matching offers at or below the ceiling, to be had or not
}

// Beyond looks past the ceiling of a search that brought nothing, so that whoever
// set it can be told what it would take. A cloud that does not answer has no part
// in it.
func (s *Service) Beyond(ctx context.Context, accounts []provider.Account, p *Params) Beyond {
	open := *p
	open.MaxPricePerHour = 0
	lists, _ := s.each(ctx, accounts, &open, matches)
	var b Beyond
	for _, list := range lists {
		for i := range list {
			o := &list[i]
			switch {
			case Within(o.PricePerHour, p.MaxPricePerHour):
				b.Within = true
			case o.Stock != spec.StockUnavailable && (b.Cheapest == nil || Compare(o, b.Cheapest) < 0):
				b.Cheapest = o
			}
		}
	}
	return b
}
