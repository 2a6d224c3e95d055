package egress

import (
	"context"
	"errors"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// Failure is why a request got no usable answer.
type Failure struct {
	*spec.Error

	// Sent reports whether bytes of the request may have reached the server and
	// taken effect there. It is false only where that is certain: nothing was
	// sent, or the server answered 429. Where Status is set, the server has
	// answered, and the answer was not one to hand on.
	Sent bool

	late bool // the answer of one attempt did not come in its time
}

// unsent is a failure before the first byte.
func unsent(e *spec.Error) *Failure { return &Failure{Error: e} }

// ended tells how a context ended a request.
func ended(ctx context.Context, doing string, sent bool) *Failure {
	e := spec.NewError(spec.KindCancelled, "cancelled while "+doing)
	if errors.Is(ends(ctx), context.DeadlineExceeded) {
		e = &spec.Error{Kind: spec.KindTimeout, Message: "out of time while " + doing, Retryable: true}
	}
	e.Err = ends(ctx)
	return &Failure{Error: e, Sent: sent}
}

// late tells that the time of one attempt ran out.
func late(host string, patience time.Duration, sent bool) *Failure {
	return &Failure{Error: &spec.Error{Kind: spec.KindTimeout, Message: "no answer of " + host + " within " + patience.String(), Retryable: true}, Sent: sent, late: true}
}

// ends is why a context is over, or nil. A deadline that has passed counts even
// where the context's own timer is late: the sockets' timers are set to the same
// moment and may go off first.
func ends(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// broken is a failure of the network.
func broken(message string, sent bool) *Failure {
	return &Failure{Error: &spec.Error{Kind: spec.KindTransport, Message: message, Retryable: true}, Sent: sent}
}

// limited is the failure of a request that would wait too long for its pace.
func limited(wait time.Duration) *Failure {
	return unsent(&spec.Error{Kind: spec.KindRateLimited, Message: "the account's rate limit is used up", Retryable: true,
		Hint: "wait, or ask less often", RetryAfterMS: wait.Milliseconds() + 1})
}
