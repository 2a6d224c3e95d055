package wasm

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func leb(n uint64) []byte { return binary.AppendUvarint(nil, n) }

// c32 is the instruction that gives a number.
func c32(n int64) []byte {
	out := []byte{i32Const}
	for {
		b := byte(n & 0x7f)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func join(code ...[]byte) []byte { return bytes.Join(code, nil) }

func vector(b []byte) []byte { return append(leb(uint64(len(b))), b...) }

// part is a section, and module what consists of them.
func part(id byte, content ...[]byte) []byte { return append([]byte{id}, vector(join(content...))...) }

func module(parts ...[]byte) []byte {
	return append([]byte("\x00asm\x01\x00\x00\x00"), join(parts...)...)
}

// function is a module of one function with so many params and results.
func function(params, results int, body []byte) []byte {
	i32s := func(n int) []byte { return vector(bytes.Repeat([]byte{0x7f}, n)) }
	return module(part(1, leb(1), []byte{0x60}, i32s(params), i32s(results)), part(3, leb(1), leb(0)), part(10, leb(1), vector(body)))
}

// TestBound_ReadsBodies has every manner of instruction before a loop that counts.
func TestBound_ReadsBodies(t *testing.T) {
	code := join(
		[]byte{0x02, 0x40, 0x02, 0xc0, 0x01, 0x04, 0x7f, 0x0b, 0x0b, 0x0b}, // blocks of several types
		[]byte{0x0c, 0, 0x0e, 2, 0, 1, 0x80, 1, 0x10, 0x85, 1, 0x11, 3, 0, 0x1c, 1, 0x7f},
		[]byte{0x20, 0x83, 1, 0x24, 3, 0x25, 3, 0x28, 2, 0x83, 1, 0x3f, 0, 0x40, 0, 0x41, 0x83, 3, 0x42, 0x83, 0x83, 3},
		[]byte{0x43, 3, 3, 3, 3, 0x44, 3, 3, 3, 3, 3, 3, 3, 3, 0x45, 0xc4, 0xd0, 0x70, 0xd1, 0xd2, 3},
		[]byte{0xfc, 3, 0xfc, 8, 3, 0, 0xfc, 9, 3, 0xfc, 10, 0, 0, 0xfc, 11, 0, 0xfc, 12, 3, 3, 0xfc, 13, 3, 0xfc, 14, 3, 3, 0xfc, 17, 3},
		[]byte{0xfd, 3, 3, 3, 0xfd, 12, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0xfd, 21, 3, 0xfd, 84, 3, 3, 3, 0xfd, 0x83, 1},
		[]byte{0x03, 0x40, 0x03, 0x40, 0x0b, 0x0b, 0x03, 0x40, 0x0b, 0x0b},
	)
	r := reader{rest: code}
	if got, want := r.shape(), (shape{blocks: 6, loops: 3, depth: 2}); got != want || r.bad || len(r.rest) > 0 {
		t.Errorf("%+v, want %+v; %x is left, bad: %v", got, want, r.rest, r.bad)
	}
	r = reader{rest: []byte{0x1f, 3, 3, 3}} // the engine refuses it
	if got := r.shape(); got != (shape{}) || r.bad {
		t.Errorf("%+v, bad: %v", got, r.bad)
	}
}

// TestBound_LetsTheUsualTypesHaveTheGreatestBodies holds the bound of wide types
// against what compilers make.
func TestBound_LetsTheUsualTypesHaveTheGreatestBodies(t *testing.T) {
	for _, row := range []struct {
		params, results, size int
		fits                  bool
	}{
		{16, 4, mostBody - 10, true}, {0, 5, mostBody - 10, false}, {17, 0, mostBody - 10, false},
		{64, 1, 60 << 10, true}, {1000, 1, 4000, true}, {1000, 1000, 1000, true}, {1000, 1000, 2000, false},
	} {
		body := append([]byte{1, 2, 0x7f}, append(make([]byte, row.size), endOfConstant)...)
		if _, problem := Bound(function(row.params, row.results, body)); problem == "" != row.fits {
			t.Errorf("%+v: %q", row, problem)
		}
	}
}

// TestBound_LetsLoopsBeInLoops has fifty in each other, that use fifty locals.
func TestBound_LetsLoopsBeInLoops(t *testing.T) {
	const depth, locals = 50, 50
	body := join(leb(1), leb(locals), []byte{0x7f}, bytes.Repeat([]byte{0x03, 0x40}, depth), bytes.Repeat([]byte{0x20, 3, 0x1a}, locals),
		bytes.Repeat([]byte{0x41, 0, 0x0d, 0, 0x0b}, depth), []byte{0x0b})
	if _, problem := Bound(function(0, 0, body)); problem != "" {
		t.Error(problem)
	}
}

// TestBound_LeavesOutWhatIsForDebuggers holds the names of functions, whose number
// nothing bounds.
func TestBound_LeavesOutWhatIsForDebuggers(t *testing.T) {
	good := function(0, 0, []byte{0, 0x0b})
	named := append(good[:len(good):len(good)], part(0, vector([]byte("name")), []byte{1}, vector(leb(1<<32-1)))...)
	bounded, problem := Bound(named)
	if problem != "" || !bytes.Equal(bounded, good) {
		t.Errorf("%q; %d bytes, want %d", problem, len(bounded), len(good))
	}
}
