// Package clock is where core reads the time and waits. Everything that depends
// on time takes a Clock, so that a test decides when it passes. It knows nothing
// of what is waited for.
package clock
