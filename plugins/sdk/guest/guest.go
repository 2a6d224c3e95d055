//go:build wasip1

package guest

import (
	"iter"
	"runtime/debug"

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
	idle     []*worker
	waiting  map[int32]*worker // by the number of the request they wait for
	starting string            // the operation of the next worker to run
	input    []byte            // of the call that entered; free once the handler has decoded it
}

// Serve sets the provider of this guest. Call it from an init function.
func Serve(p *sdk.Provider) {
	state.provider = p
	state.blocking = hostABI() == 0
	state.waiting = make(map[int32]*worker, 64)
	// Most of what a call leaves behind is garbage at once: collecting it less
	// often than Go's default costs little memory and saves time.
	debug.SetGCPercent(100)
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
	w := state.waiting[request]
	if w == nil {
		panic("atlas_resume: no call waits for this request")
	}
	delete(state.waiting, request)
	result, _ := w.next()
	return result
}

// worker is a coroutine that carries out one call after another.
type worker struct {
	next    func() (int32, bool)
	yield   func(int32) bool
	request int32 // its last HTTP request; 0: none
	meta    []byte
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
		state.input = readInput(state.input)
		output := sdk.Handle(state.provider, state.starting, state.input, w)
		writeOutput(output)
		w.request = 0
		state.idle = append(state.idle, w)
		if !yield(finished) {
			return
		}
	}
}
