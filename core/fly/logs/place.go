package logs

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// A cursor of this package is a moment and, behind a point, the marks of the lines
// of that moment that were handed out: others of it may follow, and neither they
// nor these are to be told by the moment alone. A number alone is a cursor of
// Fly's, or any time.
const (
	markSize = 6 // characters, 36 bits
	// mostMarks bounds a cursor. Where more lines share a moment the first of them
	// come again; none is left out.
	mostMarks = 64
)

// place is how far a reading has come.
type place struct {
	at    int64  // ns since 1970; 0: nowhere
	marks string // of the lines of that moment
}

// pass goes on to a line. A line that is late leaves the place where it is.
func (p *place) pass(l *Line) {
	switch {
	case l.at == 0 || l.at < p.at:
		return
	case l.at > p.at:
		p.at, p.marks = l.at, ""
	}
	p.marks += mark(l)
	p.marks = p.marks[max(0, len(p.marks)-mostMarks*markSize):]
}

// cursor is where to resume behind the place.
func (p *place) cursor() string {
	switch {
	case p.at == 0:
		return ""
	case p.marks == "":
		return strconv.FormatInt(p.at, 10)
	}
	return strconv.FormatInt(p.at, 10) + "." + p.marks
}

// resume reads a cursor: the place it names, and what Fly is to be asked for.
func resume(cursor string) (start place, ask string, ok bool) {
	number, marks, marked := strings.Cut(cursor, ".")
	at, err := strconv.ParseInt(number, 10, 64)
	if !marked {
		return place{at: max(0, at)}, cursor, true // Fly tells what is wrong with it
	}
	if _, bad := base64.RawURLEncoding.DecodeString(marks); err != nil || at <= 0 || bad != nil || marks == "" || len(marks)%markSize != 0 {
		return place{}, "", false
	}
	return place{at, marks}, strconv.FormatInt(at-1, 10), true
}

// had reports whether a line, the n-th of its equals, was handed out before the
// place was reached.
func (p *place) had(l *Line, n int32) bool {
	switch {
	case l.at == 0 || l.at > p.at || p.marks == "":
		return false
	case l.at < p.at:
		return true
	}
	same, this := int32(0), mark(l)
	for i := 0; i < len(p.marks); i += markSize {
		if p.marks[i:i+markSize] == this {
			same++
		}
	}
	return n <= same
}

// mark knows a line in every process, unlike keyOf.
func mark(l *Line) string {
	h := uint64(14695981039346656037) // FNV-1a
	for _, text := range []string{l.Instance, l.Timestamp, l.Message} {
		for i := 0; i < len(text); i++ {
			h = (h ^ uint64(text[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	h ^= h >> 32
	var out [markSize]byte
	for i := range out {
		out[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[h&63]
		h >>= 6
	}
	return string(out[:])
}
