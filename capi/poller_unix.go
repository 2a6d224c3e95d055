//go:build unix

package main

// spare reports whether the process can open as many descriptors as a poller is made
// of: an epoll and an eventfd on Linux.
func spare() bool {
	var two [2]device
	for i := range two {
		if !two[i].open() {
			return false
		}
		defer two[i].close()
	}
	return true
}
