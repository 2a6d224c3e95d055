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
		{"unknown import", describing(manifestOf("bad", nil))[:0], []string{"not a WebAssembly module"}},
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
	for n := range cases {
		if cases[n].name == "unknown import" {
			a := newAssembly()
			a.declare("env", "system", []byte{t32}, []byte{t32})
			a.export("describe", a.function(nil, []byte{t32}, c32(0)))
			cases[n].module, cases[n].words = a.binary(), []string{"env"}
		}
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
