//go:build wasip1

package guest

import (
	"iter"
	"runtime/debug"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// What an export returns.
const (
	finished = 0
	parked   = 2
)

// state is what the guest holds. There is one thread, and the host never enters
// it twice at a time.
var state struct {
	provider *sdk.Provider
	blocking bool // the host does not park
	crowded  bool // many calls are parked
	idle     []*worker
	waiting  lobby  // for their requests
	starting string // the operation of the next worker to run
}

// Serve sets the provider of this guest. Call it from an init function.
func Serve(p *sdk.Provider) {
	state.provider = p
	state.blocking = hostABI() == 0
}

// With thousands of calls parked, what they hold is most of the memory, and what
// they leave behind is collected more often: it would double that otherwise.
const (
	manyParked = 512
	fewParked  = 256
	usualGC    = 100 // percent, Go's default
	crowdedGC  = 25
)

// crowd sets how often garbage is collected by how many calls are parked.
func crowd() {
	switch n := state.waiting.count; {
	case !state.crowded && n >= manyParked:
		state.crowded = true
		debug.SetGCPercent(crowdedGC)
	case state.crowded && n < fewParked:
		state.crowded = false
		debug.SetGCPercent(usualGC)
	}
}

// Enter carries out an operation for the host; every export of that name returns
// what it returns.
func Enter(operation string) int32 {
	state.starting = operation
	var w *worker
	if n := len(state.idle); n > 0 {
		w = state.idle[n-1]
		state.idle = state.idle[:n-1]
	} else {
		w = newWorker()
	}
	result, _ := w.next()
	return result
}

// resume goes on with the call that waits for a request.
//
//go:wasmexport atlas_resume
func resume(request int32) int32 {
	w := state.waiting.leave(request)
	if w == nil {
		panic("atlas_resume: no call waits for this request")
	}
	crowd()
	result, _ := w.next()
	return result
}

// worker is a coroutine that carries out one call after another.
type worker struct {
	next    func() (int32, bool)
	yield   func(int32) bool
	request int32   // its last HTTP request; 0: none
	later   *worker // in the lobby

	input, meta, output []byte // of the present call; the next one uses them again
}

func newWorker() *worker {
	w := &worker{}
	w.next, _ = iter.Pull(w.work)
	return w
}

// work returns to the host by yielding.
func (w *worker) work(yield func(int32) bool) {
	w.yield = yield
	for {
		w.input = readInput(w.input)
		w.output = w.handle(state.starting)
		writeOutput(w.output)
		w.tidy()
		state.idle = append(state.idle, w)
		if !yield(finished) {
			return
		}
	}
}

// handle carries out the call. A provider that panics, for it had not thought of
// some answer, loses this call and not all others that are parked in the instance,
// which a trap would end: rents among them would have an unknown outcome.
func (w *worker) handle(operation string) (output []byte) {
	defer func() {
		if r := recover(); r != nil {
			output = panicked(operation, r)
		}
	}()
	return sdk.Handle(state.provider, operation, w.input, w, w.output)
}

// panicked writes down where it happened, for the log, and returns the error.
//
//go:noinline
func panicked(operation string, r any) []byte {
	debug.PrintStack()
	what := "a value"
	switch r := r.(type) {
	case error:
		what = r.Error()
	case string:
		what = r
	}
	return sdk.Failure(spec.NewError(spec.KindPlugin, "the plugin panicked in "+operation+": "+what))
}

// tidy forgets the call. What is larger than most calls need is not kept for the
// next one.
func (w *worker) tidy() {
	const keep = 4 << 10
	w.request = 0
	if cap(w.input) > keep {
		w.input = nil
	}
	if cap(w.output) > keep {
		w.output = nil
	}
}
