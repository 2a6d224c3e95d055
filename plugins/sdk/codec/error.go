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
