package store

import "github.com/exatlas/atlas/core/spec"

// CannotTell is the answer of a store that did not answer. It says nothing about
// what is stored: whoever gets it deletes nothing and rents nothing because of it.
type CannotTell struct {
	Doing string // what was asked, such as "reading a session"
	Err   error
}

func (c *CannotTell) Error() string { return "store: " + c.Doing + ": " + c.Err.Error() }

func (c *CannotTell) Unwrap() error { return c.Err }

// AsError is what a caller of Atlas gets to see.
func (c *CannotTell) AsError() *spec.Error {
	return &spec.Error{Kind: spec.KindInternal, Message: "the store did not answer, so nothing was decided: " + c.Error(), Retryable: true,
		Hint: "see that the store given in store.url is there and can be written, then try again", Err: c}
}
