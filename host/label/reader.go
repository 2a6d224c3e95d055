package label

import (
	"encoding/binary"
	"math"
)

// reader reads the binary format. Past the end it reads nothing and is bad.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// number reads an unsigned number of 32 bits.
func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > math.MaxUint32 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) name() string { return string(r.take(r.number())) }

// The kinds of what a module imports and exports.
const (
	functionKind = 0
	tableKind    = 1
	memoryKind   = 2
	globalKind   = 3
)

// imports reads which functions a module imports. A type that takes more than a byte
// makes it bad: only modules that refer to objects of the host's have one.
func (r *reader) imports() (list [][2]string) {
	for n := r.number(); n > 0 && !r.bad; n-- {
		from, name := r.name(), r.name()
		switch r.byte() {
		case functionKind:
			r.number()
			list = append(list, [2]string{from, name})
		case tableKind:
			r.byte()
			r.limits()
		case memoryKind:
			r.limits()
		case globalKind:
			r.take(2)
		default:
			r.bad = true
		}
	}
	return list
}

func (r *reader) limits() {
	flags := r.byte()
	r.number()
	if flags&1 != 0 {
		r.number()
	}
	if flags > 1 { // memory that is shared, or of 64 bits: no plugin's
		r.bad = true
	}
}

// exports reads which functions a module exports.
func (r *reader) exports() (list []string) {
	for n := r.number(); n > 0 && !r.bad; n-- {
		name := r.name()
		if r.byte() == functionKind {
			list = append(list, name)
		}
		r.number()
	}
	return list
}
