package dispatch

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/strict"
	"github.com/exatlas/atlas/internal/safego"
)

// Limits bounds what callers may ask at once.
type Limits struct {
	Calls        int // calls in flight, completions not yet taken included
	RequestBytes int // size of one request
}

// The default limits.
const (
	DefaultCalls        = 100_000
	DefaultRequestBytes = 1 << 20
)

// reserve is how many calls of methods that end what costs money are taken in beyond
// the limit: what fills it must not keep a machine from being given back.
const reserve = 256

// Dispatcher carries requests to their methods.
type Dispatcher struct {
	table    *Table
	envelope *strict.Plan
	limits   Limits
	queue    *queue
	base     context.Context // ends when the client is closed
	cancel   context.CancelFunc
	drained  chan struct{}
	wg       sync.WaitGroup

	deadlines deadlines

	mu      sync.Mutex
	named   map[string]context.CancelFunc // calls in flight that have an id
	running int
	closed  bool
}

// New makes a dispatcher, which serves once it has its table. Zero limits mean the
// defaults.
func New(limits Limits) *Dispatcher {
	if limits.Calls <= 0 {
		limits.Calls = DefaultCalls
	}
	if limits.RequestBytes <= 0 {
		limits.RequestBytes = DefaultRequestBytes
	}
	d := &Dispatcher{envelope: envelopePlan(), limits: limits, queue: newQueue(),
		drained: make(chan struct{}), named: map[string]context.CancelFunc{}}
	d.base, d.cancel = context.WithCancel(context.Background())
	return d
}

// Serve sets the table. It is called once, before the first request.
func (d *Dispatcher) Serve(t *Table) { d.table = t }

// Live counts the calls in flight.
func (d *Dispatcher) Live() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running
}

// Call carries out one request and waits for its answer. The request is not
// kept.
func (d *Dispatcher) Call(data []byte) (Outcome, []byte) {
	r, run, outcome, document := d.accept(data)
	if outcome != OK {
		return outcome, document
	}
	ctx, end, outcome, document := d.begin(r)
	if outcome != OK {
		return outcome, document
	}
	if r.DetachAfterMS > 0 {
		return d.callDetached(ctx, end, r, run)
	}
	result, answered, err := guarded(ctx, run)
	end(nil, err)
	if err != nil {
		return outcomeOf(err), answer("", r.ID, nil, err)
	}
	if answered != nil {
		answered()
	}
	return OK, answer("", r.ID, result, nil)
}

// Submit starts one request. Its completion goes into the queue.
func (d *Dispatcher) Submit(data []byte) (Outcome, []byte) {
	r, run, outcome, document := d.accept(data)
	if outcome != OK {
		return outcome, document
	}
	if r.ID == "" {
		return Failed, Document(&spec.Error{Kind: spec.KindValidation, Message: "request.id: missing; atlas_submit needs it", Hint: "give the request an id"})
	}
	ctx, end, outcome, document := d.begin(r)
	if outcome != OK {
		return outcome, document
	}
	id := r.ID
	safego.Go(&d.wg, nil, func() {
		result, answered, err := guarded(ctx, run)
		end(answer(`"type":"completion",`, id, result, err), err)
		if answered != nil {
			answered()
		}
	})
	return OK, nil
}

// accept decodes a request.
func (d *Dispatcher) accept(data []byte) (*Request, invoke, Outcome, []byte) {
	if len(data) > d.limits.RequestBytes {
		return nil, nil, TooLarge, Document(&spec.Error{Kind: spec.KindValidation, Message: "the request is larger than the limit",
			Hint: "send less, or raise limits.request_bytes when opening the client"})
	}
	r, run, err := d.parse(data)
	if err != nil {
		return nil, nil, Failed, answer("", r.ID, nil, err)
	}
	return r, run, OK, nil
}

