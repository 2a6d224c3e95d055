package atlas

import (
	"reflect"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/strict"
)

// Config configures a client in Go: the settings that C programs give as a
// document, and the environment.
type Config struct {
	Settings

	// Getenv reads credentials from the environment, usually os.Getenv. Nil: the
	// environment is left alone.
	Getenv func(string) string

	// Environ lists the environment for flyctl, usually os.Environ. Nil: it gets
	// what Getenv tells of the variables it is known to need.
	Environ func() []string
}

// Open opens a client. Opening is cheap: plugins are compiled when first used. The
// settings are copied: what the program does with its maps and lists later has no
// effect. An error is a [*Error]; one of kind validation names the mistake in them.
func Open(config Config) (*Client, error) {
	if err := strict.Compile(reflect.TypeFor[Settings]()).Check(&config.Settings, "config"); err != nil {
		return nil, err
	}
	if config.ABI != 0 && config.ABI != ABI {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "config.abi: not the version of this library"}
	}
	c, err := open(config.Settings.clone(), Environment{Getenv: config.Getenv, Environ: config.Environ})
	if err != nil {
		return nil, err
	}
	return c, nil
}
