package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/exatlas/atlas"
)

// runDashboard serves the page of the sessions until it is interrupted.
func runDashboard(ctx context.Context, io streams, args []string) error {
	a := newArguments("dashboard [--listen ADDRESS] [--actions] [--public] [--config JSON|@FILE]",
		"Serves a web page of the sessions of the store that the configuration names, and prints the address to open. It only\n"+
			"observes (orchestrator.observe): sessions whose process died wait for that program, which has the keys; with\n"+
			"\"observe\": false in the configuration's orchestrator it takes them over as any process does.")
	config := a.config()
	listen := a.String("listen", "127.0.0.1:0", "`address` to listen at; port 0 takes a free one")
	actions := a.Bool("actions", false, "whoever has the address may touch and end sessions and stop and start their machines")
	public := a.Bool("public", false, "allow an address that other machines reach; put a proxy that speaks TLS before it")
	if _, err := a.parse(args, 0, 0); err != nil {
		return err
	}
	settings, err := written(configured(*config))
	if err != nil {
		return err
	}
	c, err := connect(observing(settings))
	if err != nil {
		return err
	}
	defer c.close()
	// The store is opened now, so that a wrong one shows here and not in the page.
	if _, err := c.call(ctx, "orchestrator.list", map[string]any{"limit": 1}, 0); err != nil {
		return err
	}
	result, err := c.call(ctx, "dashboard.serve", map[string]any{"listen": *listen, "actions": *actions, "public": *public}, 0)
	if err != nil {
		return err
	}
	var served struct {
		URL      string `json:"url"`
		Operator string `json:"operator_url"`
	}
	if err := json.Unmarshal(result, &served); err != nil {
		return err
	}
	at := served.URL
	if served.Operator != "" {
		at = served.Operator
	}
	if _, err := fmt.Fprintln(io.out, at); err != nil {
		return nil // nobody knows the address; run tells it
	}
	fmt.Fprintln(io.err, "exatlas: open that address in a browser; Ctrl-C ends the page")
	<-ctx.Done()
	return nil
}

// observing adds to a configuration that the client acts on no session, unless it
// says so or otherwise. What is no configuration is left for the client to refuse.
func observing(config string) string {
	settings := map[string]any{}
	if config != "" {
		if _, mistake := atlas.DecodeSettings([]byte(config)); mistake != nil || json.Unmarshal([]byte(config), &settings) != nil {
			return config
		}
	}
	if settings["orchestrator"] == nil {
		settings["orchestrator"] = map[string]any{}
	}
	orchestrator, ok := settings["orchestrator"].(map[string]any)
	if !ok {
		return config
	}
	if orchestrator["observe"] == nil {
		orchestrator["observe"] = true
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return config
	}
	return string(text)
}
