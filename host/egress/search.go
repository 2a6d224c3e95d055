package egress

import (
	"slices"
	"sort"
)

// search looks for the needles of a trie in a text whose bytes may be escaped as JSON,
// URLs and HTML do it, any of them, and escapes within escapes. A backslash may also be
// nothing at all, as the many of a text in JSON in JSON are, and what begins an escape
// may also stand for itself. So a text can be read in many ways; all of them are
// followed at once. Where they meet they go on as one, which makes the work grow with
// the text and no faster, whatever it is made of.
type search struct {
	trie *trie
	text []byte
	at   int

	states []int32 // of all ways that lead here, none of which implies another
	spare  []int32
	open   [deepest]escape // begun, each within the one before
	opened int
	read   []reading // what states and open escapes have come by, by their ends
	most   int       // of them, before those that are of no more use are dropped

	places, others places // of start
}

// reading is an escape in the text, and what it stands for.
type reading struct {
	from, to int
	is       byte
}

// deepest is how many escapes can be open at once. Escapes of escapes of escapes need
// three.
const deepest = 16

// mostRead is how many readings are kept before it is asked what they are good for.
const mostRead = 4096

func newSearch(t *trie, text []byte) *search {
	return &search{trie: t, text: text, states: []int32{0}, most: mostRead}
}

// next reads on to a place where needles end, and returns the longest of them.
func (s *search) next() (end int, needle int32, found bool) {
	for s.at < len(s.text) {
		if idle := len(s.states) == 1 && s.states[0] == 0 && s.opened == 0; idle {
			s.read = s.read[:0]
			if !s.skip() {
				break
			}
		}
		s.step()
		for _, state := range s.states {
			if whole := s.trie.nodes[state].whole; whole != 0 && (!found || s.trie.nodes[whole].depth > s.trie.nodes[needle].depth) {
				needle, found = whole, true
			}
		}
		if found {
			return s.at, needle, true
		}
	}
	return 0, 0, false
}

// skip passes over what no needle begins with. It reports whether anything is left.
func (s *search) skip() bool {
	for s.at < len(s.text) {
		if b := s.text[s.at]; s.trie.first[b] != 0 || beginsEscape(b) || b == '+' && s.trie.space {
			return true
		}
		s.at++
	}
	return false
}

// step reads one byte, and every escape that it ends.
func (s *search) step() {
	is, from, before := s.text[s.at], s.at, s.states
	s.at++
	after := s.follow(s.spare[:0], before, is)
	for s.opened > 0 {
		last := &s.open[s.opened-1]
		whole, goes := last.takes(is)
		if goes && !whole {
			s.turn(after)
			return
		}
		if !goes && last.form == '\\' && !beginsEscape(is) {
			s.opened-- // it was nothing
			continue
		} else if !goes {
			break
		}
		s.opened--
		is, from, before = byte(last.value), last.at, last.states
		s.read = append(s.read, reading{from, s.at, is})
		after = s.follow(after, before, is)
	}
	if beginsEscape(is) {
		s.begin(is, from, before)
	} else {
		s.opened = 0 // no escape goes on with it
	}
	s.turn(after)
}

// follow adds the states that a byte leads to.
func (s *search) follow(after, before []int32, is byte) []int32 {
	for _, state := range before {
		after = s.trie.join(after, s.trie.step(state, is))
		switch {
		case is == '\\':
			after = s.trie.join(after, state)
		case is == '+' && s.trie.space: // a form's space
			after = s.trie.join(after, s.trie.step(state, ' '))
		}
	}
	return after
}

// begin opens an escape. Of too many the outermost is given up.
func (s *search) begin(is byte, from int, before []int32) {
	if s.opened == deepest {
		outermost := s.open[0]
		copy(s.open[:], s.open[1:])
		s.opened--
		s.open[s.opened] = outermost
	}
	e := &s.open[s.opened]
	*e = escape{at: from, form: is, states: append(e.states[:0], before...)}
	s.opened++
}

// turn makes the states behind a byte the present ones.
func (s *search) turn(after []int32) {
	s.states, s.spare = after, s.states
	if len(s.read) < s.most {
		return
	}
	earliest := s.at
	for state, at := range s.ways() {
		earliest = min(earliest, s.start(at, state))
	}
	s.read = slices.DeleteFunc(s.read, func(r reading) bool { return r.from < earliest })
	s.most = 2*len(s.read) + mostRead
}

// ways iterates over what may become a needle yet, and the place where each stands.
func (s *search) ways() func(func(int32, int) bool) {
	return func(yield func(int32, int) bool) {
		for _, state := range s.states {
			if !yield(state, s.at) {
				return
			}
		}
		for i := range s.opened {
			for _, state := range s.open[i].states {
				if !yield(state, s.open[i].at) {
					return
				}
			}
		}
	}
}

// begun returns the place where the first needle begins that is cut off at the end of
// the text, the length of the text where there is none.
func (s *search) begun() int {
	first := len(s.text)
	for state, at := range s.ways() {
		if s.trie.nodes[state].depth >= shortest {
			first = min(first, s.start(at, state))
		}
	}
	return first
}

// start returns the first place from which a way leads to one where what was read ends
// with a state.
func (s *search) start(end int, state int32) int {
	s.places.clear()
	s.places.add(end, len(s.text))
	for ; state != 0; state = s.trie.nodes[state].parent {
		is := s.trie.nodes[state].is
		s.others.clear()
		for i := 0; i < len(s.places.all); i++ {
			s.back(s.places.all[i], is)
		}
		s.places, s.others = s.others, s.places
	}
	return slices.Min(s.places.all)
}

// back adds to others the places before a byte that ends at a place, and to places
// those before backslashes that are nothing.
func (s *search) back(place int, is byte) {
	if place > 0 {
		if b := s.text[place-1]; b == is || b == '+' && is == ' ' {
			s.others.add(place-1, len(s.text))
		}
	}
	if left := s.unslashed(place); left < place && is != '\\' {
		s.places.add(left, len(s.text))
	}
	for i := sort.Search(len(s.read), func(i int) bool { return s.read[i].to >= place }); i < len(s.read) && s.read[i].to == place; i++ {
		switch r := s.read[i]; {
		case r.is == is || r.is == '+' && is == ' ':
			s.others.add(r.from, len(s.text))
		case r.is == '\\':
			s.places.add(r.from, len(s.text))
		}
	}
}

// unslashed is the place before the backslashes before a place.
func (s *search) unslashed(place int) int {
	for place > 0 && s.text[place-1] == '\\' {
		place--
	}
	return place
}
