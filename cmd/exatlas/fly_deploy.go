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
	for _, name := range []string{"app", "config-file", "image", "dockerfile", "strategy"} {
		texts[name] = f.flags.String(name, "", "as of fly deploy")
	}
	buildArgs, env := pairs{}, pairs{}
	f.flags.Var(buildArgs, "build-arg", "NAME=VALUE for the build; may be repeated")
	f.flags.Var(env, "env", "NAME=VALUE for the machines; may be repeated")
	idle := f.flags.Duration("idle-timeout", 0, "end the deploy when it prints nothing for so long (default 5m)")
	total := f.flags.Duration("timeout", 0, "end the deploy after so long (default 30m)")
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
	for {
		e, item, err := f.next(ctx)
		if ctx.Err() != nil {
			view.clear()
			_, _ = f.call(context.WithoutCancel(ctx), "events.unsubscribe", map[string]any{"subscription": subscription}, 0) // closing the client waits for the end
			return fmt.Errorf("the deploy was cancelled; machines may be partly replaced")
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
	began  time.Time
	phase  string
	status bool // the status line stands on the terminal
}

func (v *liveView) clear() {
	if v.status {
		fmt.Fprint(v.teller.out, "\r\x1b[2K")
		v.status = false
	}
}

func (v *liveView) show(e event) {
	v.clear()
	switch e.Event {
	case "line":
		var l struct {
			Stream, Text string
			Rewrite      bool
		}
		if json.Unmarshal(e.Data, &l) != nil {
			return
		}
		if l.Rewrite {
			if v.colour {
				fmt.Fprint(v.teller.out, "\r\x1b[2K", visible(l.Text))
				v.status = true
			}
			return
		}
		text := visible(l.Text)
		if l.Stream == "stderr" {
			text = v.paint("2", text)
		}
		fmt.Fprintln(v.teller.out, text)
	case "phase":
		var p struct{ Phase string }
		if json.Unmarshal(e.Data, &p) == nil {
			v.phase = p.Phase
		}
	case "result":
		var r struct {
			Deploy struct {
				URL        string `json:"url"`
				DurationMS int64  `json:"duration_ms"`
			}
		}
		if json.Unmarshal(e.Data, &r) == nil {
			fmt.Fprintf(v.teller.out, "%s in %s %s\n", v.paint("1;32", "deployed"), (time.Duration(r.Deploy.DurationMS) * time.Millisecond).Round(time.Second), r.Deploy.URL)
		}
		return
	}
	if v.colour && v.phase != "" {
		fmt.Fprintf(v.teller.out, "%s %s", v.paint("1;36", v.phase), v.paint("2", time.Since(v.began).Round(time.Second).String()))
		v.status = true
	}
}
