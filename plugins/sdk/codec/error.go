package codec

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// AppendError appends an error.
func AppendError(dst []byte, e *spec.Error) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Open('{')
	w.Key("kind")
	w.Text(string(e.Kind))
	w.Key("message")
	w.Text(e.Message)
	w.TextField("hint", e.Hint)
	w.TextField("provider", e.Provider)
	w.TextField("operation", e.Operation)
	w.IntField("status", int64(e.Status))
	w.Key("retryable")
	w.Bool(e.Retryable)
	w.IntField("retry_after_ms", e.RetryAfterMS)
	w.BoolField("unknown_outcome", e.UnknownOutcome)
	w.RawField("raw", e.Raw)
	w.RawField("details", e.Details)
	w.Close('}')
	return w.Buf
}

// DecodeError reads an error, as the host hands it to a guest whose HTTP request
// got no answer. What is no error document becomes one of kind transport.
func DecodeError(text string) *spec.Error {
	e := &spec.Error{Kind: spec.KindTransport}
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "kind":
			if kind := spec.Kind(r.Text()); spec.KnownKind(kind) {
				e.Kind = kind
			}
		case "message":
			e.Message = r.Text()
		case "hint":
			e.Hint = r.Text()
		case "provider":
			e.Provider = r.Text()
		case "operation":
			e.Operation = r.Text()
		case "status":
			e.Status = int(r.Int())
		case "retryable":
			e.Retryable = r.Bool()
		case "retry_after_ms":
			e.RetryAfterMS = r.Int()
		case "unknown_outcome":
			e.UnknownOutcome = r.Bool()
		case "raw":
			e.Raw = raw(&r)
		case "details":
			e.Details = raw(&r)
		default:
			r.Skip()
		}
	}
	if e.Message == "" {
		e.Message = "the cloud was not reached"
	}
	return e
}
