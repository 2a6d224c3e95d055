package jsonx

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends text as a JSON string. Bytes that are no UTF-8 become
// U+FFFD, as in encoding/json.
func AppendString(dst []byte, text string) []byte {
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
func AppendInt(dst []byte, value int64) []byte { return strconv.AppendInt(dst, value, 10) }

// AppendFloat appends a number in the notation of encoding/json. What JSON
// cannot say, infinities and NaN, becomes null.
func AppendFloat(dst []byte, value float64) []byte {
	if math.IsInf(value, 0) || math.IsNaN(value) {
		return append(dst, "null"...)
	}
	format := byte('f')
	if abs := math.Abs(value); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, value, format, -1, 64)
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
