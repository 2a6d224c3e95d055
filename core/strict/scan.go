package strict

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a document, so that no document exhausts the
// stack.
const maxDepth = 200

// scanner reads one JSON document.
type scanner struct {
	data  []byte
	pos   int
	depth int
}

// jsonType names the type of the value at the cursor for people.
func (s *scanner) jsonType() string {
	if s.pos >= len(s.data) {
		return "nothing"
	}
	switch c := s.data[s.pos]; {
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == '"':
		return "a string"
	case c == 't' || c == 'f':
		return "a boolean"
	case c == 'n':
		return "null"
	default:
		return "a number"
	}
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte that is not white space, or 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos >= len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

func (s *scanner) broken(what string) *fault {
	return &fault{syntax: true, message: "not valid JSON at byte " + strconv.Itoa(s.pos) + ": expected " + what}
}

func (s *scanner) expect(c byte, what string) *fault {
	if s.peek() != c {
		return s.broken(what)
	}
	s.pos++
	return nil
}

func (s *scanner) word(word string) *fault {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return s.broken("a value")
	}
	s.pos += len(word)
	return nil
}

// number returns the text of the number at the cursor.
func (s *scanner) number() ([]byte, *fault) {
	start := s.pos
	if s.pos < len(s.data) && s.data[s.pos] == '-' {
		s.pos++
	}
	switch {
	case s.pos < len(s.data) && s.data[s.pos] == '0':
		s.pos++
	case s.digits() == 0:
		return nil, s.broken("a value")
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		if s.digits() == 0 {
			return nil, s.broken("a digit")
		}
	}
	if s.pos < len(s.data) && (s.data[s.pos] == 'e' || s.data[s.pos] == 'E') {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		if s.digits() == 0 {
			return nil, s.broken("a digit")
		}
	}
	return s.data[start:s.pos], nil
}

func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

// text reads the string at the cursor. The result aliases the document when
// there is no escape in it, so whoever keeps it copies it.
func (s *scanner) text() ([]byte, *fault) {
	if f := s.expect('"', "a string"); f != nil {
		return nil, f
	}
	start, ascii := s.pos, true
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			out := s.data[start:s.pos]
			if !ascii && !utf8.Valid(out) {
				return nil, s.broken("UTF-8 text")
			}
			s.pos++
			return out, nil
		case c == '\\':
			return s.escaped(start)
		case c < 0x20:
			return nil, s.broken("an escaped control character")
		case c >= utf8.RuneSelf:
			ascii = false
		}
		s.pos++
	}
	return nil, s.broken("the end of a string")
}

func (s *scanner) escaped(start int) ([]byte, *fault) {
	out := append(make([]byte, 0, 2*(s.pos-start)+32), s.data[start:s.pos]...)
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			if !utf8.Valid(out) {
				return nil, s.broken("UTF-8 text")
			}
			s.pos++
			return out, nil
		case c < 0x20:
			return nil, s.broken("an escaped control character")
		case c != '\\':
			out = append(out, c)
			s.pos++
			continue
		}
		s.pos++
		if s.pos >= len(s.data) {
			break
		}
		switch e := s.data[s.pos]; e {
		case '"', '\\', '/':
			out = append(out, e)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, ok := s.hex(s.pos + 1)
			if !ok {
				return nil, s.broken("four hexadecimal digits")
			}
			s.pos += 4
			if utf16.IsSurrogate(r) {
				low, paired := rune(0), false
				if s.pos+2 < len(s.data) && s.data[s.pos+1] == '\\' && s.data[s.pos+2] == 'u' {
					low, paired = s.hex(s.pos + 3)
				}
				if r = utf16.DecodeRune(r, low); paired && r != utf8.RuneError {
					s.pos += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			return nil, s.broken("an escape character")
		}
		s.pos++
	}
	return nil, s.broken("the end of a string")
}

func (s *scanner) hex(at int) (rune, bool) {
	if at+4 > len(s.data) {
		return 0, false
	}
	var r rune
	for _, c := range s.data[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// skip checks the value at the cursor and returns its text.
func (s *scanner) skip() ([]byte, *fault) {
	c := s.peek()
	start := s.pos
	var f *fault
	switch c {
	case '{', '[':
		f = s.each(c == '{', func([]byte) *fault {
			_, f := s.skip()
			return f
		})
	case '"':
		_, f = s.text()
	case 't':
		f = s.word("true")
	case 'f':
		f = s.word("false")
	case 'n':
		f = s.word("null")
	default:
		_, f = s.number()
	}
	if f != nil {
		return nil, f
	}
	return s.data[start:s.pos], nil
}

// each walks the object or array at the cursor; visit reads one value.
func (s *scanner) each(object bool, visit func(key []byte) *fault) *fault {
	open, end, what := byte('['), byte(']'), "an array"
	if object {
		open, end, what = '{', '}', "an object"
	}
	if f := s.expect(open, what); f != nil {
		return f
	}
	if s.depth++; s.depth > maxDepth {
		return &fault{syntax: true, message: "nested deeper than " + strconv.Itoa(maxDepth) + " levels"}
	}
	if s.peek() == end {
		s.pos++
		s.depth--
		return nil
	}
	for {
		var key []byte
		var f *fault
		if object {
			s.space()
			if key, f = s.text(); f != nil {
				return f
			}
			if f = s.expect(':', "a colon"); f != nil {
				return f
			}
		}
		if s.peek() == 0 {
			return s.broken("a value")
		}
		if f = visit(key); f != nil {
			return f
		}
		switch s.peek() {
		case ',':
			s.pos++
		case end:
			s.pos++
			s.depth--
			return nil
		default:
			return s.broken("a comma or the end of " + what)
		}
	}
}
