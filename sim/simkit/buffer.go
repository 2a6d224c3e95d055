package simkit

import "sync"

// Buffers pools the bytes that frequent answers are built in. They are copied
// into the response, which fasthttp pools itself, so that no allocation is left
// on that path.
type Buffers struct{ pool sync.Pool }

// Get returns an empty buffer.
func (p *Buffers) Get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		*b = (*b)[:0]
		return b
	}
	b := make([]byte, 0, 2048)
	return &b
}

// Put gives a buffer back; its bytes must not be used after that.
func (p *Buffers) Put(b *[]byte) {
	if cap(*b) <= 64<<10 {
		p.pool.Put(b)
	}
}
