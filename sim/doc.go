// Package sim is the registry of simulated clouds: it starts one by name, on a
// loopback socket, in the process of a test or of `exatlas sim`. Each speaks its
// provider's real wire API, with faults by rule, a virtual clock, capacity and a
// billing meter; docs/simulators.md tells how to use them. The library itself
// never imports it.
package sim
