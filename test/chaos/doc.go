// Command chaos kills, stops and cuts off real processes that keep sessions, and
// counts what it cost: machines that nobody holds, living sessions that were
// ended, sessions with two machines, events that were lost.
//
// It starts a simulated cloud and nodes, each a process of its own that uses the
// library through its C interface, on one SQLite file or on a PostgreSQL server.
// What it does follows from a seed, which it prints; how the processes interleave
// does not, so a run that failed is repeated until it fails again.
//
//	go run ./test/chaos -store sqlite -nodes 1 -kills 1000
package main
