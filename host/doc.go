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
// To read it, follow a call. run.go is the way of one from end to end; host.go lets it
// in, and options.go has what may be set.
//
//   - The plugin is found and loaded by registry.go and plugin.go: host/wasm bounds what
//     its module declares, engine.go compiles it, host/codecache keeps the code, and
//     shelf.go shares that of built-in plugins. module.go is a plugin that is ready, and
//     manifest.go what it may say of itself. What its file tells of it without all that
//     is in stated.go, and describe.go asks it for who writes that there.
//   - An instance is taken from pool.go. instance.go makes one and enters it, host/linear
//     is its memory, clock.go the time that it may compute.
//   - The guest calls the host: import_atlas.go for parking guests, import_extism.go and
//     kernel.go for others, import.go for what both need.
//   - call.go is what is kept of a call meanwhile, exchange.go one of its HTTP requests,
//     which run.go sends through host/egress while the call is parked.
//   - output.go reads the answer, with host/jsonscan.
//
// Beside the call, watch.go follows the plugin folder, idle.go and renew.go give back
// what sandboxes no longer need, log.go passes on what guests write, and inspect.go shows
// their memory to tests.
//
// It knows core/spec and nothing else of the core: no method, no store, no
// retry of a create. The root package wires it into the core.
package host
