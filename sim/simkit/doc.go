// Package simkit holds what every simulated cloud needs: a virtual clock, faults
// by rule, capacity, a billing meter, accounts, rate limits, a loopback HTTP
// server and the control plane under /_sim/. It knows no cloud; sim/runpod and
// sim/mock are built on it. Nothing in it leaves the machine.
//
// Every decision is taken on the virtual clock and on counters, never on chance
// or on how fast the machine is, so that a test that failed once fails again.
package simkit
