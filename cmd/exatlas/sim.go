package main

import (
	"context"
	"strings"

	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simcmd"
)

// runSim serves the simulated clouds. Whoever starts it from another program
// keeps its standard input open and closes it to end the clouds.
func runSim(ctx context.Context, io streams, args []string) error {
	a := newArguments("sim [CLOUD …] [--listen ADDRESS] [--options JSON] [--seed NUMBER]",
		"Serves simulated clouds ("+strings.Join(sim.Names(), ", ")+"; default all) on loopback addresses,\n"+
			"prints one line of JSON with their base URLs, and ends when its standard input closes or it is signalled.\n"+
			"docs/simulators.md tells the settings.")
	listen := a.String("listen", "127.0.0.1:0", "loopback `address` of the first cloud; the others take free ports")
	seed := a.Uint64("seed", 1, "`number` that identifiers, ports and addresses follow from")
	settings := a.String("options", "", "settings by cloud, as `JSON`: {\"runpod\":{\"boot_ms\":500}}")
	clouds, err := a.parse(args, 0, len(sim.Names()))
	if err != nil {
		return err
	}
	return simcmd.Run(ctx, simcmd.Options{Clouds: clouds, Listen: *listen, Seed: *seed, Settings: *settings}, io.in, io.out)
}
