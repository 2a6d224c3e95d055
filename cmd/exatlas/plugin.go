package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/conformance"
)

// runPlugin holds a provider plugin against the conformance suite.
func runPlugin(ctx context.Context, io streams, args []string) error {
	flags := flag.NewFlagSet("plugin test", flag.ContinueOnError)
	flags.SetOutput(io.err)
	exchanges := flags.String("exchanges", "", "FILE of recorded exchanges, as --record writes it")
	record := flags.String("record", "", "FILE to write exchanges to; needs --base-url, and rents a machine there for a moment")
	base := flags.String("base-url", "", "address of a simulated cloud, for --record")
	spawn := flags.String("spawn", "{}", "fields of the spawn request that the cloud at --base-url grants: JSON")
	endpoint := flags.String("endpoint", "", "serverless endpoint there")
	asJSON := flags.Bool("json", false, "print the report as JSON")
	words, err := parseMixed(flags, args)
	if err != nil || len(words) != 2 || words[0] != "test" || *record != "" && *base == "" {
		return errUsage
	}
	p := conformance.Plugin{BaseURL: *base, Key: spec.NewSecret("conformance-key")}
	if p.Module, err = os.ReadFile(words[1]); err != nil {
		return err
	}
	var scenarios []conformance.Scenario
	switch {
	case *record != "":
		if scenarios, err = recordPlugin(ctx, p, *spawn, *endpoint, *record); err != nil {
			return err
		}
	case *exchanges != "":
		var file recording
		data, err := os.ReadFile(*exchanges)
		if err == nil {
			err = json.Unmarshal(data, &file)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", *exchanges, err)
		}
		p.BaseURL, scenarios = file.BaseURL, file.Scenarios
	}
	report, err := conformance.Run(ctx, p, scenarios)
	if err != nil {
		return err
	}
	if *asJSON {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintln(io.out, string(text))
	} else {
		fmt.Fprint(io.out, report)
		if scenarios == nil {
			fmt.Fprintln(io.out, "no exchanges were given, so the good answers of this cloud were not tried: --record makes them from a simulator of it")
		}
	}
	if len(report.Failures) > 0 {
		return errors.New("the plugin does not conform")
	}
	return nil
}

// recording is a file of exchanges.
type recording struct {
	BaseURL   string                 `json:"base_url"`
	Scenarios []conformance.Scenario `json:"scenarios"`
}

func recordPlugin(ctx context.Context, p conformance.Plugin, spawn, endpoint, file string) ([]conformance.Scenario, error) {
	var fault error
	scenarios, err := conformance.Record(ctx, p, func(r *spec.SpawnRequest) { fault = json.Unmarshal([]byte(spawn), r) }, endpoint)
	if fault != nil {
		return nil, fmt.Errorf("--spawn: %w", fault)
	}
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(recording{BaseURL: p.BaseURL, Scenarios: scenarios}, "", "  ")
	if err != nil {
		return nil, err
	}
	return scenarios, os.WriteFile(file, append(text, '\n'), 0o644)
}
