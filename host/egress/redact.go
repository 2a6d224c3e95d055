package egress

import (
	"bytes"
	"strings"
	"unsafe"

	"github.com/exatlas/atlas/core/spec"
)

// suspicious reports whether a text may hold a key. It is what most answers
// cost, so it allocates nothing.
func suspicious(text []byte, key string) bool {
	if bytes.Contains(text, []byte(key)) || strings.ContainsAny(key, ", ") {
		return true
	}
	for _, b := range escapes {
		if bytes.IndexByte(text, b) >= 0 {
			return true
		}
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

// begins reports whether a text holds what a needle begins with. A trie of all needles
// is large, and most of what is suspicious holds none.
func begins(text []byte, key string) bool {
	_, _, found := newSearch(newTrie(beginnings(key)), text).next()
	return found
}

// redactBody takes a credential out of a body. With cut, the body may end in
// the middle of the credential; what is there of it is taken off.
func redactBody(body []byte, key string, cut bool) []byte {
	if len(key) < shortest || len(body) == 0 || !cut && !suspicious(body, key) {
		return body
	}
	if !begins(body, key) {
		return body
	}
	r := redaction{search: newSearch(newTrie(needles(key)), body)}
	for end, found, more := r.search.next(); more; end, found, more = r.search.next() {
		r.found(end, found)
	}
	return r.finish(cut)
}

// redaction is what is taken out of a text: the parts in which a needle is found,
// those that overlap as one.
type redaction struct {
	search     *search
	out        []byte // nil: nothing was found yet
	copied     int    // up to where the text is in out
	start, end int    // the last part, which may still grow; end 0: none yet
	length     int32  // of its longest needle
}

// found takes out the needle that ends at a place. Where it began is looked up only
// if that may change anything, and at most once for each length in one part, so that
// all the looking up is no more work than the text is long.
func (r *redaction) found(end int, needle int32) {
	length := r.search.trie.nodes[needle].depth
	overlaps := int(length) > end-r.end && r.end > 0
	if overlaps && length <= r.length {
		r.grow(end, needle)
		return
	}
	start := r.search.start(end, needle)
	if !overlaps && start >= r.end {
		r.flush()
		r.start, r.length = start, 0
	}
	r.start, r.length = min(r.start, start), max(r.length, length)
	r.grow(end, needle)
}

// grow moves the end of a part. The backslashes that follow one that is of the needle
// may be of its escape.
func (r *redaction) grow(end int, needle int32) {
	if r.search.trie.nodes[needle].is == '\\' {
		end = max(end, r.end)
		for end < len(r.search.text) && r.search.text[end] == '\\' {
			end++
		}
	}
	r.end = max(r.end, end)
}

// flush writes the text up to the end of a part. The backslashes before the latter
// may be of the escape of its first byte.
func (r *redaction) flush() {
	if r.end == 0 {
		return
	}
	r.before(r.start)
	r.out = append(r.out, spec.Redacted...)
	r.copied = r.end
}

// before writes the text before a part.
func (r *redaction) before(start int) {
	text := r.search.text
	for start > r.copied && text[start-1] == '\\' {
		start--
	}
	r.out = append(r.out, text[r.copied:max(start, r.copied)]...)
}

// finish returns the text without what was found in it.
func (r *redaction) finish(cut bool) []byte {
	r.flush()
	if cut {
		if start := r.search.begun(); start < len(r.search.text) {
			r.before(start)
			return r.out
		}
	}
	if r.out == nil {
		return r.search.text
	}
	return append(r.out, r.search.text[r.copied:]...)
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
	all := unsafe.Slice(unsafe.StringData(text), len(text))
	if !(suspicious(all, key) && begins(all, key)) && !strings.Contains(text, lower(key)) {
		return
	}
	for i := range lines {
		lines[i].Value = redactText(lines[i].Value, key)
		if strings.Contains(lines[i].Name, lower(key)) {
			lines[i].Name = spec.Redacted
		}
	}
}
