package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// pairs collects NAME=VALUE flags.
type pairs map[string]string

func (p pairs) String() string { return "" }

// Set takes one flag.
func (p pairs) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return fmt.Errorf("not NAME=VALUE")
	}
	p[name] = value
	return nil
}

func flyDeploy(ctx context.Context, f *flyCommand, args []string) error {
	params := map[string]any{}
	texts := map[string]*string{}
	for name, what := range map[string]string{"app": "`name` of the app, where its file does not say", "config-file": "`file` of the app, where it is not fly.toml", "image": "`image` to deploy, in place of a build",
		"dockerfile": "`file` to build from", "strategy": "rolling, immediate, canary or bluegreen"} {
		texts[name] = f.flags.String(name, "", what)
	}
	buildArgs, env := pairs{}, pairs{}
	f.flags.Var(buildArgs, "build-arg", "`NAME=VALUE` for the build; may be repeated")
	f.flags.Var(env, "env", "`NAME=VALUE` for the machines; may be repeated")
	idle := f.flags.duration("idle-timeout", "`time` without output after which it is ended; default 5m")
	total := f.flags.duration("timeout", "`time` after which it is ended in any case; default 30m")
	words, err := f.open(args, 0, 1)
	if err != nil {
		return err
	}
	for name, text := range texts {
		if *text != "" {
			params[strings.TrimSuffix(name, "-file")] = *text
		}
	}
	if len(words) == 1 {
		params["path"] = words[0]
	}
	if len(buildArgs) > 0 {
		params["build_args"] = buildArgs
	}
	if len(env) > 0 {
		params["env"] = env
	}
	if *idle > 0 {
		params["idle_timeout_ms"] = idle.Milliseconds()
	}
	if *total > 0 {
		params["timeout_ms"] = total.Milliseconds()
	}
	raw, err := f.call(ctx, "fly.deploy.stream", params, 0)
	if err != nil {
		return err
	}
	var ticket struct{ Subscription string }
	if err := json.Unmarshal(raw, &ticket); err != nil {
		return err
	}
	return f.watch(ctx, ticket.Subscription)
}

// watch shows a deploy until it is over. Ctrl-C cancels it and waits for its end.
func (f *flyCommand) watch(ctx context.Context, subscription string) error {
	view := &liveView{flyCommand: f, began: time.Now()}
	if knowsEscapes(f.io.out) && !*f.json {
		view.live, f.idle = true, view.tick
	}
	for {
		e, item, err := f.next(ctx)
		if ctx.Err() != nil {
			view.clear()
			_, _ = f.call(context.WithoutCancel(ctx), "events.unsubscribe", map[string]any{"subscription": subscription}, 0) // closing the client waits for the end
			return fmt.Errorf("%w: the deploy was cancelled; machines may be partly replaced", errInterrupted)
		}
		if err != nil {
			return err
		}
		if *f.json {
			f.print(json.RawMessage(item))
		} else {
			view.show(e)
		}
		if e.Final {
			view.clear()
			if e.Event == "error" {
				return documentError(e.Data)
			}
			return nil
		}
	}
}

// liveView is a deploy on a terminal: its lines, and below them what it is at.
type liveView struct {
	*flyCommand
	live   bool // there is a terminal that knows escapes
	began  time.Time
	phase  string
	status string // what stands below the lines
}

// clear takes the status off the terminal.
func (v *liveView) clear() {
	if v.status != "" {
		fmt.Fprint(v.teller.out, "\r\x1b[2K")
		v.status = ""
	}
}

// What keeps a text in its row: the terminal does not begin another one.
const (
	oneRow  = "\x1b[?7l"
	anyRows = "\x1b[?7h"
)

// set puts a status on the terminal, as much of it as one row holds: of a second
// row clear would know nothing. The terminal itself cuts what it shows in more
// columns than it has letters, such as Chinese, a tab or a picture.
func (v *liveView) set(colour, text string) {
	if !v.live || text == "" || text == v.status {
		return
	}
	v.clear()
	v.status = text
	width, _ := terminal(v.io.out)
	runes := []rune(text)
	fmt.Fprint(v.teller.out, oneRow+v.paint(colour, string(runes[:min(len(runes), max(1, width-1))]))+anyRows)
}

// tick shows that time passes.
func (v *liveView) tick() {
	if v.phase != "" {
		v.set("36", v.phase+" "+time.Since(v.began).Round(time.Second).String())
	}
}

func (v *liveView) show(e event) {
	switch e.Event {
	case "line":
		var l struct {
			Text    string
			Rewrite bool
		}
		if json.Unmarshal(e.Data, &l) != nil {
			return
		}
		if l.Rewrite {
			v.set("2", l.Text)
			return
		}
		v.clear()
		fmt.Fprintln(v.teller.out, l.Text)
	case "phase":
		var p struct{ Phase string }
		if json.Unmarshal(e.Data, &p) == nil {
			v.phase = p.Phase
		}
	case "started":
		var s struct{ Warnings []string }
		if json.Unmarshal(e.Data, &s) == nil {
			for _, w := range s.Warnings {
				fmt.Fprintf(v.teller.out, "%s %s\n", v.paint("33", "warning"), cleaned(w))
			}
		}
	case "result":
		var r struct {
			Deploy struct {
				URL        string `json:"url"`
				DurationMS int64  `json:"duration_ms"`
			}
		}
		v.clear()
		if json.Unmarshal(e.Data, &r) == nil {
			fmt.Fprintf(v.teller.out, "%s in %s %s\n", v.paint("1;32", "deployed"), (time.Duration(r.Deploy.DurationMS) * time.Millisecond).Round(time.Second), r.Deploy.URL)
		}
		return
	}
	v.tick()
}
