package wasm

import (
	"bytes"
	"errors"
)

const head = "\x00asm\x01\x00\x00\x00"

var (
	errNoModule = errors.New("it is not a WebAssembly module")
	errCut      = errors.New("a section of it is cut off")
)

// sections hands over each section of a module: its kind, all of it, and its content.
func sections(module []byte, each func(id byte, whole, content []byte) error) error {
	rest, ok := bytes.CutPrefix(module, []byte(head))
	if !ok {
		return errNoModule
	}
	for len(rest) > 0 {
		r := reader{rest: rest}
		id := r.byte()
		content := r.take(r.number())
		if r.bad {
			return errCut
		}
		if err := each(id, rest[:len(rest)-len(r.rest)], content); err != nil {
			return err
		}
		rest = r.rest
	}
	return nil
}

// reader reads the binary format. Past the end it reads zeros and is bad, as
// it is once something goes beyond a limit.
type reader struct {
	rest  []byte
	bad   bool
	width int // of the widest type, a result counting as four parameters

	borrows bool // it imports something other than functions
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// number reads a LEB128 number of 32 bits, unsigned.
func (r *reader) number() uint64 { return r.leb(5) }

// leb reads a LEB128 number of so many bytes at the most.
func (r *reader) leb(most int) uint64 {
	var n uint64
	for i := range most {
		b := r.byte()
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return n
		}
	}
	r.bad = true
	return 0
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

func (r *reader) skip(n uint64) { r.take(n) }

func (r *reader) name() string { return string(r.take(r.number())) }

// each reads a vector: its length and then its items, each of which takes a byte
// or more.
func (r *reader) each(most uint64, item func()) (count uint64) {
	count = r.number()
	if count > most || count > uint64(len(r.rest)) {
		r.bad = true
		return 0
	}
	for i := uint64(0); i < count && !r.bad; i++ {
		item()
	}
	return count
}
