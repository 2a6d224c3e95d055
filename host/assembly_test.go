package host

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// assembly builds WebAssembly modules by hand: what no compiler would produce.
type assembly struct {
	types   [][]byte
	imports [][]byte
	known   map[string]uint32 // imported functions by name
	bodies  [][]byte
	kinds   []uint32 // the type of each body
	exports [][]byte
	data    [][]byte
	tables  []byte
	start   int // function index, -1: none
	pages   uint32
	most    uint32 // 0: no maximum
	top     uint32 // first free byte of memory
}

func newAssembly() *assembly {
	return &assembly{known: map[string]uint32{}, start: -1, pages: 2, top: 1024}
}

func leb(n uint64) []byte { return binary.AppendUvarint(nil, n) }

func sleb(n int64) []byte {
	var out []byte
	for {
		b := byte(n & 0x7f)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func vector(b []byte) []byte { return append(leb(uint64(len(b))), b...) }

func list(items [][]byte) []byte {
	return append(leb(uint64(len(items))), bytes.Join(items, nil)...)
}

func (a *assembly) typ(params, results []byte) uint32 {
	t := append(append([]byte{0x60}, vector(params)...), vector(results)...)
	for i, old := range a.types {
		if bytes.Equal(old, t) {
			return uint32(i)
		}
	}
	a.types = append(a.types, t)
	return uint32(len(a.types) - 1)
}

// imported returns a call of a host function, which must be named before the
// first body.
func (a *assembly) imported(module, name string) []byte {
	key := module + "." + name
	if _, ok := a.known[key]; !ok {
		functions := extismImports()
		if module == atlasModule {
			functions = atlasImports()
		}
		var params, results []byte
		for _, f := range functions {
			if f.name == name {
				params, results = f.params, f.results
			}
		}
		a.declare(module, name, params, results)
	}
	return append([]byte{0x10}, leb(uint64(a.known[key]))...)
}

// declare adds an import with any type.
func (a *assembly) declare(module, name string, params, results []byte) []byte {
	if len(a.bodies) > 0 {
		panic("imports come before bodies")
	}
	item := append(append(vector([]byte(module)), vector([]byte(name))...), 0)
	a.imports = append(a.imports, append(item, leb(uint64(a.typ(params, results)))...))
	a.known[module+"."+name] = uint32(len(a.imports) - 1)
	return append([]byte{0x10}, leb(uint64(a.known[module+"."+name]))...)
}

// function adds a body and returns its index.
func (a *assembly) function(params, results []byte, code ...[]byte) uint32 {
	a.kinds = append(a.kinds, a.typ(params, results))
	body := append([]byte{1, 2, 0x7f}, bytes.Join(code, nil)...) // two i32 locals
	a.bodies = append(a.bodies, vector(append(body, 0x0b)))
	return uint32(len(a.imports) + len(a.bodies) - 1)
}

func (a *assembly) export(name string, function uint32) {
	a.exports = append(a.exports, append(append(vector([]byte(name)), 0), leb(uint64(function))...))
}

// text puts bytes into memory and returns their place.
func (a *assembly) text(b []byte) (at, length int64) {
	at = int64(a.top)
	item := append(append([]byte{0, 0x41}, sleb(at)...), 0x0b)
	a.data = append(a.data, append(item, vector(b)...))
	a.top += uint32(len(b)+15) &^ 15
	return at, int64(len(b))
}

func (a *assembly) binary() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, content []byte) {
		out = append(append(out, id), vector(content)...)
	}
	section(1, list(a.types))
	if len(a.imports) > 0 {
		section(2, list(a.imports))
	}
	var kinds [][]byte
	for _, k := range a.kinds {
		kinds = append(kinds, leb(uint64(k)))
	}
	section(3, list(kinds))
	if a.tables != nil {
		section(4, a.tables)
	}
	memory := append([]byte{1, 0}, leb(uint64(a.pages))...)
	if a.most > 0 {
		memory = append(append([]byte{1, 1}, leb(uint64(a.pages))...), leb(uint64(a.most))...)
	}
	section(5, memory)
	section(7, list(append(a.exports, append(vector([]byte("memory")), 2, 0))))
	if a.start >= 0 {
		section(8, leb(uint64(a.start)))
	}
	section(10, list(a.bodies))
	if len(a.data) > 0 {
		section(11, list(a.data))
	}
	return out
}

