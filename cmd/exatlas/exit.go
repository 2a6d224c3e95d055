package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// Exit codes that stand for no kind of error.
const (
	exitFailed      = 1
	exitMisused     = 2
	exitInterrupted = 130 // as a shell has it of SIGINT
	exitUnread      = 141 // and of SIGPIPE
)

// kindCode is the exit code of the first of spec.Kinds; the others follow it.
const kindCode = 10

// errInterrupted is what became of a command that Ctrl-C ended.
var errInterrupted = errors.New("interrupted")

// exitCode tells scripts what a failure was.
func exitCode(err error) int {
	kind := spec.Kind("")
	var f *failure
	var e *spec.Error
	switch {
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &f):
		kind = spec.Kind(f.Kind)
	case errors.As(err, &e):
		kind = e.Kind
	}
	for i, k := range spec.Kinds() {
		if k == kind {
			return kindCode + i
		}
	}
	return exitFailed
}

// exitCodes is the paragraph of the help on them.
func exitCodes() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Exit codes: 0 done, %d failed, %d misused, %d interrupted, %d nobody reads the output; of errors of Atlas's by\ntheir kind:\n", exitFailed, exitMisused, exitInterrupted, exitUnread)
	for i, k := range spec.Kinds() {
		separator := ", "
		switch {
		case i == 0:
			separator = ""
		case i%6 == 0:
			separator = ",\n"
		}
		fmt.Fprintf(&text, "%s%d %s", separator, kindCode+i, k)
	}
	text.WriteString(".\n")
	return text.String()
}
