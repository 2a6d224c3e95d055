package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/exatlas/atlas/internal/process"
)

// flyCommand is what the parts of exatlas fly share.
type flyCommand struct {
	*connection
	teller
	print  func(any)
	flags  *arguments
	config *string
	json   *bool
	io     streams
}

// runFly does Fly's platform operations. On a terminal it shows what happens as
// people read it; elsewhere it prints JSON, a line each.
func runFly(ctx context.Context, io streams, args []string) error {
	part, rest, err := parts("fly apps|logs|deploy|token …",
		"  apps [PATH]      the apps of a folder\n  logs APP         an app's log, as it is written\n"+
			"  deploy [PATH]    run fly deploy and show what happens\n  token APP        where an app's token comes from\n\n"+
			"exatlas fly logs --help tells the flags. Where the output is no terminal it is JSON, a line each.", args, "apps", "logs", "deploy", "token")
	if err != nil {
		return err
	}
	run := map[string]struct {
		usage, text string
		do          func(context.Context, *flyCommand, []string) error
	}{
		"apps": {"apps [PATH] [--depth N]", "Finds the apps of a folder by their fly.toml, fly.json and fly.yaml.", flyApps},
		"logs": {"logs APP [--from CURSOR] [--region R] [--instance M] [--no-tail]", "Shows an app's log as it is written, until Ctrl-C.", flyLogs},
		"deploy": {"deploy [PATH] [--app A] [--image I] …", "Runs fly deploy and shows what happens. Ctrl-C ends it, and all it started. What differs from flyctl's flags:\n" +
			"--config is the client's; the file of the app is --config-file.", flyDeploy},
		"token": {"token APP [--show] [--refresh] | --set | --remove", "Tells where the token of an app comes from; the token itself with --show alone.", flyToken},
	}[part]
	f := &flyCommand{teller: newTeller(io.out), io: io, flags: newArguments("fly "+run.usage, run.text)}
	f.config = f.flags.config()
	_, watched := terminal(io.out)
	f.json = f.flags.Bool("json", !watched, "print JSON, a line each; so by itself where the output is no terminal")
	encoder := json.NewEncoder(io.out)
	encoder.SetEscapeHTML(false)
	f.print = func(v any) { _ = encoder.Encode(v) } // the output remembers what it could not write
	err = run.do(ctx, f, rest)
	if f.connection != nil {
		f.close()
	}
	return err
}

// open parses the arguments and opens the client.
func (f *flyCommand) open(args []string, least, most int) ([]string, error) {
	words, err := f.flags.parse(args, least, most)
	if err != nil {
		return nil, err
	}
	f.connection, err = connect(configured(*f.config))
	return words, err
}

func flyApps(ctx context.Context, f *flyCommand, args []string) error {
	depth := f.flags.Int("depth", 3, "`levels` of folders to look in")
	words, err := f.open(args, 0, 1)
	if err != nil {
		return err
	}
	params := map[string]any{"max_depth": *depth}
	if len(words) == 1 {
		params["path"] = words[0]
	}
	raw, err := f.call(ctx, "fly.apps.discover", params, 0)
	if err != nil {
		return err
	}
	var found struct {
		Items []struct {
			Name      string `json:"name"`
			Directory string `json:"directory"`
			Region    string `json:"primary_region"`
		}
		Broken []struct{ File, Message string }
	}
	if *f.json {
		return f.each(raw, "items", "broken")
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		return err
	}
	for _, a := range found.Items {
		fmt.Fprintf(f.teller.out, "%s %s  %s\n", f.paint("1;36", fmt.Sprintf("%-24s", a.Name)), f.paint("2", fmt.Sprintf("%-4s", process.Clean(a.Region))), process.Clean(a.Directory))
	}
	for _, b := range found.Broken {
		fmt.Fprintf(f.teller.out, "%s %s: %s\n", f.paint("31", fmt.Sprintf("%-24s", "broken")), process.Clean(b.File), process.Clean(b.Message))
	}
	return nil
}

// each prints the members of lists, a line each.
func (f *flyCommand) each(raw json.RawMessage, names ...string) error {
	var lists map[string]json.RawMessage
	if err := json.Unmarshal(raw, &lists); err != nil {
		return err
	}
	for _, name := range names {
		var items []json.RawMessage
		if err := json.Unmarshal(lists[name], &items); err != nil {
			return err
		}
		for _, item := range items {
			f.print(item)
		}
	}
	return nil
}

// logLine is a line as it is shown: without what of somebody else's text would
// colour this terminal or move its cursor.
type logLine struct {
	Timestamp, Message, Level, Region, Instance string
}

