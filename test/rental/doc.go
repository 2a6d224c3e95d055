// Package rental proves the promise that a machine is rented exactly once and
// always given back: it runs the whole library, guests included, against the
// simulated clouds with faults. It holds tests alone.
package rental
