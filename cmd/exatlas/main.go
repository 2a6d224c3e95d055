// Command exatlas is Atlas in a shell: it calls any method, serves the simulated
// clouds and runs the demonstration. It is a caller like any other: everything
// it does goes through the JSON requests that C, Python and Node send.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/exatlas/atlas/internal/process"
)

// A command is one word after exatlas.
type command struct {
	name  string
	short string
	run   func(ctx context.Context, io streams, args []string) error
}

// streams are the process's own, passed along so that tests can pass others.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// commands is the visible list of what exatlas does.
func commands() []command {
	return []command{
		{"call", "call any method and print its result", runCall},
		{"dashboard", "serve a web page of the sessions, live", runDashboard},
		{"demo", "rent a simulated GPU for a user, use it, give it back", runDemo},
		{"fly", "Fly.io: apps, logs, deploys, tokens", runFly},
		{"plugin", "begin, test and record a provider plugin", runPlugin},
		{"sim", "serve simulated clouds", runSim},
		{"version", "print the versions of Atlas and of its interfaces", runVersion},
	}
}

func main() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // the write tells it instead
	ctx, stop := signal.NotifyContext(context.Background(), interrupting()...)
	code := run(ctx, streams{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// interrupting lists the signals that end a command cleanly. That the terminal has
// gone is one of them, unless nohup or the like has it ignored.
func interrupting() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// run carries out a command line and returns the exit code.
func run(ctx context.Context, io streams, args []string) int {
	ctx, left := context.WithCancel(ctx)
	defer left()
	out := &output{Writer: io.out, left: left}
	io.out = out
	return out.judged(io.err, dispatch(ctx, io, args))
}

// dispatch finds the command.
func dispatch(ctx context.Context, io streams, args []string) int {
	if len(args) == 0 {
		usage(io.err)
		return exitMisused
	}
	name, rest := args[0], args[1:]
	switch name {
	case "--help", "-h", "help":
		if len(rest) == 0 {
			usage(io.out)
			return 0
		}
		name, rest = rest[0], append(rest[1:len(rest):len(rest)], "--help")
	case "--version":
		name = "version"
	}
	for _, c := range commands() {
		if c.name == name {
			return report(io, c.run(ctx, io, rest))
		}
	}
	fmt.Fprintf(io.err, "exatlas: no command %q\n", name)
	usage(io.err)
	return exitMisused
}

// report prints what became of a command and returns its exit code.
func report(io streams, err error) int {
	var mistake *misuse
	switch {
	case err == nil:
		return 0
	case errors.As(err, &mistake):
		return mistake.report(io)
	case err == errInterrupted && unread(io.out): // who has left need not be told
		return exitCode(err)
	default:
		fmt.Fprintf(io.err, "exatlas: %s\n", cleaned(err.Error()))
		return exitCode(err)
	}
}

// cleaned is a text for a terminal: what clouds and files say in it may colour
// nothing and move no cursor.
func cleaned(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = process.Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "exatlas rents, watches and gives back cloud GPUs.")
	fmt.Fprintln(w)
	fmt.Fprintln(w, "usage: exatlas COMMAND [ARGUMENTS]")
	fmt.Fprintln(w)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.short)
	}
	fmt.Fprintf(w, "  %-10s %s\n", "help", "tell of a command: exatlas help call")
	fmt.Fprint(w, `
call, dashboard and fly open a client. Its configuration is --config JSON or @FILE, else EXATLAS_CONFIG; keys come from it or from
the providers' own variables, such as RUNPOD_API_KEY.

`+exitCodes())
}
