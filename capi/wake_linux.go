package main

import "golang.org/x/sys/unix"

// device is an eventfd: its counter is 0 while the queue is empty.
type device struct{ fd int }

func (d *device) open() bool {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	d.fd = fd
	return err == nil
}

func (d *device) descriptor() int { return d.fd }

// raise and lower ignore errors: the descriptor is open and does not block, so
// the only one left is that the counter has the wanted value already.
func (d *device) raise() { _, _ = unix.Write(d.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

func (d *device) lower() { _, _ = unix.Read(d.fd, make([]byte, 8)) }

func (d *device) close() { _ = unix.Close(d.fd) }
