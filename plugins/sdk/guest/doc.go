// Package guest puts an sdk.Provider behind the exports of docs/plugin-abi.md.
// It is the only package of a plugin that touches WebAssembly, so everything in
// it but this comment builds for wasip1 alone.
//
// Each call runs in a coroutine. Where the provider sends an HTTP request the
// coroutine parks, the export returns, and the host enters the guest for other
// calls until the answer is there; then atlas_resume goes on with it. So one
// instance serves thousands of calls in flight, and a switch costs well under a
// microsecond: it does not pass through the scheduler.
//
// Under a host that knows Extism but does not park, requests block instead.
//
// A plugin's program is a few lines: the exports, and Serve in an init function,
// since the main function of a WASI reactor never runs.
package guest
