// Package wasm reads the binary of a module before the engine does, and bounds what
// it declares: the engine makes room for that at once, and a compilation cannot be
// stopped in the middle of a function. It also makes of a module what costs less to
// run: without what is for debuggers, and with few segments of data. And it reads and
// writes what a file tells of the plugin in it without being compiled.
//
// reader.go goes over a module's sections, bound.go has their limits, body.go what a
// function makes the compiler do, segments.go the merging of data, label.go the manifest
// on the box. The package validates no more than it must to find its way, which is the
// engine's work; it knows neither the engine nor what a manifest means. Package host calls
// it before it compiles, and those who build plugins label them.
package wasm
