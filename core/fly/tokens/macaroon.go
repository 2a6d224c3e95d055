package tokens

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/fly"
)

// validityWindow is the number of the caveat that bounds a macaroon in time:
// [not before, not after], seconds since 1970 (superfly/macaroon, 2025-03).
const validityWindow = 4

// expires reads when a token expires: the earliest end of a validity window among
// its macaroons, conditions inside other caveats left out. Known is false for
// OAuth tokens, which do not say, for tokens without a window, and for what
// cannot be read.
func expires(token string) (at time.Time, known bool) {
	for _, part := range strings.Split(fly.Bare(token), ",") {
		if !fly.Macaroon(part) {
			continue
		}
		_, text, _ := strings.Cut(part, "_")
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			if raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "=")); err != nil {
				continue
			}
		}
		if end, ok := window(raw); ok && (!known || end.Before(at)) {
			at, known = end, true
		}
	}
	return at, known
}

// window finds the end of a macaroon's validity. A macaroon is an array of nonce,
// location, caveats and tail; its caveats are one array of types and bodies by
// turns.
func window(raw []byte) (at time.Time, known bool) {
	r := &pack{rest: raw}
	if n, ok := r.array(); !ok || n < 3 || !r.skip(0) || !r.skip(0) {
		return at, false
	}
	n, ok := r.array()
	if !ok || n%2 != 0 {
		return at, false
	}
	for range n / 2 {
		kind, ok := r.number()
		if !ok {
			return at, known
		}
		if kind != validityWindow {
			if !r.skip(0) {
				return at, known
			}
			continue
		}
		if fields, ok := r.array(); !ok || fields != 2 {
			return at, known
		}
		_, ok1 := r.number()
		end, ok2 := r.number()
		if !ok1 || !ok2 {
			return at, known
		}
		if one := time.Unix(end, 0).UTC(); end > 0 && end < 1<<40 && (!known || one.Before(at)) {
			at, known = one, true
		}
	}
	return at, known
}

// pack reads MessagePack as far as macaroons need it.
type pack struct{ rest []byte }

// take cuts n bytes off and reads them as a number, highest byte first.
func (p *pack) take(n int) (value uint64, ok bool) {
	if len(p.rest) < n {
		return 0, false
	}
	var wide [8]byte
	copy(wide[8-n:], p.rest[:n])
	p.rest = p.rest[n:]
	return binary.BigEndian.Uint64(wide[:]), true
}

func (p *pack) drop(n uint64) bool {
	if n > uint64(len(p.rest)) {
		return false
	}
	p.rest = p.rest[n:]
	return true
}

func (p *pack) array() (n int, ok bool) {
	tag, ok := p.take(1)
	switch {
	case !ok:
		return 0, false
	case tag&0xf0 == 0x90:
		return int(tag & 0x0f), true
	case tag == 0xdc || tag == 0xdd:
		size, ok := p.take(2 << (tag - 0xdc))
		return int(size), ok && size <= uint64(len(p.rest))
	}
	return 0, false
}

func (p *pack) number() (value int64, ok bool) {
	tag, ok := p.take(1)
	switch {
	case !ok:
		return 0, false
	case tag <= 0x7f:
		return int64(tag), true
	case tag >= 0xe0:
		return int64(int8(tag)), true
	case tag >= 0xcc && tag <= 0xcf: // unsigned
		wide, ok := p.take(1 << (tag - 0xcc))
		return int64(wide), ok && wide < 1<<63
	case tag >= 0xd0 && tag <= 0xd3: // signed
		size := 1 << (tag - 0xd0)
		wide, ok := p.take(size)
		shift := 64 - 8*size
		return int64(wide<<shift) >> shift, ok
	}
	return 0, false
}

// skip passes one value over, whatever it is, to a sane depth.
func (p *pack) skip(depth int) bool {
	tag, ok := p.take(1)
	if !ok || depth > 64 {
		return false
	}
	items := func(n uint64) bool {
		for ; n > 0; n-- {
			if !p.skip(depth + 1) {
				return false
			}
		}
		return true
	}
	sized := func(bytes int, extra uint64) bool {
		n, ok := p.take(bytes)
		return ok && p.drop(n+extra)
	}
	switch {
	case tag <= 0x7f || tag >= 0xe0 || tag == 0xc0 || tag == 0xc2 || tag == 0xc3:
		return true
	case tag&0xf0 == 0x80:
		return items(2 * (tag & 0x0f))
	case tag&0xf0 == 0x90:
		return items(tag & 0x0f)
	case tag&0xe0 == 0xa0:
		return p.drop(tag & 0x1f)
	case tag >= 0xc4 && tag <= 0xc6: // bytes
		return sized(1<<(tag-0xc4), 0)
	case tag >= 0xc7 && tag <= 0xc9: // extension: its type is one byte more
		return sized(1<<(tag-0xc7), 1)
	case tag == 0xca || tag == 0xcb: // floating point
		return p.drop(4 << (tag - 0xca))
	case tag >= 0xcc && tag <= 0xcf:
		return p.drop(1 << (tag - 0xcc))
	case tag >= 0xd0 && tag <= 0xd3:
		return p.drop(1 << (tag - 0xd0))
	case tag >= 0xd4 && tag <= 0xd8: // fixed extensions
		return p.drop(1<<(tag-0xd4) + 1)
	case tag >= 0xd9 && tag <= 0xdb: // text
		return sized(1<<(tag-0xd9), 0)
	case tag == 0xdc || tag == 0xdd:
		n, ok := p.take(2 << (tag - 0xdc))
		return ok && n <= uint64(len(p.rest)) && items(n)
	case tag == 0xde || tag == 0xdf:
		n, ok := p.take(2 << (tag - 0xde))
		return ok && n <= uint64(len(p.rest)) && items(2*n)
	}
	return false
}
