package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// arguments are what a command takes: words and flags. They say nothing by
// themselves; help and mistakes are printed where the command returns to.
type arguments struct {
	*flag.FlagSet
	usage string // the command line after exatlas
	text  string // what else there is to say of it
}

func newArguments(usage, text string) *arguments {
	a := &arguments{FlagSet: flag.NewFlagSet(usage, flag.ContinueOnError), usage: usage, text: text}
	a.SetOutput(io.Discard)
	return a
}

// config is the flag of commands that open a client. Its value is never shown:
// it holds keys.
func (a *arguments) config() *string {
	return a.String("config", "", "`JSON` or @FILE: configuration of the client; default EXATLAS_CONFIG")
}

// duration is a flag such as 30s.
func (a *arguments) duration(name, text string) *time.Duration {
	d := new(time.Duration)
	a.Func(name, text, func(value string) error {
		parsed, err := time.ParseDuration(value)
		if err != nil || parsed < time.Millisecond {
			return errors.New("not a time such as 30s, 500ms or 2m")
		}
		*d = parsed
		return nil
	})
	return d
}

// parse accepts flags before, between and after the words, of which there are
// least to most.
func (a *arguments) parse(args []string, least, most int) ([]string, error) {
	var words []string
	for len(args) > 0 {
		if err := a.Parse(args); err != nil {
			return nil, &misuse{arguments: a, reason: twoDashes(err.Error()), help: errors.Is(err, flag.ErrHelp)}
		}
		args = a.Args()
		if len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	switch {
	case len(words) > most:
		return nil, a.misused("one argument too many: " + words[most])
	case len(words) < least:
		return nil, a.misused("an argument is missing")
	}
	return words, nil
}

// twoDashes writes flags as the help does.
func twoDashes(text string) string {
	text = strings.Replace(text, " for flag -", " for --", 1)
	text = strings.Replace(text, "flag needs an argument: -", "an argument is missing for --", 1)
	return strings.Replace(text, "flag provided but not defined: -", "no flag --", 1)
}

func (a *arguments) misused(reason string) error { return &misuse{arguments: a, reason: reason} }

// misuse is a mistake on the command line, or the wish for help.
type misuse struct {
	*arguments
	reason string
	help   bool
}

func (m *misuse) Error() string { return m.reason }

// report prints and returns the exit code.
func (m *misuse) report(io streams) int {
	if m.help {
		m.printHelp(io.out)
		return 0
	}
	fmt.Fprintf(io.err, "exatlas: %s\nusage: exatlas %s\n", m.reason, m.usage)
	return exitMisused
}

func (a *arguments) printHelp(w io.Writer) {
	fmt.Fprintf(w, "usage: exatlas %s\n", a.usage)
	if a.text != "" {
		fmt.Fprintf(w, "\n%s\n", a.text)
	}
	first := true
	a.VisitAll(func(f *flag.Flag) {
		if strings.HasPrefix(f.Usage, hidden) {
			return
		}
		if first {
			fmt.Fprintln(w)
			first = false
		}
		value, text := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" {
			text += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, "  %-24s %s\n", strings.TrimSpace("--"+f.Name+" "+value), text)
	})
}

// hidden begins the text of a flag that is for exatlas itself.
const hidden = "for itself: "

// parts is a command whose first word chooses what it does.
func parts(usage, text string, args []string, known ...string) (string, []string, error) {
	a := newArguments(usage, text)
	if len(args) > 0 {
		for _, name := range known {
			if args[0] == name {
				return name, args[1:], nil
			}
		}
		if !strings.HasPrefix(args[0], "-") {
			return "", nil, a.misused(fmt.Sprintf("no %q here: there is %s", args[0], strings.Join(known, ", ")))
		}
	}
	if _, err := a.parse(args, 0, 0); err != nil {
		return "", nil, err
	}
	return "", nil, a.misused("what to do is missing: " + strings.Join(known, ", "))
}
