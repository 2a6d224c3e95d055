//go:build wasip1

package guest

import (
	"encoding/binary"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// The functions of extism:host/env, for hosts that do not park. go-pdk has them
// too, together with encoding/json, which would add a third to the module.

//go:wasmimport extism:host/env input_length
func extismInputLength() uint64

//go:wasmimport extism:host/env input_load_u8
func extismInputLoad8(offset uint64) uint32

//go:wasmimport extism:host/env input_load_u64
func extismInputLoad64(offset uint64) uint64

//go:wasmimport extism:host/env output_set
func extismOutputSet(offset, length uint64)

//go:wasmimport extism:host/env alloc
func extismAlloc(length uint64) uint64

//go:wasmimport extism:host/env free
func extismFree(offset uint64)

//go:wasmimport extism:host/env length
func extismLength(offset uint64) uint64

//go:wasmimport extism:host/env load_u8
func extismLoad8(offset uint64) uint32

//go:wasmimport extism:host/env load_u64
func extismLoad64(offset uint64) uint64

//go:wasmimport extism:host/env store_u8
func extismStore8(offset uint64, value uint32)

//go:wasmimport extism:host/env store_u64
func extismStore64(offset, value uint64)

//go:wasmimport extism:host/env http_request
func extismRequest(meta, body uint64) uint64

//go:wasmimport extism:host/env http_status_code
func extismStatus() int32

//go:wasmimport extism:host/env http_headers
func extismHeaders() uint64

func extismInput(buffer []byte) []byte {
	return load(buffer[:0], 0, extismInputLength(), extismInputLoad64, extismInputLoad8)
}

func extismOutput(output []byte) {
	extismOutputSet(store(output), uint64(len(output)))
}

func load(dst []byte, from, length uint64, load64 func(uint64) uint64, load8 func(uint64) uint32) []byte {
	end := from + length
	for ; from+8 <= end; from += 8 {
		dst = binary.LittleEndian.AppendUint64(dst, load64(from))
	}
	for ; from < end; from++ {
		dst = append(dst, byte(load8(from)))
	}
	return dst
}

func store(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	offset := extismAlloc(uint64(len(b)))
	at := offset
	for ; len(b) >= 8; b = b[8:] {
		extismStore64(at, binary.LittleEndian.Uint64(b))
		at += 8
	}
	for _, c := range b {
		extismStore8(at, uint32(c))
		at++
	}
	return offset
}

func blockingDo(meta, body []byte) (sdk.Response, *spec.Error) {
	metaAt, bodyAt := store(meta), store(body)
	at := extismRequest(metaAt, bodyAt)
	extismFree(metaAt)
	extismFree(bodyAt)
	status := extismStatus()
	if status == 0 {
		return sdk.Response{}, spec.NewError(spec.KindTransport, "the request got no answer")
	}
	response := sdk.Response{Status: int(status), Body: string(load(nil, at, extismLength(at), extismLoad64, extismLoad8))}
	extismFree(at)
	if headersAt := extismHeaders(); headersAt != 0 {
		text := string(load(nil, headersAt, extismLength(headersAt), extismLoad64, extismLoad8))
		extismFree(headersAt)
		response.Lookup = func(name string) string { return find(text, name) }
	}
	return response, nil
}

// find returns a member of an object of texts.
func find(object, name string) (value string) {
	r := jsonx.New(object)
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() == name {
			value = r.Text()
		} else {
			r.Skip()
		}
	}
	return value
}
