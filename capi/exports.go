package main

/*
#cgo CFLAGS: -O2 -Wall -Wextra -fvisibility=hidden
#cgo LDFLAGS: -pthread
#include "atlas.h"
#include "shim.h"
*/
import "C"

import "github.com/exatlas/atlas"

//export exatlas_go_open
func exatlas_go_open(config *C.char, size C.size_t, id *C.uint64_t, out *C.exatlas_text) (status C.int) {
	defer guard(out, &status)
	if !waiter.make(spare) {
		return give(out, atlas.Failed, crowded())
	}
	client, outcome, document := atlas.OpenJSON(take(config, size), environment())
	if client != nil {
		*id = C.uint64_t(clients.add(client))
	}
	return give(out, outcome, document)
}

//export exatlas_go_close
func exatlas_go_close(id C.uint64_t, timeoutMS C.int64_t) (status C.int) {
	defer guard(nil, &status)
	return C.int(clients.close(uint64(id), closeTimeout(int64(timeoutMS))))
}

//export exatlas_go_call
func exatlas_go_call(id C.uint64_t, request *C.char, size C.size_t, out *C.exatlas_text) (status C.int) {
	defer guard(out, &status)
	client, outcome := clients.find(uint64(id))
	if client == nil {
		return C.int(outcome)
	}
	outcome, answer := client.CallJSON(take(request, size))
	return give(out, outcome, answer)
}

//export exatlas_go_submit
func exatlas_go_submit(id C.uint64_t, request *C.char, size C.size_t, out *C.exatlas_text) (status C.int) {
	defer guard(out, &status)
	client, outcome := clients.find(uint64(id))
	if client == nil {
		return C.int(outcome)
	}
	outcome, document := client.SubmitJSON(take(request, size))
	return give(out, outcome, document)
}

//export exatlas_go_cancel
func exatlas_go_cancel(id C.uint64_t, call *C.char, size C.size_t) (status C.int) {
	defer guard(nil, &status)
	client, outcome := clients.find(uint64(id))
	if client == nil {
		return C.int(outcome)
	}
	return C.int(client.CancelID(string(take(call, size))))
}

//export exatlas_go_next
func exatlas_go_next(id C.uint64_t, timeoutMS C.int64_t, out *C.exatlas_text) (status C.int) {
	defer guard(out, &status)
	client, outcome := clients.find(uint64(id))
	if client == nil {
		return C.int(outcome)
	}
	outcome = client.next(duration(int64(timeoutMS)), func(outcome atlas.Outcome, item []byte) atlas.Outcome {
		return atlas.Outcome(give(out, outcome, item))
	})
	if outcome == C.ATLAS_CLOSED {
		clients.drained(uint64(id))
	}
	return C.int(outcome)
}

//export exatlas_go_wake_fd
func exatlas_go_wake_fd(id C.uint64_t, descriptor *C.int) (status C.int) {
	defer guard(nil, &status)
	client, outcome := clients.find(uint64(id))
	if client == nil {
		return C.int(outcome)
	}
	*descriptor = C.int(client.wake.descriptor(client))
	return C.ATLAS_OK
}
