package egress

import (
	"slices"
	"testing"
)

func TestPlaces_HoldEachOnce(t *testing.T) {
	const size = 10 * few
	var p places
	for _, many := range []int{few - 1, few, few + 1, size, 3, few + 1} {
		p.clear()
		var want []int
		for i := range many {
			p.add(size-1-i, size)
			p.add(size-1-i/2, size)
			want = append(want, size-1-i)
		}
		if !slices.Equal(p.all, want) {
			t.Errorf("%d places: %v", many, p.all)
		}
	}
}
