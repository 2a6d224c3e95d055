//go:build unix && !linux

package main

import "golang.org/x/sys/unix"

// device is a pipe that holds one byte while the queue is not empty.
type device struct{ ends [2]int }

func (d *device) open() bool {
	if unix.Pipe(d.ends[:]) != nil {
		return false
	}
	for _, fd := range d.ends {
		unix.CloseOnExec(fd)
		if unix.SetNonblock(fd, true) != nil {
			d.close()
			return false
		}
	}
	return true
}

func (d *device) descriptor() int { return d.ends[0] }

// raise and lower ignore errors: the pipe is open, does not block and holds at
// most two bytes.
func (d *device) raise() { _, _ = unix.Write(d.ends[1], []byte{1}) }

func (d *device) lower() { _, _ = unix.Read(d.ends[0], make([]byte, 8)) }

func (d *device) close() {
	_ = unix.Close(d.ends[0])
	_ = unix.Close(d.ends[1])
}
