//go:build !unix

package linear

// Systems without mmap keep linear memory on the Go heap.

func reserve(uint64) []byte              { return nil }
func commit([]byte, uint64, uint64) bool { return false }
func release([]byte)                     {}
