package main

/*
#include "shim.h"
*/
import "C"

import "runtime"

// starting runs start, which starts a child, with the signal mask of the
// program: the library's threads block signals, and a child keeps the mask of the
// thread that started it.
func starting(start func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before C.sigset_t
	if C.exatlas_unblock_signals(&before) == 0 {
		defer C.exatlas_restore_signals(&before)
	}
	start()
}
