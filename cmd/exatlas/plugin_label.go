package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/exatlas/atlas/host"
	"github.com/exatlas/atlas/host/wasm"
	"github.com/exatlas/atlas/internal/wholefile"
)

// runPluginLabel writes into a plugin's file what the plugin says of itself.
func runPluginLabel(ctx context.Context, io streams, args []string) error {
	flags := newArguments("plugin label FILE.wasm", "Asks the plugin what it says of itself and writes that into its file, so that a program that only asks what it is need not start it.\n"+
		"The file's SHA-256 is another one after that. Label a file that is finished: another plugin under the same label is refused.")
	words, err := flags.parse(args, 1, 1)
	if err != nil {
		return err
	}
	info, err := os.Stat(words[0])
	if err != nil {
		return err
	}
	module, err := os.ReadFile(words[0])
	if err != nil {
		return err
	}
	manifest, err := host.Describe(ctx, module, pluginCache())
	if err != nil {
		return explained(err)
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	labelled, err := wasm.WithLabel(module, text)
	if err != nil {
		return err
	}
	if err := wholefile.Write(words[0], labelled, info.Mode().Perm()); err != nil {
		return err
	}
	fmt.Fprintf(io.out, "%s: labelled as %s %s\n", words[0], manifest.Name, manifest.Version)
	return nil
}
