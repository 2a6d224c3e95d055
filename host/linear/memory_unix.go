//go:build unix

package linear

import "golang.org/x/sys/unix"

// reserve takes address space without memory behind it. nil: the system refuses.
func reserve(size uint64) []byte {
	if size == 0 {
		return nil
	}
	space, err := unix.Mmap(-1, 0, int(size), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil
	}
	return space
}

// commit makes the bytes from the old to the new size usable. They are zero.
func commit(space []byte, from, to uint64) bool {
	if to <= from {
		return true
	}
	return unix.Mprotect(space[from:to], unix.PROT_READ|unix.PROT_WRITE) == nil
}

// release gives the address space back.
func release(space []byte) { _ = unix.Munmap(space) }
