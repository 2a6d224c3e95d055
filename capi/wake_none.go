//go:build !unix

package main

// device is missing here: atlas_wake_fd answers -1, and callers wait in
// atlas_next.
type device struct{}

func (d *device) open() bool      { return false }
func (d *device) descriptor() int { return -1 }
func (d *device) raise()          {}
func (d *device) lower()          {}
func (d *device) close()          {}
