// Package conformance holds any provider plugin against what the core expects of
// one. A suite replays exchanges with the cloud, as they were recorded or written
// down, and changes them in every way that clouds were seen to: each status, each
// field missing, null or of another type, bodies that are no JSON, connections that
// break. What a plugin answers must be a value of the operation's shape or an
// error that says what a caller can do; it never traps, loops or leaves its hosts.
package conformance
