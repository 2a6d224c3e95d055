package jsonx

import "unsafe"

// plain returns the position of the first byte from at on that is a control
// character, a quote, a backslash or not ASCII, or the length of text.
//
// It looks at eight bytes at a time: WebAssembly as Go's compiler writes it pays
// for every turn of a loop, so a loop over bytes costs as much as all the rest of
// reading a document.
func plain(text string, at int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for ; at+8 <= len(text); at += 8 {
		word := *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.StringData(text)), at))
		quote := word ^ ones*'"'
		slash := word ^ ones*'\\'
		// The high bit of a byte is set where it is below 0x20, equals one of the
		// two, or is not ASCII. A borrow may set it for a byte too much, so the
		// bytes themselves decide.
		if (word|(word-ones*0x20)|(quote-ones)|(slash-ones))&highs != 0 {
			break
		}
	}
	for ; at < len(text); at++ {
		if c := text[at]; c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			break
		}
	}
	return at
}
