package jsonx

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

const hexDigits = "0123456789abcdef"

// AppendString appends text as a JSON string. Bytes that are no UTF-8 become
// U+FFFD, as in encoding/json.
func AppendString(dst []byte, text string) []byte {
	if plain(text, 0) < len(text) {
		return appendEscaped(dst, text)
	}
	at := len(dst)
	if cap(dst)-at < len(text)+2 {
		dst = grown(dst, len(text)+2)
	}
	dst = dst[:at+len(text)+2]
	to := unsafe.Pointer(unsafe.SliceData(dst))
	*(*byte)(unsafe.Add(to, at)) = '"'
	put(unsafe.Add(to, at+1), text)
	*(*byte)(unsafe.Add(to, at+1+len(text))) = '"'
	return dst
}

// grown returns b with room for n bytes more.
//
//go:noinline
func grown(b []byte, n int) []byte { return slices.Grow(b, max(n, len(b))) }

//go:noinline
func appendEscaped(dst []byte, text string) []byte {
	dst = append(dst, '"')
	start := 0
	for at := plain(text, 0); at < len(text); at = plain(text, at) {
		c := text[at]
		if c >= utf8.RuneSelf {
			char, size := utf8.DecodeRuneInString(text[at:])
			if char != utf8.RuneError || size != 1 {
				at += size
				continue
			}
			dst = append(append(dst, text[start:at]...), `\ufffd`...)
		} else {
			dst = append(dst, text[start:at]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		at++
		start = at
	}
	return append(append(dst, text[start:]...), '"')
}

// AppendInt appends a whole number.
func AppendInt(dst []byte, value int64) []byte {
	if value < 0 || value > 99_999 {
		return strconv.AppendInt(dst, value, 10)
	}
	return appendDigits(dst, uint32(value), 1)
}

// appendDigits appends a number below 100,000, with zeros before it where it has
// less than least digits.
func appendDigits(dst []byte, n uint32, least int) []byte {
	digits := [5]byte{byte(n/10_000) + '0', byte(n/1000%10) + '0', byte(n/100%10) + '0', byte(n/10%10) + '0', byte(n%10) + '0'}
	from := 0
	for from < len(digits)-least && digits[from] == '0' {
		from++
	}
	return append(dst, digits[from:]...)
}

// AppendFloat appends a number in the notation of encoding/json. What JSON
// cannot say, infinities and NaN, becomes null.
func AppendFloat(dst []byte, value float64) []byte {
	if math.IsInf(value, 0) || math.IsNaN(value) {
		return append(dst, "null"...)
	}
	// Prices have a few places. A number that is the nearest to one of so few
	// digits is written as that one by the general way, too.
	if value < 1e5 && !math.Signbit(value) {
		if n := uint32(value*10_000 + 0.5); float64(n)/10_000 == value {
			return appendPlaces(dst, n)
		}
	}
	format := byte('f')
	if abs := math.Abs(value); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, value, format, -1, 64)
}

// appendPlaces appends n ten-thousandths without zeros at the end.
func appendPlaces(dst []byte, n uint32) []byte {
	dst = appendDigits(dst, n/10_000, 1)
	places := n % 10_000
	if places == 0 {
		return dst
	}
	least := 4
	for ; places%10 == 0; places /= 10 {
		least--
	}
	return appendDigits(append(dst, '.'), places, least)
}

// AppendBool appends true or false.
func AppendBool(dst []byte, value bool) []byte { return strconv.AppendBool(dst, value) }

// AppendStrings appends an array of strings; nil is the empty array.
func AppendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, text := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, text)
	}
	return append(dst, ']')
}

// AppendMap appends an object of strings, its keys in order.
func AppendMap(dst []byte, all map[string]string) []byte {
	keys := make([]string, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, key), ':')
		dst = AppendString(dst, all[key])
	}
	return append(dst, '}')
}
