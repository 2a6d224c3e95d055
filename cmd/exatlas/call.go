package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/internal/safego"
)

// runCall sends one request and prints its result, indented. With --follow it
// goes on printing the events that the call subscribed to, a line each, until
// the final one.
func runCall(ctx context.Context, io streams, args []string) error {
	a := newArguments("call METHOD [JSON|-] [--config JSON|@FILE] [--timeout 30s] [--follow]",
		"Calls a method of docs/methods.md with the parameters given as JSON; - reads them from standard input. The result\n"+
			"is printed as JSON; an error goes to standard error, and its kind is the exit code (exatlas help). So do lines that\n"+
			"plugins logged meanwhile, which the built-in ones never do.")
	config := a.config()
	timeout := a.duration("timeout", "`time` after which the call is given up; default none")
	follow := a.Bool("follow", false, "print the events of the subscription it answers, a line each, until the final one")
	words, err := a.parse(args, 1, 2)
	if err != nil {
		return err
	}
	params := "{}"
	if len(words) == 2 {
		params = words[1]
	}
	if params == "-" {
		if params, err = readAll(ctx, io.in); err != nil {
			return err
		}
	}
	var given any
	if err := json.Unmarshal([]byte(params), &given); err != nil {
		return a.misused("the parameters are not JSON: " + err.Error()) // which shows none of them: they may hold a key
	}
	c, err := connect(configured(*config))
	if err != nil {
		return err
	}
	defer c.close()
	result, err := c.call(ctx, words[0], json.RawMessage(params), *timeout)
	if f := (*failure)(nil); errors.As(err, &f) && len(f.Details) > 0 {
		f.text += "\n  " + string(f.Details) // such as what a spawn tried, and why that failed
	}
	var answer struct{ Subscription string }
	subscribed := json.Unmarshal(result, &answer) == nil && answer.Subscription != ""
	if !subscribed { // whose events would be taken with them
		c.tellLog(io.err)
	}
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, result, "", "  "); err != nil {
		return err
	}
	fmt.Fprintln(io.out, pretty.String())
	switch {
	case *follow && !subscribed:
		return a.misused(words[0] + " subscribes to nothing; --follow has no events to print")
	case *follow:
		return c.follow(ctx, io.out)
	case subscribed:
		fmt.Fprintln(io.err, "exatlas: the subscription ends with this program; --follow prints its events")
	}
	return nil
}

// tellLog prints what plugins logged during the call, for who writes one: the topic
// is that of this client, so no other program can show it.
func (c *connection) tellLog(out io.Writer) {
	if _, err := c.call(context.Background(), "events.subscribe", map[string]any{"topic": "providers.log", "from": 1}, 0); err != nil {
		return
	}
	for {
		outcome, item := c.client.NextJSON(0)
		var e event
		if outcome != 0 || json.Unmarshal(item, &e) != nil {
			return
		}
		fmt.Fprintf(out, "exatlas: a plugin's log: %s %s\n", e.Event, e.Data)
	}
}

// readAll reads an input to its end, unless it is interrupted before that.
func readAll(ctx context.Context, r io.Reader) (string, error) {
	var text []byte
	var err error
	done := make(chan struct{})
	safego.Go(nil, nil, func() { // a read cannot be broken off: it ends with its input or the program
		defer close(done)
		text, err = io.ReadAll(r)
	})
	select {
	case <-done:
		return string(text), err
	case <-ctx.Done():
		return "", errInterrupted
	}
}

// A connection is an open client with the manners of a command line.
type connection struct {
	client *atlas.Client
	calls  int
	idle   func() // called while next waits, some times a second; may be nil
}

// connect opens a client. config is JSON, @FILE, or empty.
func connect(config string) (*connection, error) {
	config, err := written(config)
	if err != nil {
		return nil, err
	}
	client, outcome, document := atlas.OpenJSON([]byte(config), atlas.Environment{Getenv: os.Getenv, Environ: os.Environ})
	if outcome != 0 {
		return nil, documentError(document)
	}
	return &connection{client: client}, nil
}

