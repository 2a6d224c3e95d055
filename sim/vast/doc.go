// Package vast simulates Vast.ai: the market of offers, rents and bids, instances
// with their three state fields, the paged listing of v1, logs by way of a file,
// and the quirks of each, after the fact sheet of 2026-08.
//
// It believes every key, keeps everything in memory, and tells time by its own
// clock. It knows no Atlas type; the tests of plugins, core and users run it
// through package sim.
package vast
