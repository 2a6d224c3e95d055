package simcmd

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

const usage = `usage: exatlas sim [flags] [cloud ...]

Serves simulated clouds (%s; default all) on loopback addresses, prints one line of
JSON with their base URLs, and ends when its standard input closes or it is signalled.

`

// Run serves the clouds named in args. It returns nil when stdin ended or ctx
// was cancelled; a nil stdin leaves only ctx. A read of stdin that is still
// blocked when ctx ends is left behind: no portable way interrupts it, and the
// program is about to exit.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	c, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	urls := map[string]string{}
	var servers []*sim.Server
	defer func() {
		for _, s := range servers {
			_ = s.Close()
		}
	}()
	for i, name := range c.names {
		options := sim.Options{Options: simkit.Options{Listen: c.address(i), Seed: c.seed}, Settings: c.options[name]}
		s, err := sim.Start(name, options)
		if err != nil {
			return err
		}
		servers = append(servers, s)
		urls[name] = s.URL()
	}
	line, err := json.Marshal(urls)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "%s\n", line); err != nil {
		return err
	}
	ended := make(chan struct{})
	if stdin != nil {
		safego.Go(nil, func(*spec.Error) {}, func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, stdin)
		})
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}

// command is what the arguments ask for.
type command struct {
	names   []string
	host    string
	port    string
	seed    uint64
	options map[string]json.RawMessage
}

func parse(args []string, stderr io.Writer) (*command, error) {
	c := &command{}
	flags := flag.NewFlagSet("sim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprintf(stderr, usage, strings.Join(sim.Names(), ", "))
		flags.PrintDefaults()
	}
	listen := flags.String("listen", "127.0.0.1:0", "loopback `address` of the first cloud; the others take free ports")
	flags.Uint64Var(&c.seed, "seed", 1, "`number` that identifiers, ports and addresses follow from")
	options := flags.String("options", "", "settings by cloud, as `JSON`: {\"runpod\":{\"boot_ms\":500}}")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if c.host, c.port, err = net.SplitHostPort(*listen); err != nil {
		return nil, fmt.Errorf("sim: --listen: %w", err)
	}
	if *options != "" {
		if err := json.Unmarshal([]byte(*options), &c.options); err != nil {
			return nil, fmt.Errorf("sim: --options: %w", err)
		}
	}
	if c.names = flags.Args(); len(c.names) == 0 {
		c.names = sim.Names()
	}
	for name := range c.options {
		if !has(c.names, name) {
			return nil, fmt.Errorf("sim: --options: %q is not served; served are %s", name, strings.Join(c.names, ", "))
		}
	}
	return c, nil
}

// address of the i-th cloud.
func (c *command) address(i int) string {
	if i == 0 {
		return net.JoinHostPort(c.host, c.port)
	}
	return net.JoinHostPort(c.host, "0")
}

func has(list []string, name string) bool {
	for _, one := range list {
		if one == name {
			return true
		}
	}
	return false
}
