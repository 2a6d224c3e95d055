package host

import (
	"encoding/binary"
	"slices"
)

// mergeGap is how many zeros at the most are put between two segments of data to make
// them one.
const mergeGap = 64

// segment is one that is written to its place when the module is instantiated.
type segment struct {
	at      uint64
	content []byte
}

func (s *segment) end() uint64 { return s.at + uint64(len(s.content)) }

// mergeData returns a section of data in which neighbours are one segment. Go leaves out
// every run of zeros, which makes tens of thousands of segments: the engine keeps a
// slice for each of them in every instance, a megabyte, and works out the place of each
// whenever it makes one. A section with anything but such segments stays as it is.
func mergeData(content []byte) []byte {
	r := wasmReader{rest: content}
	var list []segment
	for range r.number() {
		s, ok := r.placed()
		if !ok {
			return content
		}
		if joins(list, s.at) {
			last := &list[len(list)-1]
			last.content = append(last.content, make([]byte, s.at-last.end())...)
			last.content = append(last.content, s.content...)
		} else {
			s.content = slices.Clone(s.content)
			list = append(list, s)
		}
	}
	merged := binary.AppendUvarint(make([]byte, 0, len(content)), uint64(len(list)))
	for _, s := range list {
		merged = append(merged, 0, i32Const)
		merged = append(appendSigned(merged, s.at), endOfConstant)
		merged = binary.AppendUvarint(merged, uint64(len(s.content)))
		merged = append(merged, s.content...)
	}
	return merged
}

// mostLooks is how many segments are looked at before a gap is filled.
const mostLooks = 64

// joins reports whether what is to be written at a place can be part of the last of
// some segments. Zeros between must not go where an earlier one has written.
func joins(list []segment, at uint64) bool {
	n := len(list) - 1
	if n < 0 {
		return false
	}
	end := list[n].end()
	if at <= end || at-end > mergeGap || n > mostLooks {
		return at == end
	}
	return !slices.ContainsFunc(list[:n], func(s segment) bool { return s.at < at && s.end() > end })
}

const (
	i32Const      = 0x41
	endOfConstant = 0x0b
)

// placed reads a segment whose place is a number in the lower half of the memory.
func (r *wasmReader) placed() (s segment, ok bool) {
	if r.number() != 0 || r.byte() != i32Const {
		return s, false
	}
	from := r.rest
	s.at = r.leb(5)
	number := from[:len(from)-len(r.rest)]
	negative := len(number) == 0 || number[len(number)-1]&0x40 != 0 && len(number) < 5 || s.at > 1<<31-1
	if negative || r.byte() != endOfConstant {
		return s, false
	}
	s.content = r.take(r.number())
	return s, !r.bad
}

// appendSigned appends a number that is not negative where one with a sign is read.
func appendSigned(to []byte, n uint64) []byte {
	for n >= 0x40 {
		to = append(to, byte(n)|0x80)
		n >>= 7
	}
	return append(to, byte(n))
}
