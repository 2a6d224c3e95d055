package dispatch

import "github.com/exatlas/atlas/core/spec"

// Outcome is what became of a request. The numbers are the ATLAS_* statuses of
// include/atlas.h.
type Outcome int32

// The outcomes.
const (
	OK        Outcome = 0
	Failed    Outcome = 1
	Pending   Outcome = 2
	Invalid   Outcome = 10
	BadClient Outcome = 11
	Closed    Outcome = 12
	Busy      Outcome = 13
	TooLarge  Outcome = 14
	NoMemory  Outcome = 20
	Forked    Outcome = 21
	Version   Outcome = 22
	Timeout   Outcome = 30
	Cancelled Outcome = 31
	Internal  Outcome = 90
)

// outcomeOf gives the status of an answer that holds an error.
func outcomeOf(e *spec.Error) Outcome {
	switch e.Kind {
	case spec.KindTimeout:
		return Timeout
	case spec.KindCancelled:
		return Cancelled
	case spec.KindInternal:
		return Internal
	}
	return Failed
}
