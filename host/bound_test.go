package host

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/wasm"
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

// FuzzBound gives the engine what the check lets through. A module that
// makes it take too much memory ends the process, and so the test.
func FuzzBound_WhatIsLetThroughCompiles(f *testing.F) {
	f.Add(answering("acme", `{"value":{}}`))
	f.Add(asking("acme", requestMeta("https://api.example.com/", nil), nil))
	f.Add(hostile("acme", func(a *assembly) []byte {
		a.tables = []byte{2, 0x70, 0, 1, 0x40, 0, 0x6f, 1, 1, 2, 0xd0, 0x6f, 0x0b}
		a.most = 16
		return join([]byte{0xd0, 0x70}, c32(9), []byte{0xfc, 0x0f, 0}, opDrop)
	}))
	f.Fuzz(func(t *testing.T, code []byte) {
		bounded, problem := wasm.Bound(code)
		if problem != "" {
			return
		}
		e, err := compile(t.Context(), bounded, true, 1<<20, nil)
		if err != nil {
			return
		}
		e.close()
		if again, problem := wasm.Bound(bounded); problem != "" || string(again) != string(bounded) {
			t.Errorf("what has been bounded is bounded again: %q", problem)
		}
	})
}
