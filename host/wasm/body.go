package wasm

// What a function's body makes the compiler do. Each value that a local has where ways of
// control meet is one of its own at first, and those of loops within loops are sorted out
// one depth at a time: three hundred loops in each other that use as many locals, in a
// module of 3 KB, take seven seconds, and the time grows with the cube of their number. A
// body that is being compiled cannot be stopped.
const (
	mostMeetings = 2 << 20 // beginnings of blocks times locals: each takes some hundred bytes
	mostSorting  = 8 << 20 // loops times their greatest depth times locals: this much takes some seconds
)

// shape is what counts of a body.
type shape struct {
	blocks int // that begin in it, loops too
	loops  int
	depth  int // of loops within loops
}

// heavy reports whether a body of this shape with so many locals takes too long.
func (s *shape) heavy(locals uint64) bool {
	n := int(locals)
	return s.blocks*n > mostMeetings || s.loops*s.depth*n > mostSorting
}

// shape reads instructions. It stops at one that it does not know, which the engine
// refuses before it compiles anything.
func (r *reader) shape() (s shape) {
	var open []bool // the blocks around; whether each is a loop
	within := 0
	for len(r.rest) > 0 && !r.bad {
		op := r.byte()
		switch op {
		case 0x02, 0x03, 0x04: // block, loop, if
			loop := op == 0x03
			open = append(open, loop)
			s.blocks++
			if loop {
				within++
				s.loops++
				s.depth = max(s.depth, within)
			}
			r.blockType()
			continue
		case 0x0b: // end
			if n := len(open); n > 0 {
				if open[n-1] {
					within--
				}
				open = open[:n-1]
			}
			continue
		}
		if !r.immediates(op) {
			return s
		}
	}
	return s
}

// blockType reads a type of a value, of none, or the number of a function's type.
func (r *reader) blockType() {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		r.valueType()
		return
	}
	r.leb(5)
}

// immediates reads what follows an instruction's first byte. It reports false where it
// does not know the instruction.
func (r *reader) immediates(op byte) bool {
	switch {
	case op == 0x00, op == 0x01, op == 0x05, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
	case op == 0x0c, op == 0x0d, op == 0x10, op >= 0x20 && op <= 0x26, op == 0x3f, op == 0x40, op == 0x41, op == 0xd0, op == 0xd2:
		r.number()
	case op == 0x0e: // br_table
		r.each(mostBody, func() { r.number() })
		r.number()
	case op == 0x11: // call_indirect
		r.numbers(2)
	case op == 0x1c: // select with its type
		r.each(mostBody, r.valueType)
	case op >= 0x28 && op <= 0x3e: // loads and stores
		r.numbers(2)
	case op == 0x42:
		r.leb(10)
	case op == 0x43:
		r.skip(4)
	case op == 0x44:
		r.skip(8)
	case op == 0xfc:
		return r.bulk(r.number())
	case op == 0xfd:
		r.vector(r.number())
	default:
		return false
	}
	return true
}

func (r *reader) numbers(n int) {
	for range n {
		r.number()
	}
}

// bulk reads what follows the number of an instruction on memories and tables.
func (r *reader) bulk(op uint64) bool {
	switch op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // conversions
	case 8, 10, 12, 14:
		r.numbers(2)
	case 9, 11, 13, 15, 16, 17:
		r.number()
	default:
		return false
	}
	return true
}

// vector reads what follows the number of an instruction on vectors.
func (r *reader) vector(op uint64) {
	switch {
	case op <= 11, op == 92, op == 93: // loads and stores
		r.numbers(2)
	case op == 12, op == 13:
		r.skip(16)
	case op >= 21 && op <= 34:
		r.byte()
	case op >= 84 && op <= 91:
		r.numbers(2)
		r.byte()
	}
}
