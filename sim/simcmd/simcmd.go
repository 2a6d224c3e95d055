package simcmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
	"github.com/exatlas/atlas/sim"
	"github.com/exatlas/atlas/sim/simkit"
)

// Options say what is served.
type Options struct {
	Clouds   []string // names; none means all
	Listen   string   // loopback address of the first cloud; the others take free ports
	Seed     uint64   // number that identifiers, ports and addresses follow from
	Settings string   // settings by cloud, a JSON object; may be empty
}

// Run serves the clouds. It returns nil when stdin ended or ctx was cancelled; a
// nil stdin leaves only ctx. A read of stdin that is still blocked when ctx ends
// is left behind: no portable way interrupts it, and the program is about to
// exit.
func Run(ctx context.Context, o Options, stdin io.Reader, stdout io.Writer) error {
	c, err := o.check()
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

// command is what the options ask for.
type command struct {
	names   []string
	host    string
	port    string
	seed    uint64
	options map[string]json.RawMessage
}

func (o Options) check() (*command, error) {
	c := &command{names: o.Clouds, seed: o.Seed}
	var err error
	if c.host, c.port, err = net.SplitHostPort(o.Listen); err != nil {
		return nil, fmt.Errorf("sim: --listen: %w", err)
	}
	if o.Settings != "" {
		if err := simkit.Decode([]byte(o.Settings), &c.options, "sim: --options"); err != nil {
			return nil, err
		}
	}
	if len(c.names) == 0 {
		c.names = sim.Names()
	}
	for i, name := range c.names {
		if has(c.names[:i], name) { // the line that is printed has one address for a name
			return nil, fmt.Errorf("sim: %s is named twice", name)
		}
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