func (f *flyCommand) showLine(raw json.RawMessage) {
	if *f.json {
		f.print(raw)
		return
	}
	var l logLine
	if json.Unmarshal(raw, &l) != nil {
		return
	}
	level := map[string]string{"error": "31", "warning": "33", "warn": "33"}[strings.ToLower(l.Level)]
	if level == "" {
		level = "32"
	}
	clean := process.Clean
	fmt.Fprintf(f.teller.out, "%s %s %s %s\n", f.paint("2", clean(l.Timestamp)), f.paint("36", clean(l.Region+"/"+l.Instance)), f.paint(level, fmt.Sprintf("%-5s", clean(l.Level))), clean(l.Message))
}

func flyLogs(ctx context.Context, f *flyCommand, args []string) error {
	region := f.flags.String("region", "", "lines of this `region` alone")
	instance := f.flags.String("instance", "", "lines of this `machine` alone")
	from := f.flags.String("from", "", "`cursor` to resume behind")
	noTail := f.flags.Bool("no-tail", false, "print the newest lines and end")
	words, err := f.open(args, 1, 1)
	if err != nil {
		return err
	}
	params := map[string]any{"app": words[0], "region": *region, "instance": *instance}
	if *noTail {
		if *from != "" {
			params["next_token"] = *from
		}
		raw, err := f.call(ctx, "fly.logs.fetch", params, 0)
		if err != nil {
			return err
		}
		var page struct{ Items []json.RawMessage }
		if err := json.Unmarshal(raw, &page); err != nil {
			return err
		}
		for _, line := range page.Items {
			f.showLine(line)
		}
		return nil
	}
	params["recent"] = *from == ""
	if *from != "" {
		params["from"] = *from
	}
	if _, err := f.call(ctx, "fly.logs.subscribe", params, 0); err != nil {
		return err
	}
	for {
		e, _, err := f.next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // the user has seen enough
		case err != nil:
			return err
		case e.Event == "line":
			if f.showLine(e.Data); unwritten(f.io.out) != nil {
				return nil // run tells it
			}
		case e.Final:
			return documentError(e.Data)
		default: // dropped, stalled, resumed
			fmt.Fprintf(f.io.err, "exatlas: %s %s\n", e.Event, e.Data)
		}
	}
}

func flyToken(ctx context.Context, f *flyCommand, args []string) error {
	refresh := f.flags.Bool("refresh", false, "find one anew, past memory and store")
	show := f.flags.Bool("show", false, "print the token itself")
	remove := f.flags.Bool("remove", false, "remove the manual token")
	set := f.flags.Bool("set", false, "set the token that standard input holds by hand")
	words, err := f.flags.parse(args, 1, len(args)+1)
	switch {
	case err != nil:
		return err
	case len(words) > 1 && *set: // which is not repeated
		return f.flags.misused("--set takes the token from standard input: an argument can be read by every user of the machine")
	case len(words) > 1:
		return f.flags.misused("one argument too many: " + words[1])
	case *set && *remove:
		return f.flags.misused("--set and --remove contradict each other")
	case (*set || *remove) && (*show || *refresh):
		return f.flags.misused("--set and --remove go with neither --show nor --refresh")
	case *set || *remove:
		return f.setToken(ctx, words[0], *remove)
	}
	if f.connection, err = connect(configured(*f.config)); err != nil {
		return err
	}
	method := "fly.tokens.get"
	if *refresh {
		method = "fly.tokens.refresh"
	}
	raw, err := f.call(ctx, method, map[string]any{"app": words[0]}, 0)
	if err != nil {
		return err
	}
	var token map[string]any
	if err := json.Unmarshal(raw, &token); err != nil {
		return err
	}
	if !*show {
		delete(token, "token")
		delete(token, "header")
	}
	f.print(token)
	return nil
}

// setToken sets the token that standard input holds, or removes the one that was
// set. It is no argument: those can be read by every user of the machine.
func (f *flyCommand) setToken(ctx context.Context, app string, remove bool) error {
	params := map[string]any{"app": app, "remove": remove}
	if !remove {
		text, err := readAll(ctx, f.io.in)
		if err != nil {
			return err
		}
		token := strings.TrimSpace(text)
		if token == "" {
			return f.flags.misused("standard input holds no token; --remove takes a manual one away")
		}
		params["token"] = token
	}
	var err error
	if f.connection, err = connect(configured(*f.config)); err != nil {
		return err
	}
	raw, err := f.call(ctx, "fly.tokens.set_manual", params, 0)
	if err == nil {
		f.print(raw)
	}
	return err
}
