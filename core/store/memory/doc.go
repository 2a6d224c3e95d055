// Package memory is a store that lives as long as the process: for tests, and for
// programs that would rather forget their sessions than write a file.
package memory
