// Package simtest is what the tests of the simulated clouds share: a client of a
// simulator, its answers taken apart, and the vendor's contract that they are
// held against. Each simulator's own tests know its paths, keys and quirks.
package simtest
