package linear

import (
	"sync/atomic"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

const page = 64 << 10

func TestAllocator_GrowsInPlaceAndGivesBack(t *testing.T) {
	var gauge atomic.Int64
	a := New(4*page, &gauge)
	if a.Made() || a.Size() != 0 || a.Short() {
		t.Error("there is a memory before one was asked for")
	}
	a.Free() // of nothing
	m := a.Allocate(page, 100*page)
	first := m.Reallocate(page)
	first[page-1] = 7
	grown := m.Reallocate(4 * page)
	if len(grown) != 4*page || &grown[0] != &first[0] || grown[page-1] != 7 || grown[page] != 0 {
		t.Error("what was there has moved or is lost, or what is new is not zero")
	}
	if m.Reallocate(4*page+1) != nil || a.Size() != 4*page || gauge.Load() != 4*page {
		t.Errorf("beyond the limit: %d bytes, %d counted", a.Size(), gauge.Load())
	}
	if !a.Made() || a.Short() {
		t.Error("there is a memory, though not as much as was asked for")
	}
	m.Free()
	a.Free() // the instance's, after the engine's
	if a.Size() != 0 || gauge.Load() != 0 || m.Reallocate(page) != nil {
		t.Errorf("after its end: %d bytes, %d counted", a.Size(), gauge.Load())
	}
}

func TestAllocator_IsShortWhereThereIsNothing(t *testing.T) {
	var gauge atomic.Int64
	a := New(page, &gauge)
	defer a.Free()
	if a.Allocate(2*page, 2*page).Reallocate(2*page) != nil || !a.Short() {
		t.Error("there is more than the limit")
	}
}

// TestMemory_GrowsOnTheHeapWhereNothingIsReserved is what systems without mmap do.
func TestMemory_GrowsOnTheHeapWhereNothingIsReserved(t *testing.T) {
	var gauge atomic.Int64
	m := &memory{gauge: &gauge, most: 3 * page}
	m.Reallocate(page)[9] = 7
	if grown := m.Reallocate(3 * page); len(grown) != 3*page || grown[9] != 7 || gauge.Load() != 3*page {
		t.Error("what was there is lost")
	}
	if m.Free(); gauge.Load() != 0 {
		t.Errorf("%d bytes are counted after its end", gauge.Load())
	}
}
