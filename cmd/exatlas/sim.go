package main

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simcmd"
)

// runSim serves the simulated clouds. Whoever starts it from another program
// gives it a pipe as its standard input and closes that to end the clouds.
func runSim(ctx context.Context, s streams, args []string) error {
	a := newArguments("sim [CLOUD …] [--listen ADDRESS] [--options JSON] [--seed NUMBER]",
		"Serves simulated clouds ("+strings.Join(sim.Names(), ", ")+"; default all) on loopback addresses,\n"+
			"prints one line of JSON with their base URLs, and serves until it is signalled, or until its standard input\n"+
			"closes where that is a pipe.\n"+
			"docs/simulators.md tells the settings.")
	listen := a.String("listen", "127.0.0.1:0", "loopback `address` of the first cloud; the others take free ports")
	seed := a.Uint64("seed", 1, "`number` that identifiers, ports and addresses follow from")
	settings := a.String("options", "", "settings by cloud, as `JSON`: {\"runpod\":{\"boot_ms\":500}}")
	clouds, err := a.parse(args, 0, len(sim.Names()))
	if err != nil {
		return err
	}
	return simcmd.Run(ctx, simcmd.Options{Clouds: clouds, Listen: *listen, Seed: *seed, Settings: *settings}, held(s.in), s.out)
}

// held is the standard input where another program may hold it: a pipe, a socket.
// It is nil for a device. A shell's background job has /dev/null, which ends at once,
// or the terminal, of which a read stops the process.
func held(in io.Reader) io.Reader {
	if file, ok := in.(*os.File); ok {
		if about, err := file.Stat(); err == nil && about.Mode()&os.ModeCharDevice != 0 {
			return nil
		}
	}
	return in
}
