package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

var began = time.Now()

// now is the wall clock of the harness's start plus the time since then: steps of
// the wall clock do not touch it, as they do not touch the store's.
func now() time.Time { return began.Round(0).Add(time.Since(began)) }

// stepClock sets the machine's wall clock by d, and back after a while. All
// processes of the machine see it, so it happens only when it was asked for.
func stepClock(ctx context.Context, d, lasts time.Duration) error {
	if err := shiftClock(d); err != nil {
		return fmt.Errorf("the clock cannot be set (run as root, or without -clock): %w", err)
	}
	pause(ctx, lasts)
	return shiftClock(-d)
}

func shiftClock(d time.Duration) error {
	tv := syscall.NsecToTimeval(time.Now().Add(d).UnixNano())
	return syscall.Settimeofday(&tv)
}
