package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host"
	"github.com/exatlas/atlas/host/label"
)

// runPluginLabel writes into a plugin's file what the plugin says of itself.
func runPluginLabel(ctx context.Context, io streams, args []string) error {
	flags := newArguments("plugin label FILE.wasm", "Asks the plugin what it says of itself and writes that into its file, so that a program that only asks what it is need not start it.\n"+
		"The file's SHA-256 is another one after that. Label a file that is finished: another plugin under the same label is refused.")
	words, err := flags.parse(args, 1, 1)
	if err != nil {
		return err
	}
	module, err := os.ReadFile(words[0])
	if err != nil {
		return err
	}
	bare, err := label.Put(module, nil)
	if err != nil {
		return fmt.Errorf("%s is no plugin: %w", words[0], err)
	}
	manifest, err := asked(ctx, bare)
	if err != nil {
		return explained(err)
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	labelled, err := label.Put(bare, text)
	if err == nil {
		err = replaced(words[0], labelled)
	}
	if err == nil {
		fmt.Fprintf(io.out, "%s: labelled as %s %s\n", words[0], manifest.Name, manifest.Version)
	}
	return err
}

// asked loads a module and returns what it says of itself.
func asked(ctx context.Context, module []byte) (*spec.Manifest, error) {
	folder, err := os.MkdirTemp("", "exatlas-label")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "plugin.wasm")
	if err := os.WriteFile(path, module, 0o600); err != nil {
		return nil, err
	}
	h, err := host.New(host.Options{CacheDir: pluginCache()})
	if err != nil {
		return nil, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = h.Close(closing)
	}()
	info, err := h.Load(ctx, path, "")
	if err != nil {
		return nil, err
	}
	return h.Manifest(ctx, info.Name)
}

// replaced writes a file anew in one step: who reads it meanwhile gets the old one or
// the new one.
func replaced(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".label-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(file.Name(), info.Mode().Perm())
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}
