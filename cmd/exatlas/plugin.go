package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/conformance"
)

const pluginUsage = `plugin test FILE.wasm [--exchanges FILE] [--json]
       exatlas plugin record FILE.wasm --plan FILE [--base-url URL] [--key-env NAME] [--out FILE]
       exatlas plugin new NAME --lang go|assemblyscript|c [--dir DIR] [--atlas CHECKOUT]`

// runPlugin is for those who write providers.
func runPlugin(ctx context.Context, io streams, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "test":
		return runPluginTest(ctx, io, args[1:])
	case "record":
		return runPluginRecord(ctx, io, args[1:])
	case "new":
		return runPluginNew(io, args[1:])
	}
	return errUsage
}

// runPluginTest judges a module. A recording beside it is used by itself.
func runPluginTest(ctx context.Context, io streams, args []string) error {
	flags := flag.NewFlagSet("plugin test", flag.ContinueOnError)
	flags.SetOutput(io.err)
	exchanges := flags.String("exchanges", "", "recorded exchanges; default NAME.conformance.json beside the module")
	asJSON := flags.Bool("json", false, "print the whole report as JSON")
	words, err := parseMixed(flags, args)
	if err != nil || len(words) != 1 {
		return errUsage
	}
	options := conformance.Options{CacheDir: pluginCache()}
	beside := strings.TrimSuffix(words[0], ".wasm") + ".conformance.json"
	switch {
	case *exchanges != "":
		options.Recording, err = conformance.ReadRecording(*exchanges)
	case exists(beside):
		options.Recording, err = conformance.ReadRecording(beside)
	}
	if err != nil {
		return err
	}
	report, err := conformance.Run(ctx, words[0], options)
	if err != nil {
		return explained(err)
	}
	if *asJSON {
		encoder := json.NewEncoder(io.out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.Write(io.out)
	}
	if err == nil && !report.OK() {
		err = fmt.Errorf("%s does not conform: %d of %d cases failed", words[0], report.Failed, report.Passed+report.Failed)
	}
	return err
}

// runPluginRecord carries out a plan against a cloud and writes the recording.
func runPluginRecord(ctx context.Context, io streams, args []string) error {
	flags := flag.NewFlagSet("plugin record", flag.ContinueOnError)
	flags.SetOutput(io.err)
	planned := flags.String("plan", "", "cases to carry out")
	base := flags.String("base-url", "", "address of a simulator; default the cloud's own")
	keyEnv := flags.String("key-env", "", "environment variable that holds the credential")
	out := flags.String("out", "", "file to write; default NAME.conformance.json beside the module")
	words, err := parseMixed(flags, args)
	if err != nil || len(words) != 1 || *planned == "" {
		return errUsage
	}
	plan, err := conformance.ReadRecording(*planned)
	if err != nil {
		return err
	}
	options := conformance.RecordOptions{BaseURL: *base, CacheDir: pluginCache()}
	if *keyEnv != "" {
		key := os.Getenv(*keyEnv)
		if key == "" {
			return errors.New(*keyEnv + " is not set; it is to hold the credential of the account to record with")
		}
		options.Key = spec.NewSecret(key)
	}
	recording, err := conformance.Record(ctx, words[0], plan, options)
	if err != nil {
		return explained(err)
	}
	text, err := recording.Encode()
	if err != nil {
		return err
	}
	if *out == "" {
		*out = strings.TrimSuffix(words[0], ".wasm") + ".conformance.json"
	}
	if err := os.WriteFile(*out, text, 0o644); err != nil {
		return err
	}
	requests := 0
	for _, c := range recording.Cases {
		requests += len(c.Exchanges)
	}
	fmt.Fprintf(io.out, "%s: %d cases, %d exchanges\n", *out, len(recording.Cases), requests)
	return nil
}

// pluginCache is where compiled modules are kept between runs.
func pluginCache() string {
	folder, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(folder, "exatlas")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// explained adds the hint of an error of Atlas's.
func explained(err error) error {
	var e *spec.Error
	if errors.As(err, &e) && e.Hint != "" {
		return fmt.Errorf("%w\n  %s", err, e.Hint)
	}
	return err
}
