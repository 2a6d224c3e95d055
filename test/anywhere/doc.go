// Package anywhere rents on all simulated clouds at once: it holds the promises
// of a spawn that names no cloud, over the whole library.
package anywhere
