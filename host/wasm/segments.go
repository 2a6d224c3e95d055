package wasm

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

// run is what some segments, one after another, become.
type run struct {
	at, end uint64
	parts   int
}

// mergeData returns a section of data in which neighbours are one segment. Go leaves out
// every run of zeros, which makes tens of thousands of segments: the engine keeps a
// slice for each of them in every instance, a megabyte, and works out the place of each
// whenever it makes one. A section with anything but such segments stays as it is.
func mergeData(content []byte) []byte {
	r := reader{rest: content}
	var runs []run
	size := len(content)
	for range r.number() {
		s, ok := r.placed()
		if !ok {
			return content
		}
		if !joins(runs, s.at) {
			runs = append(runs, run{at: s.at, end: s.at})
		}
		last := &runs[len(runs)-1]
		size += int(s.at - last.end)
		last.end = s.at + uint64(len(s.content))
		last.parts++
	}
	return writeRuns(make([]byte, 0, size), content, runs)
}

// writeRuns appends a section of data with the runs into which another one falls.
func writeRuns(to, content []byte, runs []run) []byte {
	r := reader{rest: content}
	r.number()
	to = binary.AppendUvarint(to, uint64(len(runs)))
	for _, one := range runs {
		to = appendSigned(append(to, 0, i32Const), one.at)
		to = binary.AppendUvarint(append(to, endOfConstant), one.end-one.at)
		end := one.at
		for range one.parts {
			s, _ := r.placed()
			to = append(to, zeros[:s.at-end]...)
			to = append(to, s.content...)
			end = s.at + uint64(len(s.content))
		}
	}
	return to
}

var zeros [mergeGap]byte

// mostLooks is how many runs are looked at before a gap is filled.
const mostLooks = 64

// joins reports whether what is to be written at a place can be part of the last of
// some runs. Zeros between must not go where an earlier one has written.
func joins(runs []run, at uint64) bool {
	n := len(runs) - 1
	if n < 0 {
		return false
	}
	end := runs[n].end
	if at <= end || at-end > mergeGap || n > mostLooks {
		return at == end
	}
	return !slices.ContainsFunc(runs[:n], func(one run) bool { return one.at < at && one.end > end })
}

const (
	i32Const      = 0x41
	endOfConstant = 0x0b
)

// placed reads a segment whose place is a number in the lower half of the memory.
func (r *reader) placed() (s segment, ok bool) {
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
