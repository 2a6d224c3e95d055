package main

import (
	"fmt"
	"io"
	"os"
)

// A teller prints the demonstration: a coloured heading a step on a terminal,
// plain text elsewhere.
type teller struct {
	out    io.Writer
	colour bool
}

// newTeller uses colour when out is a terminal that knows escapes and NO_COLOR is
// not set.
func newTeller(out io.Writer) teller {
	return teller{out: out, colour: knowsEscapes(out) && os.Getenv("NO_COLOR") == ""}
}

// knowsEscapes tells whether out is a terminal on which more than text can be
// written. TERM=dumb says that it cannot, and without TERM nothing is known of it.
func knowsEscapes(out io.Writer) bool {
	_, watched := terminal(out)
	term := os.Getenv("TERM")
	return watched && term != "" && term != "dumb"
}

// say prints a step. An empty heading continues the last one.
func (t teller) say(heading, format string, args ...any) {
	fmt.Fprintf(t.out, "%s %s\n", t.paint("1;36", fmt.Sprintf("%-10s", heading)), fmt.Sprintf(format, args...))
}

// fact prints a detail of the step.
func (t teller) fact(name, value string) {
	fmt.Fprintf(t.out, "%-10s %s %s\n", "", t.paint("2", fmt.Sprintf("%-10s", name)), t.paint("32", value))
}

func (t teller) paint(code, text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
