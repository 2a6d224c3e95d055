package wasm

import (
	"encoding/binary"
	"errors"
)

// What a module may declare. The engine makes room for what is declared before
// it reads it, and a table grows as far as its maximum lets it, in memory of the
// host's: where nothing bounds either, a file of 15 bytes ends the process.
const (
	mostTypes     = 100_000
	mostParams    = 1000 // of a function, and as many results
	mostImports   = 10_000
	mostFunctions = 1 << 18
	mostTables    = 16
	mostElements  = 1 << 20 // of a table, and of all segments
	mostGlobals   = 100_000
	mostExports   = 100_000
	mostSegments  = 100_000 // of elements, and as many of data
	mostLocals    = 50_000  // of a function
	mostAllLocals = 16 << 20

	// mostBody is the size of a function's body. Compiling one cannot be stopped,
	// and takes with three times the blocks twenty times as long: this much in
	// blocks of a few bytes takes half a minute. The largest of a program of Go
	// that links its compiler's packages and TLS has 50 KB.
	mostBody = 256 << 10

	// mostWork bounds the size of a function's body times the width of its module's
	// widest type. A call of two bytes makes as many values as the function has results,
	// and the compiler keeps some hundred bytes for each: with a thousand results 40 KB
	// of calls take all the memory there is. Types of 16 parameters and 4 results, which
	// is more than compilers of several languages make, leave a body its greatest size.
	mostWork   = mostBody * usualWidth
	usualWidth = 16
)

// section returns what a part of a module is called, and how what it declares is
// checked; no name where there is no such part.
func section(id byte) (name string, check func(*reader)) {
	switch id {
	case 1:
		return "types", (*reader).types
	case importSection:
		return "imports", func(r *reader) { r.imports() }
	case 3:
		return "functions", func(r *reader) { r.each(mostFunctions, func() { r.number() }) }
	case tableSection:
		return "tables", func(r *reader) { r.tables() }
	case 5:
		return "memories", func(r *reader) { r.each(1, func() { r.limits() }) }
	case 6:
		return "globals", func(r *reader) { r.each(mostGlobals, func() { r.global(); r.constant() }) }
	case exportSection:
		return "exports", func(r *reader) { r.exports() }
	case 9:
		return "elements", (*reader).elements
	case 10:
		return "functions' bodies", (*reader).code
	case dataSection:
		return "data segments", (*reader).data
	case 8, dataCountSection:
		return "start function or count of data", func(r *reader) { r.number() }
	}
	return "", nil
}

const (
	customSection    = 0
	importSection    = 2
	tableSection     = 4
	exportSection    = 7
	dataSection      = 11
	dataCountSection = 12
)

// Bound checks what a module declares before the engine sees it; the engine
// validates the rest. It returns the module as it is to be compiled: without what
// is for debuggers, with a maximum for every table, and with few segments of data.
// problem says what is wrong with it.
func Bound(code []byte) (bounded []byte, problem string) {
	bounded = append(make([]byte, 0, len(code)+64), head...)
	counted, width := false, usualWidth
	err := sections(code, func(id byte, _, content []byte) error {
		if id == customSection { // for debuggers
			return nil
		}
		name, check := section(id)
		if name == "" {
			return errUnknown
		}
		s := reader{rest: content, width: width}
		if check(&s); s.bad || len(s.rest) > 0 {
			return errors.New("its " + name + " are malformed, or more or larger than allowed")
		}
		if s.borrows {
			return errBorrows
		}
		width = s.width
		switch {
		case id == tableSection:
			s = reader{rest: content}
			content = s.tables()
		case id == dataCountSection:
			counted = true
		case id == dataSection && !counted: // or the code may name segments by their numbers
			content = mergeData(content)
		}
		bounded = append(bounded, id)
		bounded = binary.AppendUvarint(bounded, uint64(len(content)))
		bounded = append(bounded, content...)
		return nil
	})
	if err != nil {
		return nil, err.Error()
	}
	return bounded, ""
}

var (
	errUnknown = errors.New("it has a section of an unknown kind")
	errBorrows = errors.New("it imports a memory, a table or a global; a plugin has its own and imports functions alone")
)

func (r *reader) types() {
	function := func() {
		r.byte()
		params := r.each(mostParams, r.valueType)
		results := r.each(mostParams, r.valueType)
		r.width = max(r.width, int(params), 4*int(results))
	}
	all := uint64(0)
	r.each(mostTypes, func() {
		const group = 0x4e // of types that refer to each other
		if len(r.rest) == 0 || r.rest[0] != group {
			all++
			function()
			return
		}
		r.byte()
		if all += r.each(mostTypes, function); all > mostTypes {
			r.bad = true
		}
	})
}

