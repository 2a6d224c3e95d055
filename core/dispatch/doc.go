// Package dispatch is the door of Atlas: the one table of methods, and what
// carries a request to its method and the answer back. A request is decoded
// strictly before anything runs; calls in flight are counted, named, cancelled
// and given deadlines here; completions and events leave through one queue.
//
// The table (table_*.go) is the only place that knows method names. The
// documentation, the JSON Schema and the types of the bindings are generated
// from it by internal/gen. dispatch knows no C and no WebAssembly; the root
// package wires it.
package dispatch
