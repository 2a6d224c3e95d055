package vast

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// states are the fields that together tell a machine's state: what its container
// is, what was asked for, what its contract is now and what it is to become.
type states struct {
	actual, intended, current, next string
	message                         string
	bid                             bool // it is a spot machine
	outbid                          bool // others bid more for it than it does
}

const (
	wordRunning = "running"
	wordStopped = "stopped"
	wordFrozen  = "frozen" // paused with its memory
)

// status normalizes the states. A stopped machine is interrupted where it would
// run if its bid won: it is wanted running, or its contract was stopped by others
// bidding more. A state that came later reads as provisioning, so that nobody
// takes the machine for usable or for gone.
func (s *states) status() (status spec.Status, interrupted bool) {
	if s.intended == wordStopped && s.current == wordStopped && s.next == wordStopped {
		// Whatever the container was when the contract stopped: a machine whose
		// bid never won has no container at all, and never gets one.
		return spec.StatusStopped, s.bid && s.outbid
	}
	switch s.actual {
	case wordRunning:
		if s.current == wordStopped && s.bid {
			return spec.StatusStopped, true
		}
		return spec.StatusRunning, false
	case wordStopped, "exited":
		switch {
		case s.intended != wordRunning:
			return spec.StatusStopped, false
		case s.bid && s.next != wordRunning, s.bid && s.current == wordStopped && s.outbid:
			return spec.StatusStopped, true
		case s.current == wordStopped || s.actual == wordStopped:
			return spec.StatusProvisioning, false // started again, and waiting for its GPUs
		}
		return spec.StatusFailed, false
	case wordFrozen:
		return spec.StatusStopped, false
	case "offline", "unknown": // neither comes back by itself
		return spec.StatusFailed, false
	case "", "created", "loading":
		if s.dead() {
			return spec.StatusFailed, false
		}
	}
	return spec.StatusProvisioning, false
}

// dead reports whether a container was made and cannot start.
func (s *states) dead() bool {
	said := strings.ToLower(strings.TrimSpace(s.message))
	return strings.Contains(said, "oci runtime create failed") || strings.HasPrefix(said, "error")
}

func actions(status spec.Status) []string {
	switch status {
	case spec.StatusRunning, spec.StatusProvisioning:
		return []string{spec.ActionStop, spec.ActionTerminate}
	case spec.StatusStopped:
		return []string{spec.ActionStart, spec.ActionTerminate}
	}
	return []string{spec.ActionTerminate}
}
