package egress

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unsafe"

	"github.com/exatlas/atlas/core/spec"
)

// shortest is the length from which on a credential is looked for in answers. A
// shorter one is no secret, and would tear ordinary words apart.
const shortest = 6

// needles are what is looked for: the credential, the members of a list of
// tokens one by one, and each as part of anything in base64. How their bytes may
// be escaped is the matter of match.
func needles(key string) []string {
	if len(key) < shortest {
		return nil
	}
	all := []string{key}
	if strings.IndexByte(key, ',') >= 0 {
		for _, part := range strings.Split(key, ",") {
			if len(part) >= shortest {
				all = append(all, part)
			}
		}
	}
	for _, one := range all[:len(all):len(all)] {
		for shift := range 3 {
			form := inBase64(nil, one, shift)
			all = append(all, string(form))
			if otherAlphabet(form) {
				all = append(all, string(form))
			}
		}
	}
	return all
}

// inBase64 appends what every base64 text holds whose plain text holds the key
// at a place that leaves the remainder shift when divided by 3. The characters
// that the key's neighbours have a part in are left out.
func inBase64(dst []byte, key string, shift int) []byte {
	var room [256]byte
	text := append(append(room[:0], "   "[:shift]...), key...)
	start := len(dst)
	dst = base64.RawStdEncoding.AppendEncode(dst, text)
	first, last := (shift*8+5)/6, len(text)*8/6
	return append(dst[:start], dst[start+first:start+last]...)
}

// otherAlphabet turns base64 into that of URLs. It reports whether they differ.
func otherAlphabet(form []byte) (differ bool) {
	for i, b := range form {
		switch b {
		case '+':
			form[i], differ = '-', true
		case '/':
			form[i], differ = '_', true
		}
	}
	return differ
}

// suspicious reports whether a text may hold a key. It is what most answers
// cost, so it allocates nothing.
func suspicious(text []byte, key string) bool {
	if bytes.Contains(text, []byte(key)) || bytes.IndexByte(text, '\\') >= 0 || bytes.IndexByte(text, '%') >= 0 || strings.ContainsAny(key, ", ") {
		return true
	}
	var room [344]byte
	for shift := range 3 {
		form := inBase64(room[:0], key, shift)
		if bytes.Contains(text, form) || otherAlphabet(form) && bytes.Contains(text, form) {
			return true
		}
	}
	return false
}

// match compares a text from its start on with a needle whose bytes may be
// escaped as JSON and URLs do it, any of them, and more than once. It returns
// where it stopped in the text, and how much of the needle it found by then.
func match(text []byte, needle string) (end, found int) {
	for ; found < len(needle) && end < len(text); found++ {
		next := unescape(text, end, needle[found])
		if next == end {
			break
		}
		end = next
	}
	return end, found
}

// unescape returns where the text goes on behind one byte, escaped or not; at
// where there is another one.
func unescape(text []byte, at int, want byte) int {
	i := at
	if is(text[i], want) {
		return i + 1
	}
	for i < len(text) && text[i] == '\\' {
		i++
	}
	switch {
	case i == len(text):
		return i // the rest is cut off
	case i > at && text[i] == 'u':
		return number(text, at, i+1, 4, want)
	case i > at && text[i] == want:
		return i + 1
	case i == at && text[i] == '%':
		for i++; i+1 < len(text) && text[i] == '2' && text[i+1] == '5' && want != '%'; i += 2 {
		}
		return number(text, at, i, 2, want)
	}
	return at
}

// is compares two bytes; a plus is a form's space.
func is(b, want byte) bool { return b == want || b == '+' && want == ' ' }

// number returns where the text goes on behind a number of so many digits that is
// want, or at.
func number(text []byte, at, i, digits int, want byte) int {
	n := 0
	for range digits {
		if i == len(text) {
			return i // the rest is cut off
		}
		digit := strings.IndexByte("0123456789abcdef", text[i]|0x20)
		if digit < 0 {
			return at
		}
		n = n<<4 | digit
		i++
	}
	if n > 0xff || !is(byte(n), want) {
		return at
	}
	return i
}

// redactBody takes a credential out of a body. With cut, the body may end in
// the middle of the credential; what is there of it is taken off.
func redactBody(body []byte, key string, cut bool) []byte {
	if len(key) < shortest || len(body) == 0 || !cut && !suspicious(body, key) {
		return body
	}
	all := needles(key)
	var begins [256]bool
	begins['\\'], begins['%'] = true, true
	backslashed := false // whether one begins with what also begins an escape
	for _, needle := range all {
		backslashed = backslashed || needle[0] == '\\'
		begins[needle[0]] = true
		begins['+'] = begins['+'] || needle[0] == ' '
	}
	var out []byte // nil: nothing was found yet
	copied := 0
	for i := 0; i < len(body); i++ {
		if !begins[body[i]] {
			continue
		}
		at := i
		for _, needle := range all {
			end, found := match(body[i:], needle)
			if whole := found == len(needle); !whole && (!cut || i+end < len(body) || found < shortest) {
				continue
			} else if whole {
				out = append(append(out, body[copied:i]...), spec.Redacted...)
			} else {
				out = append(out, body[copied:i]...)
			}
			copied = i + end
			i = copied - 1
			break
		}
		if i == at && body[i] == '\\' { // nothing begins here
			i = skipEscapes(body, i, backslashed)
		}
	}
	if copied == 0 {
		return body
	}
	return append(out, body[copied:]...)
}

// skipEscapes returns the place before which nothing begins that did not begin at
// the first backslash of a run, so that a run is walked over once and not from each
// of its bytes. What itself begins with a backslash may begin at its last ones.
func skipEscapes(body []byte, at int, backslashed bool) int {
	const last = 64
	end := at + 1
	for end < len(body) && body[end] == '\\' {
		end++
	}
	if !backslashed {
		return end - 1
	}
	return max(at, end-1-last)
}

// redactText takes a credential out of a text.
func redactText(text, key string) string {
	if len(key) < shortest || text == "" {
		return text
	}
	before := []byte(text)
	if after := redactBody(before, key, false); !bytes.Equal(before, after) {
		return string(after)
	}
	return text
}

// redactHeaders takes the credential out of header lines; text holds them all.
func redactHeaders(lines []Header, text, key string) {
	if !suspicious(unsafe.Slice(unsafe.StringData(text), len(text)), key) && !strings.Contains(text, lower(key)) {
		return
	}
	for i := range lines {
		lines[i].Value = redactText(lines[i].Value, key)
		if strings.Contains(lines[i].Name, lower(key)) {
			lines[i].Name = spec.Redacted
		}
	}
}
