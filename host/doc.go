// Package host runs provider plugins: WebAssembly guests in a sandbox of
// wazero's, as docs/plugin-abi.md specifies. It compiles them when they are
// first needed, keeps a small number of instances for each, moves requests and
// answers across, carries out their HTTP requests through host/egress with the
// account's credential attached, and stops those that misbehave.
//
// A call runs on its caller's goroutine. A parking guest lets go of its instance
// while it waits for HTTP, so that one instance serves thousands of calls in
// flight; any other Extism guest blocks an instance of its own.
//
// It knows core/spec and nothing else of the core: no method, no store, no
// retry of a create. The root package wires it into the core.
package host
