package host

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// TestHost_RefusesModulesThatDeclareMoreThanTheyHold gives the engine what would
// make it ask the system for more memory than there is, which ends a process.
func TestHost_RefusesModulesThatDeclareMoreThanTheyHold(t *testing.T) {
	const most = 1<<32 - 1
	module := func(id byte, content ...[]byte) []byte {
		return append(append([]byte("\x00asm\x01\x00\x00\x00"), id), vector(join(content...))...)
	}
	cases := []struct {
		name   string
		module []byte
		words  string
	}{
		{"params", module(1, leb(1), []byte{0x60}, leb(most)), "types"},
		{"types in a group", module(1, leb(1), []byte{0x4e}, leb(most), []byte{0x60, 0, 0}), "types"},
		{"imports", module(2, leb(most)), "imports"},
		{"name of an import", module(2, leb(1), leb(most), []byte("env")), "imports"},
		{"functions", module(3, leb(most)), "functions"},
		{"tables", module(4, leb(most)), "tables"},
		{"elements of a table with a first value", module(4, leb(1), []byte{0x40, 0, 0x70, 0}, leb(100_000_000), []byte{0xd0, 0x70, 0x0b}), "tables"},
		{"globals", module(6, leb(most)), "globals"},
		{"exports", module(7, leb(most)), "exports"},
		{"segments of elements", module(9, leb(most)), "elements"},
		{"elements", module(9, leb(1), []byte{1, 0}, leb(most)), "elements"},
		{"elements by expression", module(9, leb(1), []byte{5, 0x70}, leb(most)), "elements"},
		{"bodies", module(10, leb(most)), "bodies"},
		{"size of a body", module(10, leb(1), leb(most), []byte{0, 0x0b}), "bodies"},
		{"a body of 300 KB", module(10, leb(1), vector(append(make([]byte, 300_000), 0x0b))), "bodies"},
		{"a body of calls with a thousand results", wideCalls(1000), "bodies"},
		{"locals of loops in loops", nested(1000, 1000), "bodies"},
		{"locals", module(10, leb(1), vector(join(leb(1), leb(most), []byte{0x7f, 0x0b}))), "bodies"},
		{"segments of data", module(11, leb(most)), "data"},
		{"data", module(11, leb(1), []byte{1}, leb(most)), "data"},
		{"an unknown section", module(99, leb(most)), "section"},
	}
	a := newArena(t, Options{})
	a.healthy(func() {
		for n, c := range cases {
			err := a.load(caseName("d", n), c.module)
			t.Run(c.name, func(t *testing.T) { expect(t, err, spec.KindPlugin, "no plugin", c.words) })
		}
	})
}

// wideCalls is a module of which one body calls another so often that the compiler has
// to keep a hundred million values.
func wideCalls(width int) []byte {
	a := newAssembly()
	many := bytes.Repeat([]byte{t32}, width)
	wide := a.function(many, many, opTrap)
	call := append([]byte{0x10}, leb(uint64(wide))...)
	a.function(nil, nil, bytes.Repeat(c32(0), width), bytes.Repeat(call, 100_000), bytes.Repeat(opDrop, width))
	return a.binary()
}

// nested is a module of which one body uses locals in loops within each other.
func nested(depth, locals int) []byte {
	body := append(append([]byte{1}, leb(uint64(locals))...), t32)
	body = append(body, bytes.Repeat([]byte{0x03, 0x40}, depth)...)
	for n := range locals {
		body = append(append(append(body, 0x20), leb(uint64(n))...), 0x1a)
	}
	body = append(append(body, bytes.Repeat([]byte{0x41, 0, 0x0d, 0, 0x0b}, depth)...), 0x0b)
	a := newAssembly()
	a.kinds, a.bodies = append(a.kinds, a.typ(nil, nil)), append(a.bodies, vector(body))
	return a.binary()
}