// close ends the client, and a deploy with it, which has 10 s to put things back.
func (c *connection) close() { c.client.Close(20 * time.Second) }

// call sends a request whose id cancels it when ctx ends, so that Ctrl-C gives
// up cleanly instead of leaving a machine behind.
func (c *connection) call(ctx context.Context, method string, params any, timeout time.Duration) (json.RawMessage, error) {
	c.calls++
	id := fmt.Sprintf("cli-%d", c.calls)
	request := map[string]any{"id": id, "method": method, "params": params}
	if timeout > 0 {
		request["deadline_ms"] = timeout.Milliseconds()
	}
	encoded, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.client.CancelID(id) })
	defer stop()
	outcome, answer := c.client.CallJSON(encoded)
	switch {
	case outcome == atlas.Cancelled && ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %w", errInterrupted, documentError(answer))
	case outcome != 0:
		return nil, documentError(answer)
	}
	var envelope struct{ Result json.RawMessage }
	if err := json.Unmarshal(answer, &envelope); err != nil {
		return nil, err
	}
	return envelope.Result, nil
}

// An event is one item of the client's queue.
type event struct {
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
	Final bool            `json:"-"` // whether it is the subscription's last; told in data
}

// next waits for the next event of any subscription.
func (c *connection) next(ctx context.Context) (event, []byte, error) {
	for {
		if ctx.Err() != nil {
			return event{}, nil, errInterrupted
		}
		outcome, item := c.client.NextJSON(200 * time.Millisecond)
		switch outcome {
		case 0:
			var e event
			if err := json.Unmarshal(item, &e); err != nil {
				return event{}, nil, err
			}
			var last struct{ Final bool }
			e.Final = json.Unmarshal(e.Data, &last) == nil && last.Final
			return e, item, nil
		case 30: // ATLAS_TIMEOUT: look at ctx and wait on
			if c.idle != nil {
				c.idle()
			}
		default:
			return event{}, nil, fmt.Errorf("the queue ended with status %d", outcome)
		}
	}
}

func (c *connection) follow(ctx context.Context, out io.Writer) error {
	for {
		e, item, err := c.next(ctx)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, string(item)); err != nil {
			return nil // run tells it
		}
		switch {
		case e.Final && e.Event == "error":
			return documentError(e.Data)
		case e.Final:
			return nil
		}
	}
}

// A failure is an error document, printed as people read it.
type failure struct {
	Kind     string `json:"kind"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
	Provider string `json:"provider"`
	Details  json.RawMessage
	text     string
}

func (f *failure) Error() string { return f.text }

// documentError turns an error document into an error, hint included.
func documentError(document []byte) error {
	var envelope struct{ Error *failure }
	if json.Unmarshal(document, &envelope) != nil || envelope.Error == nil {
		return fmt.Errorf("atlas answered %q", document)
	}
	f := envelope.Error
	f.text = f.Kind + ": " + f.Message
	if f.Message == f.Kind {
		f.text = f.Kind
	}
	if f.Provider != "" {
		f.text = f.Provider + ": " + f.text
	}
	if f.Hint != "" {
		f.text += "\n  " + f.Hint
	}
	return f
}

// runVersion prints what atlas.info says of versions.
func runVersion(ctx context.Context, io streams, args []string) error {
	if _, err := newArguments("version", "").parse(args, 0, 0); err != nil {
		return err
	}
	c, err := connect("{}")
	if err != nil {
		return err
	}
	defer c.close()
	info, err := c.call(ctx, "atlas.info", map[string]any{}, 0)
	if err != nil {
		return err
	}
	var versions struct {
		Version   string `json:"version"`
		ABI       int    `json:"abi"`
		PluginABI int    `json:"plugin_abi"`
	}
	if err := json.Unmarshal(info, &versions); err != nil {
		return err
	}
	fmt.Fprintf(io.out, "exatlas %s (C interface %d, provider interface %d)\n", versions.Version, versions.ABI, versions.PluginABI)
	return nil
}
