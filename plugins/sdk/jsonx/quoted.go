package jsonx

import (
	"unicode/utf16"
	"unicode/utf8"
)

// quoted consumes a string, the reader standing on its opening quote. Lone
// surrogates and bytes that are no UTF-8 become U+FFFD, one each.
func (r *Reader) quoted() string {
	start := r.pos + 1
	for at := plain(r.data, start); at < len(r.data); at = plain(r.data, at+1) {
		switch c := r.data[at]; {
		case c == '"':
			r.pos = at + 1
			return r.data[start:at]
		case c == '\\' || c >= utf8.RuneSelf:
			return r.rewritten(start, at)
		case r.Strict: // a control character
			r.fail()
			return ""
		}
		r.raw = true
	}
	r.fail()
	return ""
}

// rewritten consumes a string that holds an escape or a byte above ASCII, the
// first one at special. It copies only where the text differs from the document.
func (r *Reader) rewritten(start, special int) string {
	var out []byte
	copied := start // data[copied:at] is not in out yet
	at := special
	for at < len(r.data) {
		c := r.data[at]
		switch {
		case c == '"':
			r.pos = at + 1
			if out == nil {
				return r.data[start:at]
			}
			return string(append(out, r.data[copied:at]...))
		case c == '\\':
			if out == nil {
				out = make([]byte, 0, at-start+64)
			}
			out = append(out, r.data[copied:at]...)
			size := 0
			if out, size = r.escape(out, at); size == 0 {
				r.fail()
				return ""
			}
			at += size
			copied = at
		case c >= utf8.RuneSelf:
			char, size := utf8.DecodeRuneInString(r.data[at:])
			if char == utf8.RuneError && size == 1 {
				out = append(append(out, r.data[copied:at]...), "\uFFFD"...)
				copied = at + 1
			}
			at += size
		case c < ' ' && r.Strict:
			r.fail()
			return ""
		default:
			r.raw = r.raw || c < ' '
			at++
		}
	}
	r.fail()
	return ""
}

// escaped returns the text of a value with the control characters in its strings
// escaped; those between its values are spaces.
func escaped(text string) string {
	out := make([]byte, 0, len(text)+64)
	inside := false
	for at := 0; at < len(text); at++ {
		c := text[at]
		switch {
		case inside && c == '\\':
			out = append(out, c)
			at++
			c = text[at]
		case c == '"':
			inside = !inside
		case inside && c < ' ':
			out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4])
			c = hexDigits[c&15]
		}
		out = append(out, c)
	}
	return string(out)
}

// escape appends what the escape at stands for and returns its length, 0 where
// it is none.
func (r *Reader) escape(out []byte, at int) ([]byte, int) {
	if at+1 >= len(r.data) {
		return out, 0
	}
	switch c := r.data[at+1]; c {
	case '"', '\\', '/':
		return append(out, c), 2
	case 'b':
		return append(out, '\b'), 2
	case 'f':
		return append(out, '\f'), 2
	case 'n':
		return append(out, '\n'), 2
	case 'r':
		return append(out, '\r'), 2
	case 't':
		return append(out, '\t'), 2
	case 'u':
		char, ok := r.hex(at + 2)
		if !ok {
			return out, 0
		}
		if utf16.IsSurrogate(char) {
			if at+7 < len(r.data) && r.data[at+6] == '\\' && r.data[at+7] == 'u' {
				if low, ok := r.hex(at + 8); ok {
					if pair := utf16.DecodeRune(char, low); pair != utf8.RuneError {
						return utf8.AppendRune(out, pair), 12
					}
				}
			}
			char = utf8.RuneError
		}
		return utf8.AppendRune(out, char), 6
	}
	return out, 0
}

func (r *Reader) hex(at int) (rune, bool) {
	if at+4 > len(r.data) {
		return 0, false
	}
	var char rune
	for _, c := range []byte(r.data[at : at+4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		char = char<<4 | rune(c)
	}
	return char, true
}
