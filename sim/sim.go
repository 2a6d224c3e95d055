package sim

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/exatlas/atlas/sim/acme"
	"github.com/exatlas/atlas/sim/fly"
	"github.com/exatlas/atlas/sim/lambda"
	"github.com/exatlas/atlas/sim/mock"
	"github.com/exatlas/atlas/sim/runpod"
	"github.com/exatlas/atlas/sim/simkit"
	"github.com/exatlas/atlas/sim/vast"
)

// Server is a running simulator: URL, Close, Machines, Bill, AddFault, Advance,
// Do, State, Reset.
type Server = simkit.Server

// Options are the settings every cloud has. Settings are those of one cloud,
// such as runpod.Options; its fields win over the common ones.
type Options struct {
	simkit.Options
	Settings json.RawMessage `json:"settings,omitempty"`
}

// starter starts one cloud.
type starter struct {
	name  string
	start func(common simkit.Options, settings []byte) (*Server, error)
}

// clouds is the list of what there is.
func clouds() []starter {
	return []starter{
		{"runpod", func(common simkit.Options, settings []byte) (*Server, error) {
			o := runpod.Options{Options: common}
			if err := simkit.DecodeOptions("runpod", settings, &o); err != nil {
				return nil, err
			}
			return runpod.Start(o)
		}},
		{"vast", func(common simkit.Options, settings []byte) (*Server, error) {
			o := vast.Options{Options: common}
			if err := simkit.DecodeOptions("vast", settings, &o); err != nil {
				return nil, err
			}
			return vast.Start(o)
		}},
		{"fly", func(common simkit.Options, settings []byte) (*Server, error) {
			o := fly.Options{Options: common}
			if err := simkit.DecodeOptions("fly", settings, &o); err != nil {
				return nil, err
			}
			return fly.Start(o)
		}},
		{"lambda_labs", func(common simkit.Options, settings []byte) (*Server, error) {
			o := lambda.Options{Options: common}
			if err := simkit.DecodeOptions("lambda_labs", settings, &o); err != nil {
				return nil, err
			}
			return lambda.Start(o)
		}},
		{"mock", func(common simkit.Options, settings []byte) (*Server, error) {
			o := mock.Options{Options: common}
			if err := simkit.DecodeOptions("mock", settings, &o); err != nil {
				return nil, err
			}
			return mock.Start(o)
		}},
		{"acme", func(common simkit.Options, settings []byte) (*Server, error) {
			o := acme.Options{Options: common}
			if err := simkit.DecodeOptions("acme", settings, &o); err != nil {
				return nil, err
			}
			return acme.Start(o)
		}},
	}
}

// Names lists the clouds that can be simulated.
func Names() []string {
	var names []string
	for _, c := range clouds() {
		names = append(names, c.name)
	}
	return names
}

// Start serves a simulated cloud until its Close.
func Start(name string, o Options) (*Server, error) {
	for _, c := range clouds() {
		if c.name == name {
			return c.start(o.Options, o.Settings)
		}
	}
	return nil, fmt.Errorf("sim: no simulated cloud %q; there are %s", name, strings.Join(Names(), ", "))
}
