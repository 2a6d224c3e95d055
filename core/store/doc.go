// Package store keeps what must outlive a process: sessions, their events, the
// leases of the processes that act on them, and small values such as tokens. It
// is the interface alone; store/memory, store/sqlite and store/postgres carry it
// out, and store/storetest is the suite that all three pass.
//
// Times are milliseconds of the store's own clock, so that processes on machines
// whose clocks differ agree. A read that fails answers *CannotTell, which says
// nothing about what is stored; a read that finds nothing answers so apart from
// any error.
package store
