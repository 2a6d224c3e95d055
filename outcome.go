package atlas

import "github.com/exatlas/atlas/core/dispatch"

// Outcome is what became of a request; the numbers equal the ATLAS_* statuses of
// include/atlas.h.
type Outcome = dispatch.Outcome

// The outcomes.
const (
	OK        = dispatch.OK
	Failed    = dispatch.Failed
	Pending   = dispatch.Pending
	Invalid   = dispatch.Invalid
	BadClient = dispatch.BadClient
	Closed    = dispatch.Closed
	Busy      = dispatch.Busy
	TooLarge  = dispatch.TooLarge
	NoMemory  = dispatch.NoMemory
	Forked    = dispatch.Forked
	BadABI    = dispatch.Version
	Timeout   = dispatch.Timeout
	Cancelled = dispatch.Cancelled
	Internal  = dispatch.Internal
)
