package dispatch

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// Do runs a method of the typed face: params are checked as a request's are, the
// call is counted, it ends with the client, and a panic becomes its error.
func (d *Dispatcher) Do(ctx context.Context, name string, params any, do func(context.Context) error) (err error) {
	if fault := d.table.methods[name].plan.Check(params, "params"); fault != nil {
		fault.Operation = name
		return fault
	}
	_, end, outcome, _ := d.begin(&Request{Method: name})
	switch outcome {
	case OK:
	case Busy:
		return &spec.Error{Kind: spec.KindRateLimited, Operation: name, Message: "too many calls in flight", Retryable: true}
	default:
		return &spec.Error{Kind: spec.KindCancelled, Operation: name, Message: "the client is closed"}
	}
	var failed *spec.Error
	defer func() { end(nil, failed) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.base, cancel)()
	defer func() {
		if r := recover(); r != nil {
			failed = safego.FromPanic(r, debug.Stack())
			err = failed
		}
	}()
	if err := do(ctx); err != nil {
		e := failure(ctx, name, err)
		if ctx.Err() != nil && e.Err == nil && (errors.Is(ctx.Err(), context.Canceled) || errors.Is(ctx.Err(), context.DeadlineExceeded)) {
			withCause := *e
			withCause.Err = ctx.Err() // so that errors.Is finds context.Canceled
			e = &withCause
		}
		failed = e
		return e
	}
	return nil
}
