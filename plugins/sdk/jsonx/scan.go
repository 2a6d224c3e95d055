package jsonx

import (
	"math/bits"
	"unsafe"
)

// WebAssembly as Go's compiler writes it pays for every call and for every turn
// of a loop, so what is done to each byte of a document is done to eight at a
// time here, in functions that call no other.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks the bytes of a word that are a control character, a quote, a
// backslash or not ASCII: the high bit of each is set. A borrow may mark a byte
// above a marked one for nothing, so only the lowest mark is to be trusted.
func special(word uint64) uint64 {
	return (word | (word - ones*0x20) | ((word ^ ones*'"') - ones) | ((word ^ ones*'\\') - ones)) & highs
}

// plain returns the position of the first byte from at on that is a control
// character, a quote, a backslash or not ASCII, or the length of text.
//
//go:nosplit
func plain(text string, at int) int {
	data, size := unsafe.Pointer(unsafe.StringData(text)), len(text)
	for ; at+8 <= size; at += 8 {
		if found := special(*(*uint64)(unsafe.Add(data, at))); found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
	}
	if size >= 8 { // the last bytes, in the word that ends with them; letters take the place of those before at, which may mark others
		before := uint(at-size+8) * 8
		if found := special(*(*uint64)(unsafe.Add(data, size-8))>>before | ones*'a'<<(64-before)); found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
		return size
	}
	for ; at < size; at++ {
		if c := *(*byte)(unsafe.Add(data, at)); c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			return at
		}
	}
	return size
}

// Visible reports whether text holds nothing but visible ASCII.
//
//go:nosplit
func Visible(text string) bool {
	data, size, at := unsafe.Pointer(unsafe.StringData(text)), len(text), 0
	for ; at+8 <= size; at += 8 {
		word := *(*uint64)(unsafe.Add(data, at))
		if (word|(word-ones*0x21)|(word+ones))&highs != 0 { // 0x7f and one is 0x80
			return false
		}
	}
	for ; at < size; at++ {
		if c := *(*byte)(unsafe.Add(data, at)); c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// put copies text to where dst points, whose caller has made the room.
//
//go:nosplit
func put(dst unsafe.Pointer, text string) {
	src, n := unsafe.Pointer(unsafe.StringData(text)), len(text)
	if n >= 8 {
		for at := 0; at < n-8; at += 8 {
			*(*uint64)(unsafe.Add(dst, at)) = *(*uint64)(unsafe.Add(src, at))
		}
		*(*uint64)(unsafe.Add(dst, n-8)) = *(*uint64)(unsafe.Add(src, n-8))
		return
	}
	if n >= 4 {
		*(*uint32)(dst) = *(*uint32)(src)
		*(*uint32)(unsafe.Add(dst, n-4)) = *(*uint32)(unsafe.Add(src, n-4))
		return
	}
	for at := 0; at < n; at++ {
		*(*byte)(unsafe.Add(dst, at)) = *(*byte)(unsafe.Add(src, at))
	}
}
