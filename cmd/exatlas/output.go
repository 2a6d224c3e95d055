package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// output is standard output. It remembers that it could not be written, so that no
// command that printed in vain ends well; and where nobody reads it any more, the
// command is interrupted, which puts back what is under way. A signal would end it
// on the spot, and flyctl with it.
type output struct {
	io.Writer
	left context.CancelFunc // nobody reads it any more

	mu  sync.Mutex
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err == nil {
		return n, nil
	}
	o.mu.Lock()
	if o.err == nil {
		o.err = err
	}
	o.mu.Unlock()
	if errors.Is(err, syscall.EPIPE) {
		o.left()
	}
	return n, err
}

// unwritten is why an output could not be written; nil where it could.
func unwritten(out io.Writer) error {
	o, ok := out.(*output)
	if !ok {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// unread reports whether nobody reads an output any more.
func unread(out io.Writer) bool { return errors.Is(unwritten(out), syscall.EPIPE) }

// judged is the exit code of a command that came to one, now that it is known
// whether what it printed arrived.
func (o *output) judged(problems io.Writer, code int) int {
	err := unwritten(o)
	switch {
	case err == nil || code != 0 && code != exitInterrupted:
		return code
	case unread(o):
		return exitUnread
	case code == 0:
		var number syscall.Errno
		if errors.As(err, &number) {
			err = number
		}
		fmt.Fprintf(problems, "exatlas: standard output cannot be written: %v\n", err)
		return exitFailed
	}
	return code
}
