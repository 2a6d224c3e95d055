// Package leak ends test suites: one that passed fails all the same if it has
// left goroutines, descriptors or child processes' pipes behind, or if a check
// of its own finds something held. The TestMain of a suite calls it; nothing
// else does, and it knows nothing of what is tested.
package leak
