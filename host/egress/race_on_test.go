//go:build race

package egress

// raced tells that the race detector runs; stacks are about twice as large then.
const raced = true
