// Command capi is libexatlas.so: the C ABI of include/atlas.h on top of package
// atlas. It decodes C arguments, calls, and encodes the answer into C memory;
// it holds the client handles, the memory it handed out and the wake-up
// descriptors, and knows nothing of clouds, plugins or methods. C programs and
// the bindings call it; no Go package imports it.
//
// shim.c defines the functions of the header. It refuses what must not reach Go
// (a child of fork, a NULL pointer) and forwards the rest to exports.go.
package main

// clients is process-wide state: a C caller has nothing else
// to name a client with than a number.
var clients table

// waiter is the runtime's, of which each process has one, too.
var waiter poller

// main is never run: a c-shared library has no entry point of its own.
func main() {}
