package main

import (
	"context"

	"github.com/exatlas/atlas/sim/simcmd"
)

// runSim serves the simulated clouds. Whoever starts it from another program
// keeps its standard input open and closes it to end the clouds.
func runSim(ctx context.Context, io streams, args []string) error {
	return simcmd.Run(ctx, args, io.in, io.out, io.err)
}
