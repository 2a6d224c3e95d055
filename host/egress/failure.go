package egress

import (
	"github.com/exatlas/atlas/core/spec"
)

// Failure is why a request got no answer.
type Failure struct {
	*spec.Error

	// Sent reports whether bytes of the request may have reached the server. It
	// is false only where that is certain.
	Sent bool
}
