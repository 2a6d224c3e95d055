// Package acme simulates Acme Compute, an invented cloud that exists to write a
// provider for: docs/acme.md specifies its API. Unlike the mock cloud no built-in
// plugin speaks it; the ones in examples/providers do, each in another language.
// The package knows nothing of them. Package sim starts it.
package acme
