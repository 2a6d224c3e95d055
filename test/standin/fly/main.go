// Command fly stands in for Fly's command line where a test cannot run its own
// binary as one; see sim/flycli. It talks to nothing.
package main

import (
	"os"

	"github.com/exatlas/atlas/sim/flycli"
)

func main() { os.Exit(flycli.Main(os.Args[1:])) }
