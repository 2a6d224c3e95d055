// Package sqlite keeps the store in one SQLite file, which several processes of
// one machine may share.
//
// A write is on the disk when it is answered (WAL, synchronous=FULL). One
// goroutine writes; what waits for it while a transaction runs goes into the next
// one together, so that many small writes cost few syncs. Reads have connections
// of their own.
//
// The store's clock is that of the machine's boot, so a step of the wall clock
// does not end or prolong anything; from one boot to the next it is the wall
// clock, and never goes back. A process that dies is noticed at once: it holds a
// lock on a file beside the database, which the kernel frees.
package sqlite
