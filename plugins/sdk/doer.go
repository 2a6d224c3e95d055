package sdk

import "github.com/exatlas/atlas/core/spec"

// Doer sends one HTTP request and waits for the answer. In a guest the wait
// parks the call, and other calls run meanwhile: a provider must not hold
// anything shared over it. An answer of any HTTP status is a Response; the error
// says that there was none.
type Doer interface {
	Do(Request) (Response, *spec.Error)
}

// Header is one header field.
type Header struct{ Name, Value string }

// Request is one HTTP request. The host adds the credential, a User-Agent and
// what the connection needs.
type Request struct {
	Method string
	URL    string
	Header []Header
	Body   []byte

	// Aside says of a request that changes something that its success leaves
	// nothing behind that matters if the operation fails after it, such as a
	// lease, or what undoes an earlier request. Without it, an operation that
	// fails after a successful POST counts as one whose outcome is not known.
	Aside bool

	// Undo says of a request that its success takes back everything that the
	// requests before it in the same operation did, so that an operation which
	// fails after it has a known outcome.
	Undo bool

	// ReadIdleMS and ReadMaxBytes are for answers that stay open, such as
	// server-sent events: the host hands over what has arrived when nothing came
	// for ReadIdleMS or when ReadMaxBytes are there. Both zero: the whole body.
	ReadIdleMS   int64
	ReadMaxBytes int
}

// Response is the answer.
type Response struct {
	Status int
	Body   string
	Lookup func(name string) string // value of a header, by its lower-case name; nil: no headers are known
}

// Header returns the value of the header of that lower-case name, "" where it is
// absent.
func (r *Response) Header(name string) string {
	if r.Lookup == nil {
		return ""
	}
	return r.Lookup(name)
}
