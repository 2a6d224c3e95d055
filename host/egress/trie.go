package egress

// trie finds many needles at once (Aho and Corasick, 1975): however they begin alike
// or hold each other, each byte of a text is looked at once. Its state is the longest
// beginning of a needle that the text read so far ends with.
type trie struct {
	nodes []node
	first [256]int32 // the needles' first bytes
	known [256]walk  // the last long walks
	space bool       // one of them holds a space
}

// walk is the way from a state down to one that a byte leads on from. A needle that is
// all of one letter makes it as long as itself, and a text may ask for it again and
// again.
type walk struct {
	from, to int32
	is       byte
}

// short is how many steps of a walk are not worth to be known.
const short = 8

// node is the beginning of a needle. That of number 0 is empty.
type node struct {
	parent int32
	child  int32 // the first that is a byte longer; 0: none
	next   int32 // the next of the same parent
	fail   int32 // the longest other beginning that this one ends with
	depth  int32 // its length
	whole  int32 // the longest needle that this one ends with; 0: none
	rank   int32 // its place in an order in which those that end with it follow it
	size   int32 // how many those are, itself included
	last   int32 // the last place given away
	is     byte  // its last byte
}

func newTrie(needles []string) *trie {
	size := 1
	for _, needle := range needles {
		size += len(needle)
	}
	t := &trie{nodes: make([]node, 1, size)}
	for _, needle := range needles {
		t.add(needle)
	}
	order := make([]int32, 1, len(t.nodes)) // by depth
	for i := 0; i < len(order); i++ {
		for n := t.nodes[order[i]].child; n != 0; n = t.nodes[n].next {
			order = append(order, n)
			t.link(n)
		}
	}
	t.rank(order)
	return t
}

// add puts a needle into the trie.
func (t *trie) add(needle string) {
	at := int32(0)
	for i := range len(needle) {
		to := t.child(at, needle[i])
		if to == 0 {
			to = int32(len(t.nodes))
			t.nodes = append(t.nodes, node{parent: at, next: t.nodes[at].child, depth: int32(i + 1), is: needle[i]})
			t.nodes[at].child = to
			if at == 0 {
				t.first[needle[i]] = to
			}
			t.space = t.space || needle[i] == ' '
		}
		at = to
	}
	t.nodes[at].whole = at
}

// link finds what else a beginning ends with; that of the shorter ones is known.
func (t *trie) link(n int32) {
	one := &t.nodes[n]
	if one.depth > 1 {
		one.fail = t.step(t.nodes[one.parent].fail, one.is)
	}
	if one.whole == 0 {
		one.whole = t.nodes[one.fail].whole
	}
}

func (t *trie) child(of int32, b byte) int32 {
	if of == 0 {
		return t.first[b]
	}
	n := t.nodes[of].child
	for n != 0 && t.nodes[n].is != b {
		n = t.nodes[n].next
	}
	return n
}

// step is the state after one more byte.
func (t *trie) step(state int32, b byte) int32 {
	for range short {
		if state == 0 {
			return t.first[b]
		}
		if to := t.child(state, b); to != 0 {
			return to
		}
		state = t.nodes[state].fail
	}
	known := &t.known[byte(state)^b]
	if known.from != state || known.is != b {
		*known = walk{from: state, to: t.far(state, b), is: b}
	}
	return known.to
}

// far is a step that may be long.
func (t *trie) far(state int32, b byte) int32 {
	for ; state != 0; state = t.nodes[state].fail {
		if to := t.child(state, b); to != 0 {
			return to
		}
	}
	return t.first[b]
}

// rank orders the nodes so that those that end with another follow it directly.
func (t *trie) rank(byDepth []int32) {
	for i := len(byDepth) - 1; i > 0; i-- {
		one := &t.nodes[byDepth[i]]
		one.size++
		t.nodes[one.fail].size += one.size
	}
	t.nodes[0].size++
	for _, n := range byDepth[1:] {
		one := &t.nodes[n]
		ends := &t.nodes[one.fail]
		one.rank = ends.rank + ends.last + 1
		ends.last += one.size
	}
}

// implies reports whether who is in one state is in another, too: the former ends
// with the latter.
func (t *trie) implies(state, other int32) bool {
	behind := t.nodes[state].rank - t.nodes[other].rank
	return behind >= 0 && behind < t.nodes[other].size
}

// join adds a state to a set in which none implies another.
func (t *trie) join(set []int32, state int32) []int32 {
	kept := 0
	for _, have := range set {
		if t.implies(have, state) {
			return set
		}
		if !t.implies(state, have) {
			set[kept] = have
			kept++
		}
	}
	return append(set[:kept], state)
}
