// Package provider speaks to Acme Compute, the invented cloud of sim/acme. It is
// ordinary Go that compiles and is tested natively; main.go carries it into a
// WebAssembly guest.
//
// It has no clock, never sleeps, never retries and never sees the credential:
// the host does all that. manifest.go says what the provider is, spawn.go and
// compute.go are the operations, sizes.go the catalogue, convert.go the one
// place that knows the cloud's field names, and errors.go its failures.
package provider
