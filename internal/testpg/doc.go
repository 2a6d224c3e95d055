// Package testpg runs a real PostgreSQL server for tests: made with initdb in a
// temporary folder, on a loopback port, as an unprivileged user, gone afterwards.
// Tests and make chaos use it; nothing of the library does.
package testpg
