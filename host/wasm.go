package host

// checkModule returns what is wrong with a module before the engine sees it: the
// things that cost memory by being declared. The engine validates the rest.
func checkModule(code []byte) string {
	const (
		maxTables   = 16
		maxElements = 1 << 20
		tableID     = 4
	)
	if len(code) < 8 || string(code[:8]) != "\x00asm\x01\x00\x00\x00" {
		return "it is not a WebAssembly module"
	}
	r := wasmReader{code[8:]}
	for len(r.rest) > 0 {
		id := r.byte()
		section, ok := r.take(r.number())
		if !ok {
			return "a section of it is cut off"
		}
		if id != tableID {
			continue
		}
		tables := wasmReader{section}
		count := tables.number()
		if count > maxTables {
			return "it has too many tables"
		}
		for range count {
			tables.byte() // the type of its elements
			limited := tables.byte()&1 != 0
			if tables.number() > maxElements {
				return "a table of it is too large"
			}
			if limited {
				tables.number()
			}
		}
	}
	return ""
}

// wasmReader reads the binary format. Past the end it reads zeros.
type wasmReader struct{ rest []byte }

func (r *wasmReader) byte() byte {
	if len(r.rest) == 0 {
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// number reads an unsigned LEB128 number of 32 bits.
func (r *wasmReader) number() uint64 {
	var n uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	return n
}

func (r *wasmReader) take(n uint64) ([]byte, bool) {
	if n > uint64(len(r.rest)) {
		return nil, false
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, true
}
