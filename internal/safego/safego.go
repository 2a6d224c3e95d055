package safego

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/exatlas/atlas/core/spec"
)

// Go runs fn in a goroutine of its own and counts it in wg, so that the owner
// can wait for it. A panic in fn is recovered and handed to onPanic, which runs
// in the same goroutine. wg and onPanic may be nil.
func Go(wg *sync.WaitGroup, onPanic func(*spec.Error), fn func()) {
	if wg != nil {
		wg.Add(1)
	}
	go func() {
		if wg != nil {
			defer wg.Done()
		}
		defer Recover(onPanic)
		fn()
	}()
}

// Recover is to be deferred: it turns a panic into an internal error and hands
// it to onPanic. The stack goes into Details, never into the message.
func Recover(onPanic func(*spec.Error)) {
	if r := recover(); r != nil && onPanic != nil {
		onPanic(FromPanic(r, debug.Stack()))
	}
}

// FromPanic makes the internal error of a recovered value. It quotes only what the
// runtime says of itself: any other value may hold a secret.
func FromPanic(r any, stack []byte) *spec.Error {
	what := fmt.Sprintf("panic with a %T", r)
	if own, ok := r.(runtime.Error); ok {
		what = own.Error()
	}
	e := &spec.Error{Kind: spec.KindInternal, Message: "a defect of Atlas: " + what, Hint: "please report it with the details"}
	if text, err := json.Marshal(map[string]string{"stack": string(stack)}); err == nil {
		e.Details = text
	}
	return e
}
