package linear

import (
	"sync/atomic"

	"github.com/tetratelabs/wazero/experimental"
)

// Allocator makes the linear memory of one instance. It reserves the
// address space of the limit first, so that growing neither copies nor moves
// what is there: a guest that grows to hold thousands of parked calls costs only
// the pages it has touched.
type Allocator struct {
	limit  uint64
	gauge  *atomic.Int64 // sum of all instances' sizes
	memory *memory       // nil: none was asked for
}

// New makes an allocator of a memory of so many bytes at the most. gauge counts what all
// memories have.
func New(limit uint64, gauge *atomic.Int64) *Allocator { return &Allocator{limit: limit, gauge: gauge} }

// Allocate implements experimental.MemoryAllocator.
func (a *Allocator) Allocate(_, most uint64) experimental.LinearMemory {
	a.memory = &memory{gauge: a.gauge, most: min(most, a.limit)}
	a.memory.reserved = reserve(a.memory.most)
	return a.memory
}

// Free releases the memory. The engine frees it with the instance; where it
// closed the instance between two calls it does not, so the instance always
// frees it too.
func (a *Allocator) Free() {
	if a.memory != nil {
		a.memory.Free()
	}
}

// Made reports whether the instance has a memory.
func (a *Allocator) Made() bool { return a.memory != nil }

// Short reports whether a memory was asked for and there is none of it.
func (a *Allocator) Short() bool {
	return a.memory != nil && a.memory.refused && a.memory.size.Load() == 0
}

// Size is how many bytes the memory has.
func (a *Allocator) Size() int64 {
	if a.memory == nil {
		return 0
	}
	return int64(a.memory.size.Load())
}

// memory is that of one instance. It is used under the lock of its
// instance, but for size.
type memory struct {
	gauge    *atomic.Int64
	reserved []byte // address space; nil where the system gives none
	heap     []byte // instead of reserved
	most     uint64
	size     atomic.Uint64 // the idle watch reads it
	freed    bool
	refused  bool // more was asked for once than there is
}

// Reallocate implements experimental.LinearMemory. nil: there is not so much.
func (m *memory) Reallocate(size uint64) []byte {
	if m.freed || size > m.most {
		m.refused = true
		return nil
	}
	if m.reserved != nil {
		if !commit(m.reserved, m.size.Load(), size) {
			m.refused = true
			return nil
		}
		m.resize(size)
		return m.reserved[:size:size]
	}
	if size > uint64(cap(m.heap)) {
		grown := make([]byte, size, min(m.most, size+size/4))
		copy(grown, m.heap)
		m.heap = grown
	}
	m.heap = m.heap[:size]
	m.resize(size)
	return m.heap
}

func (m *memory) resize(size uint64) {
	m.gauge.Add(int64(size) - int64(m.size.Swap(size)))
}

// Free implements experimental.LinearMemory.
func (m *memory) Free() {
	if m.freed {
		return
	}
	m.freed = true
	m.resize(0)
	if m.reserved != nil {
		release(m.reserved)
	}
	m.reserved, m.heap = nil, nil
}
