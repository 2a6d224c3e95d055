// Package telemetry is how the parts of core tell what they measured: an event of
// a name, with facts, to whoever watches at that moment. It knows nobody who does;
// the root publishes on the topic telemetry. docs/telemetry.md lists the events.
//
// An event holds no secret, and no text of a log or of what a program printed,
// since that may hold one.
package telemetry
