package host

import (
	"context"
	"runtime/debug"
	"slices"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// What an export returns.
const (
	exportResume   = "atlas_resume"
	resultFinished = 0
	resultParked   = 2
)

// Call carries out one operation and returns its value. The error is a
// *spec.Error with Provider and Operation filled in.
func (h *Host) Call(ctx context.Context, request spec.Call) (value spec.Raw, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = safego.FromPanic(r, debug.Stack())
		}
		if err != nil {
			e := *spec.AsError(err)
			e.Provider, e.Operation = request.Provider, request.Operation
			value, err = nil, &e
		}
	}()
	ticket, refused := h.admit(ctx)
	if refused != nil {
		return nil, refused
	}
	defer h.leave(ticket)
	ctx = ticket.ctx
	m, failure := h.acquire(ctx, request.Provider)
	if failure != nil {
		return nil, failure
	}
	defer m.release()
	if failure := m.enter(ctx); failure != nil {
		return nil, failure
	}
	defer m.leave()
	if !m.exports[request.Operation] || request.Operation == spec.OpDescribe || request.Operation == exportResume {
		return nil, spec.NewError(spec.KindUnsupported, "this provider has no "+clean(request.Operation, 64))
	}
	c := h.newCall(ctx, m, request.Key)
	c.online, c.doing, c.http, c.takes = true, request.Operation, request.HTTP, request.Operation == spec.OpStreamJob
	if failure := c.setInput(request); failure != nil {
		return nil, failure
	}
	value, failure = c.run(request.Operation)
	if failure != nil {
		failure = c.verdict(ctx, request.Operation, failure)
		c.free()
		return nil, failure
	}
	c.free()
	return value, nil
}

// enter waits until there is room inside a parking plugin. A call inside holds memory
// of the sandbox while it waits for its cloud; more than a client keeps connections
// to its clouds can only wait there for each other, which costs nothing out here.
func (m *module) enter(ctx context.Context) *spec.Error {
	if !m.parking {
		return nil // its instances are counted
	}
	select {
	case m.inside <- struct{}{}:
		return nil
	default:
	}
	select {
	case m.inside <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

func (m *module) leave() {
	if m.parking {
		<-m.inside
	}
}

// setInput puts the input together; the request's text is used as it is.
func (c *call) setInput(request spec.Call) *spec.Error {
	if len(request.Request) > c.host.limits.InputBytes {
		return &spec.Error{Kind: spec.KindValidation, Message: "the request of " + utoa(uint64(len(request.Request))) + " bytes exceeds " + utoa(uint64(c.host.limits.InputBytes))}
	}
	context := c.module.contexts[boolToInt(request.IncludeRaw)]
	c.input = slices.Grow(c.input[:0], len(request.Request)+len(context)+32)
	c.input = append(c.input, `{"request":`...)
	if len(request.Request) == 0 {
		c.input = append(c.input, `{}`...)
	} else {
		c.input = append(c.input, request.Request...)
	}
	c.input = append(c.input, `,"context":`...)
	c.input = append(c.input, context...)
	c.input = append(c.input, '}')
	return nil
}

// run enters the guest for an operation, and again as often as it waits for
// HTTP.
func (c *call) run(operation string) (spec.Raw, *spec.Error) {
	i, failure := c.module.take(c.ctx, c)
	if failure != nil {
		return nil, failure
	}
	result, failure := i.enter(c.ctx, c, i.function(operation), operation, 0)
	for failure == nil && result == resultParked {
		x := c.next()
		if x == nil || !c.module.parking {
			// Its work will never go on, so the instance is of no use any more.
			i.drop()
			failure = spec.NewError(spec.KindPlugin, "the plugin parked "+operation+" without an HTTP request to wait for")
			break
		}
		i.parked.Add(1)
		i.unlock()
		c.host.parked.Add(1)
		c.send(x)
		c.host.parked.Add(-1)
		// The guest's half of this call must go on whatever became of the
		// caller, or it would be parked for ever. Nobody stays inside for long.
		i.relock()
		i.parked.Add(-1)
		result, failure = i.enter(c.ctx, c, i.resume, exportResume, uint64(x.number))
	}
	c.module.give(i)
	if failure == nil {
		return c.result(operation, result)
	}
	return nil, failure
}

// result reads what a finished guest has left.
func (c *call) result(operation string, result int32) (spec.Raw, *spec.Error) {
	if c.failed != nil {
		return nil, c.failed
	}
	if result != resultFinished {
		text := "no reason given"
		if c.errorOffset != 0 {
			if b, ok := c.kernel.block(c.errorOffset); ok {
				if said := clean(string(b), 300); said != "" {
					text = said
				}
			}
		}
		return nil, spec.NewError(spec.KindPlugin, "the plugin failed in "+operation+": "+text)
	}
	if !c.hasOutput {
		return nil, spec.NewError(spec.KindPlugin, "the plugin answered nothing")
	}
	return readOutput(c.output)
}

// verdict completes the error of a call.
func (c *call) verdict(ctx context.Context, operation string, failure *spec.Error) *spec.Error {
	e := *failure
	if c.failed != nil {
		e = *c.failed // what the guest made of it comes second
	}
	if r := c.refusal; r != nil && e.Kind == r.Kind && e.Status == 0 {
		// A guest tells on what it read of a failed request: its kind and message.
		// What to do about it is the host's to add.
		if e.Hint == "" {
			e.Hint = r.Hint
		}
		e.RetryAfterMS = max(e.RetryAfterMS, r.RetryAfterMS)
	}
	if cause := ctx.Err(); cause != nil && (e.Kind == spec.KindTransport || e.Kind == spec.KindInternal) {
		// What breaks because its call has ended is not the news.
		e = *ended(ctx)
		e.Err = failure
	}
	e.UnknownOutcome = e.UnknownOutcome || c.unknownOutcome()
	if !e.Retryable {
		switch e.Kind {
		case spec.KindRateLimited, spec.KindTimeout, spec.KindTransport, spec.KindCapacity:
			e.Retryable = true
		case spec.KindProvider:
			e.Retryable = e.Status >= 500
		}
	}
	if e.UnknownOutcome && (operation == spec.OpSpawn || operation == spec.OpRunJob) {
		e.Retryable = false // doing it again may do it twice
	}
	return &e
}

// ended is the error of a call whose context is done.
func ended(ctx context.Context) *spec.Error {
	if ctx.Err() == context.DeadlineExceeded {
		return &spec.Error{Kind: spec.KindTimeout, Message: "the deadline passed", Retryable: true, Err: ctx.Err()}
	}
	if context.Cause(ctx) == errClosing {
		return &spec.Error{Kind: spec.KindCancelled, Message: "the host is closing", Err: ctx.Err()}
	}
	return &spec.Error{Kind: spec.KindCancelled, Message: "the call was cancelled", Err: ctx.Err()}
}
