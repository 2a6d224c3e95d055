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
	"syscall"
)

// A command is one word after exatlas.
type command struct {
	name  string
	usage string
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
		{"call", "call METHOD [JSON|-] [--config JSON|@FILE] [--timeout 30s] [--follow]", "call a method and print its result", runCall},
		{"sim", "sim [--listen 127.0.0.1:0] [runpod mock …]", "serve simulated clouds until standard input closes", runSim},
		{"plugin", pluginUsage, "judge, record and begin a provider plugin", runPlugin},
		{"demo", "demo [--live] [--gpu NAME] [--endpoint ID]", "rent a GPU for a user, use it, give it back", runDemo},
		{"fly", "fly apps [PATH] | logs APP [--from CURSOR] [--region R] [--no-tail] | deploy [PATH] [--app A] … | token APP [--show] [--refresh] [--set] [--remove]", "Fly's platform operations; JSON lines where the output is no terminal", runFly},
		{"version", "version", "print the versions of Atlas and of its interfaces", runVersion},
	}
}

// errUsage marks a mistake on the command line; its text is already printed.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, streams{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// run dispatches and returns the exit code: 0 done, 1 failed, 2 misused.
func run(ctx context.Context, io streams, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		usage(io.out)
		return 0
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		switch err := c.run(ctx, io, args[1:]); {
		case err == nil:
			return 0
		case errors.Is(err, errUsage):
			fmt.Fprintf(io.err, "usage: exatlas %s\n", c.usage)
			return 2
		default:
			fmt.Fprintf(io.err, "exatlas: %v\n", err)
			return 1
		}
	}
	fmt.Fprintf(io.err, "exatlas: no command %q\n", args[0])
	usage(io.err)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "exatlas rents, watches and gives back cloud GPUs.")
	fmt.Fprintln(w)
	for _, c := range commands() {
		fmt.Fprintf(w, "  exatlas %s\n      %s\n", c.usage, c.short)
	}
}
