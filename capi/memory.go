package main

/*
#include "atlas.h"
#include "shim.h"
#cgo noescape exatlas_give
#cgo nocallback exatlas_give
*/
import "C"

import (
	"bytes"
	"strings"
	"unsafe"

	"github.com/exatlas/atlas"
)

// take copies text of the caller's, who may free it as soon as the call returns,
// which for a submitted or detached call is before the work is done.
func take(text *C.char, size C.size_t) []byte {
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(text)), int(size)))
}

// give copies text into memory of the caller's and returns the status to hand
// out with it. out is nil where the caller does not want the text.
func give(out *C.exatlas_text, outcome atlas.Outcome, text []byte) C.int {
	if out == nil || len(text) == 0 {
		return C.int(outcome)
	}
	if C.exatlas_give(out, (*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.size_t(len(text))) != 0 {
		return C.ATLAS_NO_MEMORY
	}
	return C.int(outcome)
}

// environment is what the core may know of the process: its variables as they
// are now, and what this package holds on behalf of callers.
func environment() atlas.Environment {
	variables := snapshot()
	list := make([]string, 0, len(variables))
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	return atlas.Environment{Getenv: func(name string) string { return variables[name] }, Gauges: gauges, Environ: func() []string { return list }, Starting: starting}
}

// snapshot copies C's environment, because Go's copy dates from when the library
// was loaded; and all of it, because which variables matter is known only when a
// plugin is first used, and by then another thread may be changing them.
func snapshot() map[string]string {
	variables := map[string]string{}
	for i := C.size_t(0); ; i++ {
		entry := C.exatlas_variable(i)
		if entry == nil {
			return variables
		}
		if name, value, ok := strings.Cut(C.GoString(entry), "="); ok {
			variables[name] = value
		}
	}
}

func gauges() map[string]int64 {
	return map[string]int64{
		"allocations": int64(C.exatlas_live()),
		"clients":     clients.live.Load(),
		"wake_fds":    clients.wakes.Load(),
	}
}

// libraryVersion is what atlas_version tells C.
func libraryVersion() string { return C.GoString(C.atlas_version()) }

// statusName is what atlas_status_name tells C.
func statusName(status int) string { return C.GoString(C.atlas_status_name(C.int(status))) }