// begin counts the call in and gives it its context. end is called exactly once,
// with the call's completion where one is to go into the queue, and its error.
func (d *Dispatcher) begin(r *Request) (ctx context.Context, end func(completion []byte, e *spec.Error), outcome Outcome, document []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, nil, Closed, Document(&spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"})
	}
	if d.running+d.queue.waiting() >= d.room(r.Method) {
		return nil, nil, Busy, answer("", r.ID, nil, &spec.Error{Kind: spec.KindRateLimited, Message: "too many calls in flight", Retryable: true,
			Hint: "wait for completions, or raise limits.calls when opening the client"})
	}
	if _, taken := d.named[r.ID]; taken && r.ID != "" {
		return nil, nil, Busy, Document(&spec.Error{Kind: spec.KindConflict, Message: "a call with this id is in flight", Hint: "give each request an id of its own"})
	}
	ctx = d.base
	cancel := context.CancelFunc(nil)
	switch {
	case r.DeadlineMS > 0:
		ctx, cancel = d.deadlines.within(ctx, time.Duration(r.DeadlineMS)*time.Millisecond)
	case r.ID != "":
		ctx, cancel = context.WithCancel(ctx)
	}
	d.running++
	id, method := r.ID, r.Method
	if id != "" {
		d.named[id] = cancel
	}
	return ctx, func(completion []byte, e *spec.Error) {
		d.table.count(method, e)
		d.end(id, cancel, completion)
	}, OK, nil
}

// room is how many calls there may be for one of a method to be taken in.
func (d *Dispatcher) room(method string) int {
	if d.table.methods[method].Doc.Ends {
		return d.limits.Calls + reserve
	}
	return d.limits.Calls
}

// end counts a call out. Its id is free, and its place taken by its completion,
// before anyone can see the completion.
func (d *Dispatcher) end(id string, cancel context.CancelFunc, completion []byte) {
	if cancel != nil {
		cancel()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if id != "" {
		delete(d.named, id)
	}
	d.running--
	if completion != nil {
		d.queue.pushCompletion(completion)
	}
	if d.closed && d.running == 0 {
		close(d.drained)
	}
}

// guarded runs a call; a panic in it becomes its error.
func guarded(ctx context.Context, run invoke) (result []byte, answered func(), err *spec.Error) {
	defer func() {
		if r := recover(); r != nil {
			result, answered, err = nil, nil, safego.FromPanic(r, debug.Stack())
		}
	}()
	return run(ctx)
}

// Cancel ends the call in flight with that id.
func (d *Dispatcher) Cancel(id string) Outcome {
	if id == "" {
		return Invalid
	}
	d.mu.Lock()
	cancel, closed := d.named[id], d.closed
	d.mu.Unlock()
	switch {
	case cancel != nil:
		cancel()
	case closed:
		return Closed
	}
	return OK
}

// Next takes the next completion or event.
func (d *Dispatcher) Next(timeout time.Duration) (Outcome, []byte) { return d.queue.next(timeout) }

// PutBack puts an item that Next has answered before all others again.
func (d *Dispatcher) PutBack(item []byte) { d.queue.putBack(item) }

// NotifyQueue tells f whether the queue holds something, now and at each change.
// f must be quick and must not use the dispatcher.
func (d *Dispatcher) NotifyQueue(f func(nonEmpty bool)) { d.queue.setNotify(f) }

// Ready puts a subscription that has events into the queue.
func (d *Dispatcher) Ready(s Source) { d.queue.pushSource(s) }

// Close refuses new calls, cancels those in flight and waits for them until ctx
// ends. It reports whether all have ended. The queue stays open until EndQueue.
func (d *Dispatcher) Close(ctx context.Context) bool {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		if d.running == 0 {
			close(d.drained)
		}
	}
	d.mu.Unlock()
	d.cancel()
	select {
	case <-d.drained:
		d.wg.Wait() // their goroutines are past their last act
		return true
	case <-ctx.Done():
		return false
	}
}

// EndQueue lets Next answer Closed once the queue is empty.
func (d *Dispatcher) EndQueue() { d.queue.close() }
