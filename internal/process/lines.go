package process

import (
	"strings"
	"unicode/utf8"
)

// splitter cuts one stream into lines, over the borders of what is read.
type splitter struct {
	stream Stream
	most   int
	emit   func(Line)

	pending []byte
	carried bool // a carriage return was the last byte: what follows decides
}

// write takes what was read.
func (s *splitter) write(chunk []byte) {
	for len(chunk) > 0 {
		if s.carried {
			s.carried = false
			if chunk[0] == '\n' {
				s.line(false, false)
				chunk = chunk[1:]
				continue
			}
			s.rewrite()
		}
		at := 0
		for at < len(chunk) && chunk[at] != '\n' && chunk[at] != '\r' {
			at++
		}
		s.add(chunk[:at])
		if at == len(chunk) {
			return
		}
		if chunk[at] == '\n' {
			s.line(false, false)
		} else {
			s.carried = true
		}
		chunk = chunk[at+1:]
	}
}

// add keeps a piece of the line, and hands out what is too long to keep.
func (s *splitter) add(piece []byte) {
	for len(s.pending)+len(piece) > s.most {
		room := s.most - len(s.pending)
		s.pending = append(s.pending, piece[:room]...)
		piece = piece[room:]
		whole := boundary(s.pending)
		rest := append([]byte(nil), s.pending[whole:]...)
		s.pending = s.pending[:whole]
		s.line(false, true)
		s.pending = append(s.pending, rest...)
	}
	s.pending = append(s.pending, piece...)
}

// boundary is the length of b without a character that is cut off at its end.
func boundary(b []byte) int {
	for back := 1; back < utf8.UTFMax && back < len(b); back++ {
		if at := len(b) - back; utf8.RuneStart(b[at]) {
			if !utf8.FullRune(b[at:]) {
				return at
			}
			break
		}
	}
	return len(b)
}

// rewrite ends a line that the next one is written over. One without a visible
// character is nothing that anybody saw.
func (s *splitter) rewrite() {
	if strings.TrimSpace(clean(s.pending)) == "" {
		s.pending = s.pending[:0]
		return
	}
	s.line(true, false)
}

func (s *splitter) line(rewrite, part bool) {
	s.emit(Line{Stream: s.stream, Text: clean(s.pending), Raw: strings.ToValidUTF8(string(s.pending), "\uFFFD"), Rewrite: rewrite, Part: part})
	if s.pending = s.pending[:0]; cap(s.pending) > 4*s.most {
		s.pending = nil
	}
}

// end hands out what came without a line end.
func (s *splitter) end() {
	switch {
	case s.carried:
		s.carried = false
		s.rewrite()
	case len(s.pending) > 0:
		s.line(false, true)
	}
}

// Clean takes terminal control sequences and control characters out of a text, so
// that it can be shown on a terminal.
func Clean(text string) string { return clean([]byte(text)) }

// clean takes terminal control sequences and control characters out of a text.
func clean(raw []byte) string {
	plain := true
	for _, b := range raw {
		if b < 0x20 && b != '\t' || b == 0x7f || b >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return string(raw)
	}
	var out strings.Builder
	out.Grow(len(raw))
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		switch {
		case r == 0x1b:
			i += escape(raw[i:])
			continue
		case r == 0x9b: // the one-byte form of ESC [
			i += size + control(raw[i+size:])
			continue
		case r == '\t' || r >= 0x20 && r != 0x7f && (r < 0x80 || r > 0x9f):
			out.WriteRune(r) // an invalid byte becomes U+FFFD
		}
		i += size
	}
	return out.String()
}

// escape returns the length of the control sequence at the start of b.
func escape(b []byte) int {
	if len(b) < 2 {
		return len(b)
	}
	switch b[1] {
	case '[':
		return 2 + control(b[2:])
	case ']', 'P', 'X', '^', '_': // up to BEL or ESC \
		for i := 2; i < len(b); i++ {
			if b[i] == 0x07 {
				return i + 1
			}
			if b[i] == 0x1b && i+1 < len(b) && b[i+1] == '\\' {
				return i + 2
			}
		}
		return len(b)
	}
	i := 1
	for i < len(b) && b[i] >= 0x20 && b[i] <= 0x2f {
		i++
	}
	if i < len(b) && b[i] >= 0x30 && b[i] < 0x7f {
		i++
	}
	return i
}

// control returns the length of what follows ESC [.
func control(b []byte) int {
	for i, c := range b {
		if c >= 0x40 && c <= 0x7e {
			return i + 1
		}
		if c < 0x20 || c > 0x3f {
			return i // broken off
		}
	}
	return len(b)
}