// TestBoundModule_ReadsBodies has every manner of instruction before a loop that counts.
func TestBoundModule_ReadsBodies(t *testing.T) {
	code := join(
		[]byte{0x02, 0x40, 0x02, 0xc0, 0x01, 0x04, 0x7f, 0x0b, 0x0b, 0x0b}, // blocks of several types
		[]byte{0x0c, 0, 0x0e, 2, 0, 1, 0x80, 1, 0x10, 0x85, 1, 0x11, 3, 0, 0x1c, 1, 0x7f},
		[]byte{0x20, 0x83, 1, 0x24, 3, 0x25, 3, 0x28, 2, 0x83, 1, 0x3f, 0, 0x40, 0, 0x41, 0x83, 3, 0x42, 0x83, 0x83, 3},
		[]byte{0x43, 3, 3, 3, 3, 0x44, 3, 3, 3, 3, 3, 3, 3, 3, 0x45, 0xc4, 0xd0, 0x70, 0xd1, 0xd2, 3},
		[]byte{0xfc, 3, 0xfc, 8, 3, 0, 0xfc, 9, 3, 0xfc, 10, 0, 0, 0xfc, 11, 0, 0xfc, 12, 3, 3, 0xfc, 13, 3, 0xfc, 14, 3, 3, 0xfc, 17, 3},
		[]byte{0xfd, 3, 3, 3, 0xfd, 12, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0xfd, 21, 3, 0xfd, 84, 3, 3, 3, 0xfd, 0x83, 1},
		[]byte{0x03, 0x40, 0x03, 0x40, 0x0b, 0x0b, 0x03, 0x40, 0x0b, 0x0b},
	)
	r := wasmReader{rest: code}
	if got, want := r.shape(), (shape{blocks: 6, loops: 3, depth: 2}); got != want || r.bad || len(r.rest) > 0 {
		t.Errorf("%+v, want %+v; %x is left, bad: %v", got, want, r.rest, r.bad)
	}
	r = wasmReader{rest: []byte{0x1f, 3, 3, 3}} // the engine refuses it
	if got := r.shape(); got != (shape{}) || r.bad {
		t.Errorf("%+v, bad: %v", got, r.bad)
	}
	if _, problem := boundModule(nested(50, 50)); problem != "" {
		t.Error(problem)
	}
}

// TestBoundModule_LetsTheUsualTypesHaveTheGreatestBodies holds the bound of wide types
// against what compilers make.
func TestBoundModule_LetsTheUsualTypesHaveTheGreatestBodies(t *testing.T) {
	for _, row := range []struct {
		params, results, size int
		fits                  bool
	}{
		{16, 4, mostBody - 10, true}, {0, 5, mostBody - 10, false}, {17, 0, mostBody - 10, false},
		{64, 1, 60 << 10, true}, {1000, 1, 4000, true}, {1000, 1000, 1000, true}, {1000, 1000, 2000, false},
	} {
		a := newAssembly()
		a.function(bytes.Repeat([]byte{t32}, row.params), bytes.Repeat([]byte{t32}, row.results), make([]byte, row.size))
		if _, problem := boundModule(a.binary()); problem == "" != row.fits {
			t.Errorf("%+v: %q", row, problem)
		}
	}
}

// TestHost_BoundsTheGrowthOfTables lets a guest grow a table that has no maximum,
// in one step and in many.
func TestHost_BoundsTheGrowthOfTables(t *testing.T) {
	grow := func(n int64) []byte { return join([]byte{0xd0, 0x70}, c32(n), []byte{0xfc, 0x0f, 0}) }
	a := newArena(t, Options{})
	for name, row := range map[string]struct{ table, code []byte }{
		"far":    {[]byte{1, 0x70, 0, 1}, join(grow(64<<20), c32(-1), []byte{0x46, 0x45, 0x04, 0x40}, opTrap, []byte{0x0b})},
		"capped": {join([]byte{1, 0x70, 1, 1}, leb(64<<20)), join(grow(64<<20), c32(-1), []byte{0x46, 0x45, 0x04, 0x40}, opTrap, []byte{0x0b})},
		"bit":    {[]byte{1, 0x70, 0, 1}, join(grow(1000), c32(1), []byte{0x46, 0x45, 0x04, 0x40}, opTrap, []byte{0x0b})},
	} {
		module := hostile(name, func(a *assembly) []byte {
			a.tables = row.table
			at, length := a.text([]byte(`{"value":{"id":"x"}}`))
			return join(row.code, c32(at), c32(length), a.imported(atlasModule, "output_write"))
		})
		if err := a.load(name, module); err != nil {
			t.Fatal(err)
		}
		if _, err := a.host.Call(context.Background(), callOf(name)); err != nil {
			t.Errorf("%s: the table grew by another number: %v", name, err)
		}
	}
}

