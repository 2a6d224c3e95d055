package egress

import "strings"

// escapes are the bytes that an escape may begin with: those of JSON, of URLs and of
// HTML.
var escapes = [...]byte{'\\', '%', '&'}

func beginsEscape(b byte) bool { return b == '\\' || b == '%' || b == '&' }

// escape is the beginning of an escape that was read. What it is made of may have been
// escaped itself.
type escape struct {
	at     int     // its place in the text
	states []int32 // those of the search there
	form   byte    // '\\', '%', '&'; and 'u', '#' and 'x' for their numbers
	count  int     // letters and digits read
	value  int
	name   [4]byte
}

// takes reads one more byte. whole means that it was the last one, goes that it is one
// of the escape, whose value is what it stands for. One that does not go is left as it is.
func (e *escape) takes(b byte) (whole, goes bool) {
	switch e.form {
	case '\\':
		if b != 'u' {
			return false, false
		}
		e.form = 'u'
		return false, true
	case 'u':
		goes = e.digit(b, 16)
		return goes && e.count == 4 && e.value <= 0xff, goes && (e.count < 4 || e.value <= 0xff)
	case '%':
		goes = e.digit(b, 16)
		return goes && e.count == 2, goes
	case '&':
		if b == '#' && e.count == 0 {
			e.form = '#'
			return false, true
		}
		return e.letter(b)
	case '#':
		if b|0x20 == 'x' && e.count == 0 {
			e.form = 'x'
			return false, true
		}
		return e.number(b, 10)
	}
	return e.number(b, 16)
}

func (e *escape) digit(b byte, base int) bool {
	digit := strings.IndexByte("0123456789abcdef"[:base], b)
	if b >= 'A' && b <= 'F' {
		digit = strings.IndexByte("0123456789abcdef"[:base], b|0x20)
	}
	if digit < 0 {
		return false
	}
	e.value = e.value*base + digit
	e.count++
	return true
}

// number reads the number of a character in HTML.
func (e *escape) number(b byte, base int) (whole, goes bool) {
	const most = 8 // digits
	if b == ';' {
		whole = e.count > 0 && e.value <= 0xff
		return whole, whole
	}
	return false, e.count < most && e.digit(b, base)
}

// letter reads the name of a character in HTML.
func (e *escape) letter(b byte) (whole, goes bool) {
	if b == ';' {
		switch string(e.name[:e.count]) {
		case "amp":
			e.value = '&'
		case "lt":
			e.value = '<'
		case "gt":
			e.value = '>'
		case "quot":
			e.value = '"'
		case "apos":
			e.value = '\''
		default:
			return false, false
		}
		return true, true
	}
	b |= 0x20
	if e.count == len(e.name) || b < 'a' || b > 'z' {
		return false, false
	}
	e.name[e.count] = b
	e.count++
	return false, true
}
