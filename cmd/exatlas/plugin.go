package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/conformance"
)

// runPlugin is for those who write providers.
func runPlugin(ctx context.Context, io streams, args []string) error {
	part, rest, err := parts("plugin new|test|record|label …",
		"  new NAME --lang go|assemblyscript|c     write a project that builds and conforms\n"+
			"  test FILE.wasm                          judge a plugin by the conformance suite\n"+
			"  record FILE.wasm --plan FILE            record exchanges with a cloud for that\n"+
			"  label FILE.wasm                         write into the file what the plugin says of itself\n\n"+
			"exatlas plugin test --help tells the flags. The guide is docs/writing-a-provider.md.", args, "new", "test", "record", "label")
	switch part {
	case "new":
		return runPluginNew(io, rest)
	case "test":
		return runPluginTest(ctx, io, rest)
	case "record":
		return runPluginRecord(ctx, io, rest)
	case "label":
		return runPluginLabel(ctx, io, rest)
	}
	return err
}

// runPluginTest judges a module. A recording beside it is used by itself.
func runPluginTest(ctx context.Context, io streams, args []string) error {
	flags := newArguments("plugin test FILE.wasm [--exchanges FILE] [--json]", "Judges a plugin by the conformance suite; a plugin that does not conform is exit code 1.")
	exchanges := flags.String("exchanges", "", "`FILE` of recorded exchanges; default NAME.conformance.json beside the module")
	asJSON := flags.Bool("json", false, "print the whole report as JSON")
	words, err := flags.parse(args, 1, 1)
	if err != nil {
		return err
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
	flags := newArguments("plugin record FILE.wasm --plan FILE [--base-url URL] [--key-env NAME] [--out FILE]",
		"Carries out a plan against a cloud and writes what was said, without secrets. Against a cloud of yours it spends money.")
	planned := flags.String("plan", "", "`FILE` of cases to carry out")
	base := flags.String("base-url", "", "`URL` of a simulator; default the cloud's own")
	keyEnv := flags.String("key-env", "", "`NAME` of the environment variable that holds the credential")
	out := flags.String("out", "", "`FILE` to write; default NAME.conformance.json beside the module")
	words, err := flags.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if *planned == "" {
		return flags.misused("--plan is missing; it names the cases to carry out")
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

// explained puts the hint of an error of Atlas's on a line of its own, as the
// errors of calls have it.
func explained(err error) error {
	var e *spec.Error
	if !errors.As(err, &e) || e.Hint == "" {
		return err
	}
	text, ok := strings.CutSuffix(err.Error(), " ("+e.Hint+")")
	if !ok {
		return err
	}
	return &failure{Kind: string(e.Kind), Message: e.Message, Hint: e.Hint, Provider: e.Provider, text: text + "\n  " + e.Hint}
}
