package process

import (
	"context"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// Command is one run of a program.
type Command struct {
	Path string   // of the executable, absolute
	Args []string // without the program's own name; other users of the machine can read them
	Dir  string   // working folder; empty: this process's
	Env  []string // all variables the child gets, as name=value

	Idle  time.Duration // the child is ended after so long without output, while this process runs; 0: never
	Total time.Duration // the child is ended after so long; 0: never
	Grace time.Duration // from asking it to end to killing it; default 10 s

	// Joined gives the child one pipe for both of its outputs: what it writes comes
	// in the order it was written, as on a terminal, and which of the two a line came
	// on is not known. Without it each output is in order by itself.
	Joined bool
	// MaxLine is the longest line in bytes; a longer one comes in pieces. Default
	// 64 KiB.
	MaxLine int
	// Line gets every line in order, on one goroutine. While it has not returned
	// nothing is read, so the child waits, and that is not held against it. Its
	// context ends when the run does. It may be nil.
	Line func(ctx context.Context, l Line)
	// Starting runs start, which starts the child, with the signal mask that the
	// child is to inherit. Nil: that of the thread.
	Starting func(start func())
}

// Stream tells the child's two outputs apart.
type Stream string

// The streams.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
	Both   Stream = "both" // where they are joined
)

// Line is one line of output.
type Line struct {
	Stream  Stream
	Text    string // without colours, control characters and what ended the line
	Raw     string // as it came, without the line end
	Rewrite bool   // ended by a carriage return alone: the next line is written over it
	Part    bool   // longer than MaxLine, or cut off by the end: not the end of the line
}

// Reason tells why a run ended.
type Reason string

// The reasons.
const (
	Exited    Reason = "exited"    // by itself
	Idle      Reason = "idle"      // too long without output
	Total     Reason = "total"     // too long
	Cancelled Reason = "cancelled" // the context ended
)

// Result is how a run ended.
type Result struct {
	Reason   Reason
	ExitCode int    // -1: a signal ended it
	Signal   string // that signal's name
	Took     time.Duration
	Lines    int64
}

// The defaults of a command.
const (
	defaultGrace = 10 * time.Second
	defaultLine  = 64 << 10
	// linger is how long the pipes may stay open after the child has left before
	// what holds them is asked to leave, too.
	linger = 250 * time.Millisecond
)

// Run runs a command to its end and returns when neither it nor its process group
// is left. The error says that it could not be started; how it ended is in the
// result.
func Run(ctx context.Context, c Command) (Result, *spec.Error) {
	if c.Grace <= 0 {
		c.Grace = defaultGrace
	}
	if c.MaxLine <= 0 {
		c.MaxLine = defaultLine
	}
	if err := ctx.Err(); err != nil {
		return Result{Reason: Cancelled, ExitCode: -1}, nil
	}
	return run(ctx, &c)
}
