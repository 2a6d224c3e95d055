// Package lint holds the rules of the house that a compiler does not check:
// which package may import which, how goroutines start, where the environment
// may be read. They run as tests and name the line to change.
package lint