// valueType reads a type; the long forms are references to a type by its number.
func (r *reader) valueType() {
	if b := r.byte(); b == 0x63 || b == 0x64 {
		r.leb(5)
	}
}

// functionKind is that of imports and exports which are functions.
const functionKind = 0

// imports reads which functions a module imports, each with the module that it is of.
func (r *reader) imports() (list [][2]string) {
	r.each(mostImports, func() {
		from, name, kind := r.name(), r.name(), r.byte()
		r.borrows = r.borrows || kind != functionKind
		switch kind {
		case functionKind:
			r.number()
			list = append(list, [2]string{from, name})
		case 1:
			r.valueType()
			r.limits()
		case 2:
			r.limits()
		case 3:
			r.global()
		default:
			r.bad = true
		}
	})
	return list
}

// exports reads which functions a module exports.
func (r *reader) exports() (list []string) {
	r.each(mostExports, func() {
		if name := r.name(); r.byte() == functionKind {
			list = append(list, name)
		}
		r.number()
	})
	return list
}

func (r *reader) global() {
	r.valueType()
	r.byte()
}

// limits reads a least and a greatest size. Where there is no greatest it is the
// greatest of all numbers.
func (r *reader) limits() (least, most uint64) {
	flags := r.byte()
	least, most = r.number(), 1<<32-1
	if flags&1 != 0 {
		most = r.number()
	}
	if flags > 3 {
		r.bad = true
	}
	return least, most
}

// tables returns the section with a maximum for every table.
func (r *reader) tables() []byte {
	var dst []byte
	count := r.each(mostTables, func() {
		from := r.rest
		initialized := len(from) > 0 && from[0] == 0x40
		if initialized {
			r.skip(2)
		}
		r.valueType()
		kind := from[:len(from)-len(r.rest)]
		flags := byte(0)
		if len(r.rest) > 0 {
			flags = r.rest[0]
		}
		least, most := r.limits()
		if least > mostElements || most < least {
			r.bad = true
		}
		dst = append(append(dst, kind...), flags|1)
		dst = binary.AppendUvarint(dst, least)
		dst = binary.AppendUvarint(dst, min(most, mostElements))
		from = r.rest
		if initialized {
			r.constant()
		}
		dst = append(dst, from[:len(from)-len(r.rest)]...)
	})
	return append(binary.AppendUvarint(nil, count), dst...)
}

func (r *reader) elements() {
	all := uint64(0)
	r.each(mostSegments, func() {
		flags := r.number()
		if flags > 7 {
			r.bad = true
			return
		}
		passive, typed, expressions := flags&1 != 0, flags&3 != 0, flags&4 != 0
		if !passive {
			if flags&2 != 0 {
				r.number()
			}
			r.constant()
		}
		if typed {
			r.valueType() // or the kind, which is a byte, too
		}
		item := func() { r.number() }
		if expressions {
			item = r.constant
		}
		if all += r.each(mostElements, item); all > mostElements {
			r.bad = true
		}
	})
}

func (r *reader) code() {
	all := uint64(0)
	r.each(mostFunctions, func() {
		body := reader{rest: r.take(r.number())}
		if len(body.rest) > mostBody || len(body.rest)*r.width > mostWork {
			r.bad = true
		}
		locals := uint64(0)
		body.each(mostLocals, func() {
			locals += body.number()
			body.valueType()
		})
		shape := body.shape()
		if shape.heavy(locals + uint64(r.width)) {
			r.bad = true
		}
		if all += locals; body.bad || locals > mostLocals || all > mostAllLocals {
			r.bad = true
		}
	})
}

func (r *reader) data() {
	r.each(mostSegments, func() {
		switch r.number() {
		case 0:
			r.constant()
		case 1:
		case 2:
			r.number()
			r.constant()
		default:
			r.bad = true
		}
		r.skip(r.number())
	})
}

// constant reads an expression that has a constant value.
func (r *reader) constant() {
	for !r.bad {
		switch r.byte() {
		case 0x0b: // end
			return
		case 0x41, 0x23, 0xd0, 0xd2: // i32.const, global.get, ref.null, ref.func
			r.leb(5)
		case 0x42: // i64.const
			r.leb(10)
		case 0x43: // f32.const
			r.skip(4)
		case 0x44: // f64.const
			r.skip(8)
		case 0xfd: // v128.const
			r.skip(17)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // sums and products
		default:
			r.bad = true
		}
	}
}
