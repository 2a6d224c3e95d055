package host

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestHost_RefusesModulesThatAreNoPlugins(t *testing.T) {
	describing := func(manifest []byte, more ...func(*assembly)) []byte {
		a := newAssembly()
		write := a.imported(atlasModule, "output_write")
		at, length := a.text(manifest)
		describe := a.function(nil, []byte{t32}, c32(at), c32(length), write, c32(0))
		a.export("describe", describe)
		for _, m := range more {
			m(a)
		}
		return a.binary()
	}
	edited := func(key string, value any) []byte {
		return describing(manifestOf("bad", func(m map[string]any) { m[key] = value }))
	}
	loop := func(where string) []byte {
		a := newAssembly()
		f := a.function(nil, []byte{t32}, opLoop, opAgain, c32(0))
		g := a.function(nil, nil, opLoop, opAgain)
		switch where {
		case "describe":
			a.export("describe", f)
		case "_initialize":
			a.export("describe", a.function(nil, []byte{t32}, c32(0)))
			a.export("_initialize", g)
		case "start":
			a.export("describe", a.function(nil, []byte{t32}, c32(0)))
			a.start = int(g)
		}
		return a.binary()
	}
	importing := func(module, name string, params ...byte) []byte {
		a := newAssembly()
		a.declare(module, name, params, nil)
		a.export("describe", a.function(nil, []byte{t32}, c32(0)))
		return a.binary()
	}
	borrowing := func(what ...byte) []byte {
		a := newAssembly()
		a.typ(nil, nil)
		a.imports = append(a.imports, join(vector([]byte("env")), vector([]byte("x")), what))
		return a.binary()
	}
	good := describing(manifestOf("bad", nil))
	cases := []struct {
		name   string
		module []byte
		words  []string
	}{
		{"nothing", nil, []string{"not a WebAssembly module"}},
		{"a text", []byte("#!/bin/sh\n"), []string{"not a WebAssembly module"}},
		{"cut off", good[:len(good)/2], nil},
		{"only a head", good[:8], []string{"describe"}},
		{"rubbish after the head", append(good[:8:8], "rubbish"...), nil},
		{"an import of nobody's", importing("env", "abort"), []string{"imports abort of env", "no such function", "docs/plugin-abi.md"}},
		{"an import that there is none of", importing(wasiModule, "dance"), []string{"imports dance of " + wasiModule, "no such function"}},
		{"an import whose name breaks the line", importing("x\n\x1b[31m", "a\x00b"), []string{"imports ab of x [31m;"}},
		{"an import whose name is no text", importing("\xff", "a"), []string{"UTF-8"}},
		{"an import of WASI of another type", importing(wasiModule, "random_get", 0x7d), []string{"random_get", "(f32) -> ()", "(i32, i32) -> i32"}},
		{"a memory of another's", borrowing(2, 0, 1), []string{"imports a memory, a table or a global"}},
		{"a table of another's", borrowing(1, 0x70, 0, 1), []string{"imports a memory, a table or a global"}},
		{"a global of another's", borrowing(3, 0x7f, 0), []string{"imports a memory, a table or a global"}},
		{"an exception", borrowing(4, 0, 0), []string{"imports are malformed"}},
		{"loop in describe", loop("describe"), []string{tooLong}},
		{"loop in _initialize", loop("_initialize"), []string{tooLong}},
		{"loop in its start function", loop("start"), []string{tooLong}},
		{"wrong ABI", edited("abi", 7), []string{"7", "speaks 1"}},
		{"no ABI", edited("abi", nil), []string{"ABI"}},
		{"ABI of another type", edited("abi", "1"), []string{"ABI"}},
		{"no name", edited("name", ""), []string{"name"}},
		{"bad name", edited("name", "../evil"), []string{"name"}},
		{"no version", edited("version", ""), []string{"version"}},
		{"an address as a host", edited("hosts", []string{"169.254.169.254"}), []string{"address"}},
		{"an IPv6 address as a host", edited("hosts", []string{"[::1]"}), nil},
		{"a short address as a host", edited("hosts", []string{"127.1"}), []string{"address"}},
		{"every host", edited("hosts", []string{"*"}), nil},
		{"every host of a domain", edited("hosts", []string{"*.com"}), []string{"too much"}},
		{"a host in capitals", edited("hosts", []string{"API.example.com"}), []string{"lower case"}},
		{"a local name", edited("hosts", []string{"localhost"}), []string{"full host name"}},
		{"a bad port", edited("hosts", []string{"api.example.com:99999"}), []string{"port"}},
		{"hosts of another type", edited("hosts", "api.example.com"), nil},
		{"plain http", edited("urls", []any{map[string]any{"name": "api", "url": "http://api.example.com"}}), []string{"https"}},
		{"a credential for another host", edited("credential", map[string]any{"env": []string{}, "hosts": []string{"evil.example.net"}}), []string{"credential"}},
		{"a credential in Host", edited("credential", map[string]any{"env": []string{}, "header": "Host"}), []string{"credential"}},
		{"a credential with a line break", edited("credential", map[string]any{"env": []string{}, "header": "x\r\ny"}), []string{"credential"}},
		{"a pace without a window", edited("rate_limits", []any{map[string]any{"requests": 1}}), []string{"rate limit"}},
		{"a manifest without end", edited("description", strings.Repeat("x", 70_000)), []string{"manifest", "larger than"}},
		{"a manifest that is no JSON", describing([]byte(`{"name":`)), []string{"manifest"}},
		{"a manifest that is a list", describing([]byte(`[]`)), []string{"manifest"}},
		{"an export of another type", describing(manifestOf("bad", nil), func(a *assembly) {
			a.export("get_compute", a.function([]byte{t32}, []byte{t32}, c32(0)))
		}), []string{"get_compute", "wrong type"}},
		{"memory beyond the limit", describing(manifestOf("bad", nil), func(a *assembly) { a.pages = 60000 }), nil},
		{"a huge table", describing(manifestOf("bad", nil), func(a *assembly) {
			a.tables = append([]byte{1, 0x70, 0}, leb(100_000_000)...)
		}), []string{"table"}},
		{"http_begin without atlas_resume", func() []byte {
			a := newAssembly()
			a.imported(atlasModule, "http_begin")
			a.export("describe", a.function(nil, []byte{t32}, c32(0)))
			return a.binary()
		}(), []string{"atlas_resume"}},
		{"a request in describe", func() []byte {
			a := newAssembly()
			begin := a.imported(atlasModule, "http_begin")
			at, n := a.text([]byte(requestMeta("https://api.example.com/", nil)))
			a.export("describe", a.function(nil, []byte{t32}, c32(at), c32(n), c32(0), c32(0), begin, opDrop, c32(2)))
			a.export(exportResume, a.function([]byte{t32}, []byte{t32}, c32(0)))
			return a.binary()
		}(), []string{"no network"}},
		{"no describe", func() []byte {
			a := newAssembly()
			a.export("get_compute", a.function(nil, []byte{t32}, c32(0)))
			return a.binary()
		}(), []string{"describe"}},
	}
	a, brief := newArena(t, Options{}), newArena(t, Options{Limits: briefly})
	before := a.host.Names()
	a.healthy(func() {
		for n, c := range cases {
			a := a
			if len(c.words) > 0 && c.words[0] == tooLong {
				a = brief
			}
			err := a.load(caseName("m", n), c.module)
			t.Run(c.name, func(t *testing.T) { expect(t, err, spec.KindPlugin, c.words...) })
		}
	})
	for _, a := range []*arena{a, brief} {
		if after := a.host.Names(); strings.Join(after, " ") != strings.Join(before, " ") {
			t.Errorf("a refused plugin is registered: %v", after)
		}
		if s := a.host.Stats(); s.Instances > 2 {
			t.Errorf("refused plugins have left sandboxes: %+v", s)
		}
	}
}

// TestHost_RefusesFunctionsOfAnotherType takes each function that guests are given for
// one of another type.
func TestHost_RefusesFunctionsOfAnotherType(t *testing.T) {
	a := newArena(t, Options{})
	for module, functions := range map[string][]hostFunction{atlasModule: atlasImports(), extismModule: extismImports()} {
		for _, f := range functions {
			as := newAssembly()
			as.declare(module, f.name, append([]byte{0x7d}, f.params...), f.results)
			as.export("describe", as.function(nil, []byte{t32}, c32(0)))
			t.Run(f.name, func(t *testing.T) {
				expect(t, a.load("bad", as.binary()), spec.KindPlugin, f.name+" of "+module, "with the type (f32")
			})
		}
	}
}