// Instructions.
var (
	opTrap   = []byte{0x00}
	opDrop   = []byte{0x1a}
	opLoop   = []byte{0x03, 0x40}
	opAgain  = []byte{0x0c, 0x00, 0x0b} // branch to the loop's head, end
	opGrow   = []byte{0x40, 0x00}
	opReturn = []byte{0x0f}
)

func c32(n int64) []byte { return append([]byte{0x41}, sleb(n)...) }
func c64(n int64) []byte { return append([]byte{0x42}, sleb(n)...) }

func join(code ...[]byte) []byte { return bytes.Join(code, nil) }

// manifestOf is the manifest of a hand-made guest.
func manifestOf(name string, edit func(map[string]any)) []byte {
	m := map[string]any{"name": name, "abi": 1, "version": "1", "capabilities": []string{}, "hosts": []string{"api.example.com"},
		"urls":       []any{map[string]any{"name": "api", "url": "https://api.example.com"}},
		"credential": map[string]any{"env": []string{"X_API_KEY"}, "scheme": "Bearer"}}
	if edit != nil {
		edit(m)
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return text
}

// hostile builds a guest whose describe is well-behaved and whose get_compute
// runs the code that build returns; the code leaves nothing on the stack, and the
// export then returns 0. build names the imports it needs by calling a.imported.
func hostile(name string, build func(a *assembly) []byte) []byte {
	a := newAssembly()
	write := a.imported(atlasModule, "output_write")
	code := build(a)
	at, length := a.text(manifestOf(name, nil))
	a.export("describe", a.function(nil, []byte{0x7f}, c32(at), c32(length), write, c32(0)))
	a.export("get_compute", a.function(nil, []byte{0x7f}, code, c32(0)))
	if _, parks := a.known[atlasModule+".http_begin"]; parks {
		a.export(exportResume, a.function([]byte{0x7f}, []byte{0x7f}, c32(0)))
	}
	return a.binary()
}

// answering builds a guest that answers get_compute with a text.
func answering(name, output string) []byte {
	return hostile(name, func(a *assembly) []byte {
		at, length := a.text([]byte(output))
		return join(c32(at), c32(length), a.imported(atlasModule, "output_write"))
	})
}

// asking builds a parking guest that sends one request and answers with the
// error that the host reports for it, or with a value when there is none.
func asking(name, meta string, edit func(map[string]any)) []byte {
	a := newAssembly()
	write := a.imported(atlasModule, "output_write")
	begin := a.imported(atlasModule, "http_begin")
	length := a.imported(atlasModule, "http_error_length")
	read := a.imported(atlasModule, "http_error_read")
	at, n := a.text(manifestOf(name, edit))
	a.export("describe", a.function(nil, []byte{0x7f}, c32(at), c32(n), write, c32(0)))
	metaAt, metaLength := a.text([]byte(meta))
	// if http_begin(…) < 0 return 0; return 2
	a.export("get_compute", a.function(nil, []byte{0x7f}, c32(metaAt), c32(metaLength), c32(0), c32(0), begin,
		c32(0), []byte{0x48, 0x04, 0x40}, c32(0), opReturn, []byte{0x0b}, c32(2)))
	valueAt, valueLength := a.text([]byte(`{"value":{"id":"x"}}`))
	prefix := `{"error":`
	prefixAt, _ := a.text(append([]byte(prefix), make([]byte, 4096)...))
	textAt := prefixAt + int64(len(prefix))
	a.export(exportResume, a.function([]byte{0x7f}, []byte{0x7f},
		// local 1 = http_error_length(request)
		[]byte{0x20, 0}, length, []byte{0x21, 1},
		// where there is none, the value
		[]byte{0x20, 1, 0x45, 0x04, 0x40}, c32(valueAt), c32(valueLength), write, c32(0), opReturn, []byte{0x0b},
		[]byte{0x20, 0}, c32(textAt), read,
		// memory[textAt+length] = '}'
		[]byte{0x20, 1}, c32(textAt), []byte{0x6a}, c32('}'), []byte{0x3a, 0, 0},
		c32(prefixAt), []byte{0x20, 1}, c32(int64(len(prefix))+1), []byte{0x6a}, write, c32(0)))
	return a.binary()
}

func requestMeta(url string, headers map[string]string) string {
	text, err := json.Marshal(map[string]any{"method": "GET", "url": url, "headers": headers})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func caseName(prefix string, n int) string { return fmt.Sprintf("%s%02d", prefix, n) }
