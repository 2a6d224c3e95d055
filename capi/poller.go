package main

import (
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// poller is what the Go runtime waits for timers and the network with. It is made
// with the first timer, of descriptors; where the system has none left the runtime
// ends the process, which is not the library's to end.
type poller struct {
	mu   sync.Mutex
	made bool
}

// make has the poller made, and reports whether there was room for it. The room is
// looked for first; only a descriptor that another thread opens between the two
// can still be one too many.
func (p *poller) make(spare func() bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.made && spare() {
		time.AfterFunc(time.Hour, func() {}).Stop()
		p.made = true
	}
	return p.made
}

// crowded is the document of a client that there is no room for.
func crowded() []byte {
	return document(&spec.Error{Kind: spec.KindUnknown, Message: "the client could not be opened: too many open files", Retryable: true,
		Hint: "close some, or raise the process's limit of open files (ulimit -n)"})
}
