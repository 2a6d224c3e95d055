//go:build !race

package host

// raceEnabled tells tests that bound memory or time that the race detector is on.
const raceEnabled = false
