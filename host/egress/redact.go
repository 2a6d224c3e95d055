package egress

import (
	"bytes"
	"encoding/base64"
	"iter"
	"strconv"
	"strings"
	"unsafe"

	"github.com/exatlas/atlas/core/spec"
)

// shortest is the length from which on a credential is looked for in answers. A
// shorter one is no secret, and would tear ordinary words apart.
const shortest = 6

// within returns what of a credential is one by itself and is not the key that stands
// in the header: the password of basic authentication, or where that is none the pair,
// and what follows a scheme that the key brings along.
func within(scheme, key string) (all []string) {
	if word, rest, found := strings.Cut(key, " "); scheme == "" && found {
		scheme, key = word, strings.TrimSpace(rest)
		all = append(all, key)
	}
	if !strings.EqualFold(scheme, "basic") {
		return all
	}
	pair, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(key, "="))
	if err != nil {
		if pair, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(key, "=")); err != nil {
			return all
		}
	}
	user, password, _ := strings.Cut(string(pair), ":")
	if len(password) >= shortest {
		return append(all, password)
	}
	if len(user) >= shortest { // the key of those who ask for no password, or any
		all = append(all, user)
	}
	return append(all, string(pair))
}

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
	if bytes.Contains(text, []byte(key)) || bytes.IndexByte(text, '\\') >= 0 || bytes.IndexByte(text, '%') >= 0 || strings.ContainsAny(key, ", ") ||
		bytes.IndexByte(text, '&') >= 0 && strings.ContainsAny(key, markup) {
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
// escaped as JSON, URLs and HTML do it, any of them, and by the first two more than
// once. It returns where it stopped in the text, and how much of the needle it found by
// then. What begins an escape may also stand for itself: where it is of the needle both
// are tried.
func match(text []byte, needle string) (end, found int) {
	end, found = matchAs(text, needle, "")
	if found == len(needle) {
		return end, found
	}
	for _, escapes := range [...]string{"%", "&", "%&"} {
		if !containsAll(needle, escapes) {
			continue
		}
		if e, f := matchAs(text, needle, escapes); f > found || f == found && e > end {
			end, found = e, f
		}
	}
	return end, found
}

func containsAll(text, bytes string) bool {
	for i := range len(bytes) {
		if strings.IndexByte(text, bytes[i]) < 0 {
			return false
		}
	}
	return true
}

// matchAs is match that takes a byte for itself, or if it is one of escapes for the
// beginning of one.
func matchAs(text []byte, needle, escapes string) (end, found int) {
	for ; found < len(needle) && end < len(text); found++ {
		want := needle[found]
		next := end
		if !is(text[end], want) || escapes != "" && strings.IndexByte(escapes, want) >= 0 {
			next = unescape(text, end, want)
		}
		if next == end && is(text[end], want) {
			next++
		}
		if next == end {
			break
		}
		end = next
	}
	return end, found
}

// unescape returns where the text goes on behind one byte that is escaped; at where
// there is another one, or none.
func unescape(text []byte, at int, want byte) int {
	i := at
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
		for i++; i+1 < len(text) && text[i] == '2' && text[i+1] == '5'; i += 2 {
		}
		if want == '%' && i > at+1 {
			return i
		}
		return number(text, at, i, 2, want)
	case i == at && text[i] == '&':
		return entity(text, at, want)
	}
	return at
}

// markup are the bytes that a page of HTML may hold escaped.
const markup = "&<>\"'`=/+"

// named are the escapes of HTML that have a name.
var named = [...]struct {
	text string
	is   byte
}{{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}}

// entity returns where the text goes on behind a byte that is escaped as HTML does it,
// by its name or its number; at where there is another one.
func entity(text []byte, at int, want byte) int {
	const most = 8 // bytes of a number
	rest := text[at+1:]
	if len(rest) == 0 {
		return len(text) // the rest is cut off
	}
	if rest[0] != '#' {
		for _, e := range named {
			if e.is == want && bytes.HasPrefix([]byte(e.text), rest[:min(len(rest), len(e.text))]) {
				return at + 1 + min(len(rest), len(e.text))
			}
		}
		return at
	}
	end := bytes.IndexByte(rest[:min(len(rest), most)], ';')
	if end < 0 && len(rest) < most {
		return len(text)
	} else if end < 0 {
		return at
	}
	digits, base := string(rest[1:end]), 10
	if digits != "" && digits[0]|0x20 == 'x' {
		digits, base = digits[1:], 16
	}
	if n, err := strconv.ParseUint(digits, base, 8); err != nil || byte(n) != want {
		return at
	}
	return at + 1 + end + 1
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

// sorted are needles by their first bytes: those of a list of tokens begin alike, and at
// most places of an answer none of them begins.
type sorted struct {
	begins [256]bool // what one may begin with, escaped or not
	by     [256][]string
	first  []byte // the first bytes
}

func sort(needles []string) *sorted {
	s := &sorted{}
	s.begins['\\'], s.begins['%'], s.begins['&'] = true, true, true
	for _, needle := range needles {
		b := needle[0]
		if len(s.by[b]) == 0 {
			s.first = append(s.first, b)
		}
		s.by[b] = append(s.by[b], needle)
		s.begins[b] = true
		s.begins['+'] = s.begins['+'] || b == ' '
	}
	return s
}

// at iterates over the needles whose first byte a text begins with, as it is or escaped.
func (s *sorted) at(text []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, b := range s.first {
			if !is(text[0], b) && unescape(text, 0, b) == 0 {
				continue
			}
			for _, needle := range s.by[b] {
				if !yield(needle) {
					return
				}
			}
		}
	}
}

// redactBody takes a credential out of a body. With cut, the body may end in
// the middle of the credential; what is there of it is taken off.
func redactBody(body []byte, key string, cut bool) []byte {
	if len(key) < shortest || len(body) == 0 || !cut && !suspicious(body, key) {
		return body
	}
	sought := sort(needles(key))
	var out []byte // nil: nothing was found yet
	copied := 0
	for i := 0; i < len(body); i++ {
		if !sought.begins[body[i]] {
			continue
		}
		at := i
		for needle := range sought.at(body[i:]) {
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
			i = skipEscapes(body, i, len(sought.by['\\']) > 0)
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

// redactText takes the credential of a message out of a text.
func (m *message) redactText(text string) string {
	text = redactText(text, m.key)
	for _, inner := range m.within {
		text = redactText(text, inner)
	}
	return text
}

// redactBody takes it out of a body.
func (m *message) redactBody(body []byte, cut bool) []byte {
	body = redactBody(body, m.key, cut)
	for _, inner := range m.within {
		body = redactBody(body, inner, cut)
	}
	return body
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
	if len(key) < shortest {
		return
	}
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
