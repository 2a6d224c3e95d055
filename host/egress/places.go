package egress

import "slices"

// places is a set of places in a text. There are few of them, but for a text of
// backslashes that are escaped, each of which may be nothing.
type places struct {
	all   []int
	marks []uint64 // a bit for each place in the text, once there were many
}

// few is how many places are looked through one by one.
const few = 32

// add adds a place in a text of that size.
func (p *places) add(place, size int) {
	if len(p.all) < few {
		if !slices.Contains(p.all, place) {
			p.all = append(p.all, place)
		}
		return
	}
	if p.marks == nil {
		p.marks = make([]uint64, size/64+1)
	}
	if len(p.all) == few {
		for _, one := range p.all {
			p.marks[one/64] |= 1 << (one % 64)
		}
	}
	if p.marks[place/64]&(1<<(place%64)) == 0 {
		p.marks[place/64] |= 1 << (place % 64)
		p.all = append(p.all, place)
	}
}

func (p *places) clear() {
	if p.marks != nil && len(p.all) >= few {
		for _, one := range p.all {
			p.marks[one/64] = 0
		}
	}
	p.all = p.all[:0]
}
