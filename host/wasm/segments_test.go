package wasm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/exatlas/atlas/plugins/builtin"
)

// dataOf returns a section of data with a segment for each pair of place and text.
func dataOf(pairs ...any) []byte {
	var items [][]byte
	for n := 0; n < len(pairs); n += 2 {
		items = append(items, join([]byte{0}, c32(int64(pairs[n].(int))), []byte{endOfConstant}, vector([]byte(pairs[n+1].(string)))))
	}
	return join(leb(uint64(len(items))), join(items...))
}

// written returns what a section of data makes of a memory, and of how many segments.
func written(t *testing.T, content []byte) ([]byte, int) {
	t.Helper()
	memory := make([]byte, 1<<21)
	r := reader{rest: content}
	count := r.number()
	for range count {
		s, ok := r.placed()
		if !ok {
			t.Fatal("a segment is malformed")
		}
		copy(memory[s.at:s.at+uint64(len(s.content))], s.content)
	}
	if len(r.rest) > 0 {
		t.Fatal("something comes after the last segment")
	}
	return memory, int(count)
}

func TestMergeData_WritesTheSameMemory(t *testing.T) {
	for name, row := range map[string]struct {
		content []byte
		left    int
	}{
		"nothing":                        {dataOf(), 0},
		"neighbours":                     {dataOf(100, "a", 101, "b", 110, "c"), 1},
		"a gap that is too wide":         {dataOf(100, "a", 101+mergeGap, "b", 102+2*mergeGap+1, "c"), 2},
		"backwards":                      {dataOf(100, "a", 90, "b"), 2},
		"on top of each other":           {dataOf(100, "abcd", 101, "xy"), 2},
		"a gap that holds something":     {dataOf(100, "abcdefgh", 98, "xy", 104, "z"), 3},
		"a neighbour that holds another": {dataOf(100, "abcdefgh", 98, "xy", 100, "z"), 2},
		"an empty one in a gap":          {dataOf(100, "a", 105, "", 107, "b"), 1},
		"large places":                   {dataOf(63, "a", 64, "b", 8191, "c", 8192, "d", 1<<20, "e"), 3},
	} {
		t.Run(name, func(t *testing.T) {
			want, _ := written(t, row.content)
			got, left := written(t, mergeData(row.content))
			if !bytes.Equal(got, want) || left != row.left {
				t.Errorf("%d segments, want %d; the same memory: %v", left, row.left, bytes.Equal(got, want))
			}
		})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var pairs []any
		for range random.IntN(12) {
			pairs = append(pairs, random.IntN(400), fmt.Sprint(random.Uint64())[:random.IntN(15)])
		}
		want, before := written(t, dataOf(pairs...))
		got, left := written(t, mergeData(dataOf(pairs...)))
		if !bytes.Equal(got, want) || left > before {
			t.Fatalf("another memory of %v", pairs)
		}
	}
}

func TestMergeData_LeavesAloneWhatIsNotPlacedByANumber(t *testing.T) {
	plain := dataOf(100, "a", 101, "b")[1:]
	for name, odd := range map[string][]byte{
		"passive":              join([]byte{1}, vector([]byte("x"))),
		"placed by a global":   join([]byte{0, 0x23, 0, endOfConstant}, vector([]byte("x"))),
		"placed by a sum":      join([]byte{0}, c32(1), c32(2), []byte{0x6a, endOfConstant}, vector([]byte("x"))),
		"of a memory by name":  join([]byte{2, 0}, c32(1), []byte{endOfConstant}, vector([]byte("x"))),
		"in the upper half":    join([]byte{0}, c32(-5), []byte{endOfConstant}, vector([]byte("x"))),
		"at the last byte":     join([]byte{0}, c32(-1), []byte{endOfConstant}, vector([]byte("x"))),
		"in the upper half, 2": join([]byte{0}, c32(-1<<31), []byte{endOfConstant}, vector([]byte("x"))),
	} {
		if content := join([]byte{3}, plain, odd); !bytes.Equal(mergeData(content), content) {
			t.Errorf("%s: it is changed", name)
		}
	}
}

func dataSectionOf(t *testing.T, module []byte) []byte {
	t.Helper()
	r := reader{rest: module[8:]}
	for len(r.rest) > 0 {
		id := r.byte()
		if content := r.take(r.number()); id == dataSection {
			return content
		}
	}
	t.Fatal("the module has no data")
	return nil
}

func TestBound_MergesTheDataOfBuiltInPlugins(t *testing.T) {
	list := builtin.List()
	if len(list) == 0 {
		t.Fatal("no plugins are built; run make plugins first")
	}
	for _, p := range list {
		code, err := p.Open()
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(code)
		bounded, problem := Bound(code)
		if problem != "" || !bytes.Equal(code, before) {
			t.Fatalf("%s: %s; what was given is changed: %v", p.Name, problem, !bytes.Equal(code, before))
		}
		want, all := written(t, dataSectionOf(t, code))
		got, left := written(t, dataSectionOf(t, bounded))
		if !bytes.Equal(got, want) || left > 1000 {
			t.Errorf("%s: %d of %d segments are left; the same memory: %v", p.Name, left, all, bytes.Equal(got, want))
		}
	}
}

// TestBound_KeepsTheNumbersOfSegments has a module whose code may use them, which
// only one that tells how many there are may do.
func TestBound_KeepsTheNumbersOfSegments(t *testing.T) {
	data := dataOf(100, "a", 101, "b")
	memory := part(5, []byte{1, 0, 1})
	for count, want := range map[string]int{"": 1, string(part(dataCountSection, []byte{2})): 2} {
		bounded, problem := Bound(module(memory, []byte(count), part(dataSection, data)))
		if problem != "" {
			t.Fatal(problem)
		}
		if _, left := written(t, dataSectionOf(t, bounded)); left != want {
			t.Errorf("with the count %q: %d segments", count, left)
		}
	}
}
