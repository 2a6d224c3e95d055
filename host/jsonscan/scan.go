package jsonscan

import "unicode/utf8"

// MaxDepth is how deep JSON from a guest may nest. Decoders further up recurse,
// so what they get is bounded here, where nothing recurses.
const MaxDepth = 200

// Member is a member of a JSON object: where its value lies in the text.
type Member struct {
	Key        string // as written, without quotes; escapes are not resolved
	Start, End int
}

// Object checks that text is one JSON object in UTF-8 and appends its
// members to list.
func Object(text []byte, list []Member) ([]Member, bool) {
	if !utf8.Valid(text) {
		return list, false
	}
	s := scanner{text: text}
	s.space()
	if !s.take('{') {
		return list, false
	}
	s.space()
	if !s.take('}') {
		for {
			from := s.at + 1
			if !s.str() {
				return list, false
			}
			m := Member{Key: string(text[from : s.at-1])}
			s.space()
			if !s.take(':') {
				return list, false
			}
			s.space()
			m.Start = s.at
			if !s.value() {
				return list, false
			}
			m.End = s.at
			list = append(list, m)
			s.space()
			if s.take('}') {
				break
			}
			if !s.take(',') {
				return list, false
			}
			s.space()
		}
	}
	s.space()
	return list, s.at == len(text)
}

// scanner walks over JSON without building anything.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) take(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// value walks over one value of any kind, without recursion: open holds what is
// open, an object or an array, from the outside in.
func (s *scanner) value() bool {
	var open [MaxDepth]bool // true: an object
	depth := 0
	for {
		// A value begins here.
		if s.at >= len(s.text) {
			return false
		}
		switch c := s.text[s.at]; {
		case c == '{' || c == '[':
			if depth == MaxDepth {
				return false
			}
			s.at++
			s.space()
			if s.take(c + 2) { // the closing one of either lies two further
				break
			}
			open[depth] = c == '{'
			depth++
			if c == '{' && !s.key() {
				return false
			}
			continue
		case c == '"':
			if !s.str() {
				return false
			}
		case c == '-' || c >= '0' && c <= '9':
			if !s.number() {
				return false
			}
		default:
			if !s.word("true") && !s.word("false") && !s.word("null") {
				return false
			}
		}
		// A value has ended: close what ends with it, or go on to the next.
		for {
			if depth == 0 {
				return true
			}
			s.space()
			if s.take(',') {
				s.space()
				if open[depth-1] && !s.key() {
					return false
				}
				break
			}
			closing := byte(']')
			if open[depth-1] {
				closing = '}'
			}
			if !s.take(closing) {
				return false
			}
			depth--
		}
	}
}

// key walks over a member's name and the colon.
func (s *scanner) key() bool {
	if !s.str() {
		return false
	}
	s.space()
	if !s.take(':') {
		return false
	}
	s.space()
	return true
}

func (s *scanner) word(w string) bool {
	if len(s.text)-s.at >= len(w) && string(s.text[s.at:s.at+len(w)]) == w {
		s.at += len(w)
		return true
	}
	return false
}

func (s *scanner) str() bool {
	if !s.take('"') {
		return false
	}
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		switch {
		case c == '"':
			return true
		case c < ' ':
			return false
		case c == '\\':
			if !s.escape() {
				return false
			}
		}
	}
	return false
}

func (s *scanner) escape() bool {
	if s.at >= len(s.text) {
		return false
	}
	c := s.text[s.at]
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if s.at >= len(s.text) || !isHex(s.text[s.at]) {
				return false
			}
			s.at++
		}
		return true
	}
	return false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (s *scanner) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > from
}
