//go:build wasip1

package guest

import (
	"unsafe"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// Do implements sdk.Doer: it begins the request, lets the host carry it out
// while other calls run, and reads the answer. While the call is parked its stack
// holds this frame and those below it alone: what comes before and after is
// compiled apart, since thousands of calls may be parked.
func (w *worker) Do(request sdk.Request) (sdk.Response, *spec.Error) {
	if state.blocking {
		w.meta = appendMeta(w.meta[:0], &request)
		return blockingDo(w.meta, request.Body)
	}
	if err := w.begin(&request); err != nil {
		return sdk.Response{}, err
	}
	request = sdk.Request{} // garbage while the call is parked
	w.yield(parked)
	return w.answer()
}

// begin hands the request to the host.
//
//go:noinline
func (w *worker) begin(request *sdk.Request) *spec.Error {
	w.meta = appendMeta(w.meta[:0], request)
	if w.request != 0 {
		httpEnd(w.request)
		w.request = 0
	}
	number := httpBegin(ptr(w.meta), int32(len(w.meta)), ptr(request.Body), int32(len(request.Body)))
	if number < 0 {
		return refused(number)
	}
	w.request = number
	state.waiting.enter(w)
	crowd()
	return nil
}

// answer reads what came of the request.
//
//go:noinline
func (w *worker) answer() (sdk.Response, *spec.Error) {
	number := w.request
	status := httpStatus(number)
	if status == 0 {
		return sdk.Response{}, failure(number)
	}
	body := make([]byte, httpBodyLength(number))
	if len(body) > 0 {
		httpBodyRead(number, ptr(body))
	}
	// Nobody else has the bytes, so they need not be copied to be a string.
	text := unsafe.String(unsafe.SliceData(body), len(body))
	return sdk.Response{Status: int(status), Body: text, Lookup: func(name string) string { return w.header(number, name) }}, nil
}

// header returns a header of an answer that has not been followed by another
// request.
func (w *worker) header(number int32, name string) string {
	if w.request != number {
		return ""
	}
	value := make([]byte, 128)
	key := []byte(name)
	n := httpHeader(number, ptr(key), int32(len(key)), ptr(value), int32(len(value)))
	if n <= 0 {
		return ""
	}
	if int(n) > len(value) {
		value = make([]byte, n)
		httpHeader(number, ptr(key), int32(len(key)), ptr(value), n)
	}
	return string(value[:n])
}

// refused is the error of a request that did not begin. The host has decided the
// call by then; this only lets the provider return.
func refused(code int32) *spec.Error {
	switch code {
	case -2:
		return spec.NewError(spec.KindPlugin, "too many HTTP requests in one call")
	case -3:
		return spec.NewError(spec.KindPlugin, "the host refused an HTTP request")
	}
	return spec.NewError(spec.KindPlugin, "an HTTP request was malformed")
}

// failure reads why a request got no answer.
func failure(number int32) *spec.Error {
	text := make([]byte, httpErrorLength(number))
	if len(text) > 0 {
		httpErrorRead(number, ptr(text))
	}
	e := spec.NewError(spec.KindTransport, "the request got no answer")
	r := jsonx.New(string(text))
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "kind":
			e.Kind = spec.Kind(r.Text())
		case "message":
			e.Message = r.Text()
		default:
			r.Skip()
		}
	}
	return e
}

func appendMeta(dst []byte, request *sdk.Request) []byte {
	dst = append(dst, `{"method":`...)
	dst = jsonx.AppendString(dst, request.Method)
	dst = append(dst, `,"url":`...)
	dst = jsonx.AppendString(dst, request.URL)
	if len(request.Header) > 0 {
		dst = append(dst, `,"headers":{`...)
		for i, h := range request.Header {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = jsonx.AppendString(dst, h.Name)
			dst = append(dst, ':')
			dst = jsonx.AppendString(dst, h.Value)
		}
		dst = append(dst, '}')
	}
	if request.ReadIdleMS > 0 || request.ReadMaxBytes > 0 {
		dst = append(dst, `,"read":{"idle_ms":`...)
		dst = jsonx.AppendInt(dst, request.ReadIdleMS)
		dst = append(dst, `,"max_bytes":`...)
		dst = jsonx.AppendInt(dst, int64(request.ReadMaxBytes))
		dst = append(dst, '}')
	}
	if request.Aside {
		dst = append(dst, `,"aside":true`...)
	}
	if request.Undo {
		dst = append(dst, `,"undo":true`...)
	}
	return append(dst, '}')
}
