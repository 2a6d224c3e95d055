//go:build wasip1

package guest

import "unsafe"

// The functions of atlas:host/env.

//go:wasmimport atlas:host/env abi
func hostABI() int32

//go:wasmimport atlas:host/env input_length
func inputLength() int32

//go:wasmimport atlas:host/env input_read
//go:noescape
func inputRead(to unsafe.Pointer)

//go:wasmimport atlas:host/env output_write
//go:noescape
func outputWrite(from unsafe.Pointer, length int32)

//go:wasmimport atlas:host/env http_begin
//go:noescape
func httpBegin(meta unsafe.Pointer, metaLength int32, body unsafe.Pointer, bodyLength int32) int32

//go:wasmimport atlas:host/env http_status
func httpStatus(request int32) int32

//go:wasmimport atlas:host/env http_body_length
func httpBodyLength(request int32) int32

//go:wasmimport atlas:host/env http_body_read
//go:noescape
func httpBodyRead(request int32, to unsafe.Pointer)

//go:wasmimport atlas:host/env http_header
//go:noescape
func httpHeader(request int32, name unsafe.Pointer, nameLength int32, out unsafe.Pointer, capacity int32) int32

//go:wasmimport atlas:host/env http_error_length
func httpErrorLength(request int32) int32

//go:wasmimport atlas:host/env http_error_read
//go:noescape
func httpErrorRead(request int32, to unsafe.Pointer)

//go:wasmimport atlas:host/env http_end
func httpEnd(request int32)

func ptr(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// readInput reads the call's input into buffer, which it grows as needed.
func readInput(buffer []byte) []byte {
	if state.blocking {
		return extismInput(buffer)
	}
	n := int(inputLength())
	if cap(buffer) < n {
		buffer = make([]byte, n, n+n/2+256)
	}
	buffer = buffer[:n]
	if n > 0 {
		inputRead(ptr(buffer))
	}
	return buffer
}

func writeOutput(output []byte) {
	if state.blocking {
		extismOutput(output)
		return
	}
	outputWrite(ptr(output), int32(len(output)))
}
