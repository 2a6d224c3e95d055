package egress

import (
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// Event tells of one attempt. It holds no secret and no query.
type Event struct {
	Provider  string
	Operation string // the request's
	Method    string
	Host      string
	Path      string
	Status    int       // 0: no answer
	Err       spec.Kind // "": an answer came
	Attempt   int       // from 1
	Duration  time.Duration
}
