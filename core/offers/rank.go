package offers

import (
	"cmp"
	"slices"

	"github.com/exatlas/atlas/core/spec"
)

// rank sorts offers: the cheapest first; of equals the more reliable, then the
// one in better stock, then by name, so that the order is the same every time.
func rank(list []spec.Offer) {
	slices.SortStableFunc(list, func(a, b spec.Offer) int { return Compare(&a, &b) })
}

// Compare orders two offers as they are sorted.
func Compare(a, b *spec.Offer) int {
	return cmp.Or(
		cmp.Compare(a.PricePerHour, b.PricePerHour),
		cmp.Compare(reliability(b), reliability(a)),
		cmp.Compare(stock(a.Stock), stock(b.Stock)),
		cmp.Compare(a.Provider, b.Provider),
		cmp.Compare(a.GPUNative, b.GPUNative),
		cmp.Compare(a.Region, b.Region),
		cmp.Compare(a.ID, b.ID),
	)
}

// reliability of a cloud that tells none counts as whole: the machines are its
// own.
func reliability(o *spec.Offer) float64 {
	if o.Reliability == nil {
		return 1
	}
	return *o.Reliability
}

func stock(s spec.Stock) int {
	switch s {
	case spec.StockHigh:
		return 0
	case spec.StockMedium:
		return 1
	case spec.StockLow:
		return 3
	}
	return 2
}
