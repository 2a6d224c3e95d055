// Package lambda runs the whole library, the guest included, against the
// simulated Lambda Cloud at the paces Lambda publishes. It holds tests alone.
package lambda