// TestHost_GivesUpOnAModuleThatTakesTooLongToCompile gives the compiler blocks, for
// which its time grows faster than they do.
func TestHost_GivesUpOnAModuleThatTakesTooLongToCompile(t *testing.T) {
	h := newHost(t, Options{Network: newFakeNetwork(reply(200, pod)), Limits: Limits{CompileTime: time.Millisecond}})
	path := filepath.Join(t.TempDir(), "slow.wasm")
	write(t, path, hostile("slow", func(as *assembly) []byte {
		for range 100 {
			as.function(nil, nil, bytes.Repeat([]byte{0x20, 0, 0x04, 0x40, 0x20, 1, 0x21, 0, 0x0b}, 1000))
		}
		return nil
	}))
	_, err := h.Load(context.Background(), path, "")
	expect(t, err, spec.KindPlugin, "cannot be compiled", "longer than 1ms")
}

// A plugin that comes with the library is none to be wary of: on a machine that is
// slow or busy it would be lost for good, and with it the way to give machines back.
func TestHost_TakesTheTimeItNeedsForABuiltInPlugin(t *testing.T) {
	h := newHost(t, Options{Builtin: []Plugin{small("acme")}, CacheDir: t.TempDir(), Network: newFakeNetwork(reply(200, pod)), Limits: Limits{CompileTime: 1}})
	if _, err := h.Manifest(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
}

// TestBoundModule_LeavesOutWhatIsForDebuggers holds the names of functions, whose
// number nothing bounds.
func TestBoundModule_LeavesOutWhatIsForDebuggers(t *testing.T) {
	good := answering("acme", `{"value":{}}`)
	names := join(vector([]byte("name")), []byte{1}, vector(leb(1<<32-1)))
	named := append(append(good[:len(good):len(good)], 0), vector(names)...)
	bounded, problem := boundModule(named)
	if want, _ := boundModule(good); problem != "" || string(bounded) != string(want) {
		t.Errorf("%q; %d bytes, want %d", problem, len(bounded), len(want))
	}
}

// FuzzBoundModule gives the engine what the check lets through. A module that
// makes it take too much memory ends the process, and so the test.
func FuzzBoundModule_WhatIsLetThroughCompiles(f *testing.F) {
	f.Add(answering("acme", `{"value":{}}`))
	f.Add(asking("acme", requestMeta("https://api.example.com/", nil), nil))
	f.Add(hostile("acme", func(a *assembly) []byte {
		a.tables = []byte{2, 0x70, 0, 1, 0x40, 0, 0x6f, 1, 1, 2, 0xd0, 0x6f, 0x0b}
		a.most = 16
		return join([]byte{0xd0, 0x70}, c32(9), []byte{0xfc, 0x0f, 0}, opDrop)
	}))
	f.Fuzz(func(t *testing.T, code []byte) {
		bounded, problem := boundModule(code)
		if problem != "" {
			return
		}
		e, err := compile(t.Context(), bounded, true, 1<<20, nil)
		if err != nil {
			return
		}
		e.close()
		if again, problem := boundModule(bounded); problem != "" || string(again) != string(bounded) {
			t.Errorf("what has been bounded is bounded again: %q", problem)
		}
	})
}
