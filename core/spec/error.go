package spec

import (
	"errors"
	"strconv"
)

// Kind tells what a caller can do about an error. The set is closed: a new kind
// is a change of the ABI.
type Kind string

// The error kinds. The first ten are the seed's.
const (
	KindUnauthorized Kind = "unauthorized" // the credential is missing or wrong
	KindForbidden    Kind = "forbidden"    // the credential lacks a right
	KindNotFound     Kind = "not_found"    // no such resource
	KindRateLimited  Kind = "rate_limited" // asked too often; see retry_after_ms
	KindTimeout      Kind = "timeout"      // no answer in time
	KindUnsupported  Kind = "unsupported"  // this provider cannot do that; decided before any request
	KindValidation   Kind = "validation"   // the request is wrong; nothing was done
	KindProvider     Kind = "provider"     // the cloud failed
	KindTransport    Kind = "transport"    // the cloud was not reached, or the connection broke
	KindUnknown      Kind = "unknown"      // none of the others

	KindCapacity  Kind = "capacity"  // nothing of that kind is to be had now
	KindConflict  Kind = "conflict"  // the resource is not in a state for that
	KindFunds     Kind = "funds"     // the account's balance or limit does not allow it
	KindBudget    Kind = "budget"    // a ceiling set by the caller does not allow it
	KindCancelled Kind = "cancelled" // the caller cancelled
	KindPlugin    Kind = "plugin"    // the provider's plugin misbehaved
	KindInternal  Kind = "internal"  // a defect of Atlas
)

// Kinds lists every kind, in the order of the documentation.
func Kinds() []Kind {
	return []Kind{KindUnauthorized, KindForbidden, KindNotFound, KindRateLimited, KindTimeout, KindUnsupported,
		KindValidation, KindProvider, KindTransport, KindUnknown, KindCapacity, KindConflict, KindFunds, KindBudget,
		KindCancelled, KindPlugin, KindInternal}
}

// KnownKind reports whether k is one of Kinds.
func KnownKind(k Kind) bool {
	for _, known := range Kinds() {
		if k == known {
			return true
		}
	}
	return false
}

// Error is the one error type of Atlas. Its text is one line, lower case, one fact
// a layer, and last what to do, as Python and Node print it too:
// "runpod: spawn_compute: 402 insufficient balance (add credit)".
type Error struct {
	Kind           Kind   `json:"kind" doc:"What a caller can do about it."`
	Message        string `json:"message" doc:"What happened, for people."`
	Hint           string `json:"hint,omitempty" doc:"What to do about it."`
	Provider       string `json:"provider,omitempty" doc:"Provider concerned."`
	Operation      string `json:"operation,omitempty" doc:"Provider operation or method concerned."`
	Status         int    `json:"status,omitempty" doc:"HTTP status of the cloud's answer."`
	Retryable      bool   `json:"retryable" doc:"Whether the same call may succeed later."`
	RetryAfterMS   int64  `json:"retry_after_ms,omitempty" doc:"How long to wait before that, where the cloud says."`
	UnknownOutcome bool   `json:"unknown_outcome,omitempty" doc:"Whether the cloud may have done it all the same, and Atlas could not find out."`
	Raw            Raw    `json:"raw,omitempty" doc:"The cloud's own error body, with secrets redacted."`
	Details        Raw    `json:"details,omitempty" doc:"Structured facts of this kind of error, such as the attempts of a spawn."`
	Err            error  `json:"-"`
}

func (e *Error) Error() string {
	text := e.Message
	if e.Status != 0 {
		text = strconv.Itoa(e.Status) + " " + text
	}
	if e.Operation != "" {
		text = e.Operation + ": " + text
	}
	if e.Provider != "" {
		text = e.Provider + ": " + text
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Unwrap returns the cause, which is never encoded.
func (e *Error) Unwrap() error { return e.Err }

// Errorf is not offered on purpose: a message is put together by its author, so
// that no secret slips in through a verb. NewError is the short form.
func NewError(kind Kind, message string) *Error { return &Error{Kind: kind, Message: message} }

// AsError returns err as an *Error. What is none becomes an internal error with
// its text.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: KindInternal, Message: err.Error(), Err: err}
}

// KindOfStatus maps an HTTP status to a kind as the seed does, with the kinds
// the seed lacks: 402 funds, 409 conflict, 422 validation.
func KindOfStatus(status int) Kind {
	switch status {
	case 400, 413, 422:
		return KindValidation
	case 401:
		return KindUnauthorized
	case 402:
		return KindFunds
	case 403:
		return KindForbidden
	case 404, 410:
		return KindNotFound
	case 408, 504:
		return KindTimeout
	case 409:
		return KindConflict
	case 429:
		return KindRateLimited
	}
	if status >= 400 && status <= 599 {
		return KindProvider
	}
	return KindUnknown
}
