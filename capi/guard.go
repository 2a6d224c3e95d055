package main

/*
#include "atlas.h"
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/goccy/go-json"
)

// guard is the first deferred function of every export: a panic must not unwind
// into C, where it would end the program. out is NULL where the export hands
// out no document.
func guard(out *C.exatlas_text, status *C.int) {
	if fault := recover(); fault != nil {
		*status = give(out, atlas.Outcome(C.ATLAS_INTERNAL), faultDocument(fault))
	}
}

// faultDocument tells where the panic started. It quotes only what the Go
// runtime says of itself: any other value may hold a secret.
func faultDocument(fault any) []byte {
	message := fmt.Sprintf("panic with a %T", fault)
	if own, ok := fault.(runtime.Error); ok {
		message = "panic: " + own.Error()
	}
	return document(&spec.Error{
		Kind:    spec.KindInternal,
		Message: message + " in " + origin(),
		Hint:    "this is a defect of Atlas: please report this document",
	})
}

// document is the document of an error that no client answers.
func document(e *spec.Error) []byte {
	text, err := json.Marshal(map[string]*spec.Error{"error": e})
	if err != nil {
		return []byte(`{"error":{"kind":"internal","message":"panic","retryable":false}}`)
	}
	return text
}

// origin names the function and line that panicked: the first frame below the
// runtime's own that handle the panic.
func origin() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") && !strings.HasSuffix(frame.Function, ".guard") {
			return frame.Function + ":" + strconv.Itoa(frame.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}
