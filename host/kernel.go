package host

import "encoding/binary"

// kernel is the Extism memory of one call: blocks in a memory of the host's,
// addressed by offsets that are never 0. Reading or writing outside what was
// allocated is a failure of the plugin; asking for the length of what is no
// block answers 0, as Extism does.
type kernel struct {
	limit  int
	data   []byte
	blocks map[uint64]uint64 // offset to length, of the blocks in use
	free   []span            // freed blocks, for reuse
}

type span struct{ offset, size uint64 }

// perBlock is what a block takes at the least when the limit is counted: the host
// remembers where each is, however small.
const perBlock = 64

// kernelBase is the first offset, so that 0 stays the null of Extism.
const kernelBase = 16

func (k *kernel) reset() {
	const keep = 64 << 10
	if cap(k.data) > keep {
		k.data, k.blocks = nil, nil
	}
	k.data = k.data[:0]
	k.free = k.free[:0]
	clear(k.blocks)
}

// alloc returns the offset of n zero bytes, or 0 where n is 0 or too much.
func (k *kernel) alloc(n uint64) uint64 {
	if n == 0 || n > uint64(k.limit) || len(k.blocks) >= k.limit/perBlock {
		return 0
	}
	if k.blocks == nil {
		k.blocks = map[uint64]uint64{}
	}
	size := (n + 7) &^ 7
	for i, s := range k.free {
		if s.size >= size && s.size <= size*2 {
			k.free[i] = k.free[len(k.free)-1]
			k.free = k.free[:len(k.free)-1]
			clear(k.data[s.offset-kernelBase : s.offset-kernelBase+s.size])
			k.blocks[s.offset] = n
			return s.offset
		}
	}
	from := uint64(len(k.data))
	if from+size > uint64(k.limit) {
		return 0
	}
	if need := int(from + size); need <= cap(k.data) {
		k.data = k.data[:need]
		clear(k.data[from:])
	} else {
		grown := make([]byte, need, min(max(2*need, 4096), max(k.limit, need)))
		copy(grown, k.data)
		k.data = grown
	}
	k.blocks[from+kernelBase] = n
	return from + kernelBase
}

// put allocates a block that holds b; 0 for nothing.
func (k *kernel) put(b []byte) uint64 {
	offset := k.alloc(uint64(len(b)))
	if offset != 0 {
		copy(k.data[offset-kernelBase:], b)
	}
	return offset
}

func (k *kernel) release(offset uint64) {
	const most = 64 // freed blocks that are remembered
	n, ok := k.blocks[offset]
	if !ok {
		return
	}
	delete(k.blocks, offset)
	if len(k.free) < most {
		k.free = append(k.free, span{offset, (n + 7) &^ 7})
	}
}

func (k *kernel) length(offset uint64) uint64 { return k.blocks[offset] }

// block returns the bytes of a block.
func (k *kernel) block(offset uint64) ([]byte, bool) {
	n, ok := k.blocks[offset]
	if !ok {
		return nil, false
	}
	return k.slice(offset, n)
}

// slice returns n bytes from any offset within what was allocated.
func (k *kernel) slice(offset, n uint64) ([]byte, bool) {
	if offset < kernelBase {
		return nil, false
	}
	from := offset - kernelBase
	if from > uint64(len(k.data)) || n > uint64(len(k.data))-from {
		return nil, false
	}
	return k.data[from : from+n], true
}

func (k *kernel) load64(offset uint64) (uint64, bool) {
	b, ok := k.slice(offset, 8)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b), true
}

func (k *kernel) store64(offset, value uint64) bool {
	b, ok := k.slice(offset, 8)
	if ok {
		binary.LittleEndian.PutUint64(b, value)
	}
	return ok
}
