package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/builtin"
)

func main() {
	root := flag.String("root", "..", "the repository")
	rounds := flag.Int("rounds", 7, "rounds that take turns")
	calls := flag.Int("calls", 3000, "calls in a round")
	flight := flag.Int("flight", 10000, "calls in flight for the memory figure")
	many := flag.Int("sessions", 100000, "sessions that are kept")
	only := flag.String("only", "", "one part: size, opening, reading, languages, nothing, providers, memory, clients, sessions, fly")
	lines := flag.Int("lines", 1_000_000, "lines of the deploy that is streamed")
	tailing := flag.Duration("tailing", 30*time.Second, "how long logs are tailed")
	keeps := flag.String("keep", "", "for itself: keep the sessions of this configuration and tell of it")
	loads := flag.String("load", "", "for itself: load all plugins with this configuration and tell how long it took")
	crowds := flag.String("crowd", "", "for itself: open many clients with this configuration and tell what they cost")
	machine := flag.String("machine", "", "for itself: with -crowd, which machine each looks at")
	idle := flag.Duration("idle", 0, "for itself: with -keep, how long to watch")
	check := flag.Bool("check", false, "fail when a limit is missed")
	flag.Parse()
	var alone func() error
	switch {
	case *keeps != "":
		alone = func() error { return keep(*keeps, *idle) }
	case *crowds != "":
		alone = func() error { return crowd(*crowds, *machine) }
	case *loads != "":
		alone = func() error { return load(*loads) }
	}
	if alone != nil {
		if err := alone(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	b := &bench{rounds: *rounds, calls: *calls, flight: *flight, many: *many, lines: *lines, tailing: *tailing, only: *only}
	missed, err := b.run(*root)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	case *check && missed > 0:
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	root    string
	rounds  int
	calls   int
	flight  int
	many    int
	lines   int
	tailing time.Duration
	only    string
	cloud   *cloud
	cache   string // of compiled plugins
	config  string
	get     string // the request of compute.get
	getArg  string // its params
	c       string // programs
	flood   string
	missed  int
}

// run prints all figures and returns how many limits were missed.
func (b *bench) run(root string) (int, error) {
	var err error
	if b.root, err = filepath.Abs(root); err != nil {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "atlas-bench")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	b.cache = filepath.Join(folder, "cache")
	if b.cloud, err = startCloud(b.root); err != nil {
		return 0, err
	}
	defer b.cloud.close()
	b.config = b.cloud.config(b.cache)
	b.getArg = `{"id":` + strconv.Quote(b.cloud.pod) + `}`
	b.get = `{"method":"compute.get","params":` + b.getArg + `}`
	if b.c, err = b.build(folder, "callbench"); err != nil {
		return 0, err
	}
	if b.flood, err = b.build(folder, "flood"); err != nil {
		return 0, err
	}
	for _, part := range []struct {
		name string
		run  func() error
	}{{"size", b.size}, {"opening", b.opening}, {"reading", b.reading}, {"languages", b.languages}, {"nothing", b.nothing}, {"providers", b.providers}, {"memory", b.memory}, {"clients", b.clients}, {"sessions", b.sessions}, {"fly", b.fly}} {
		if b.only != "" && b.only != part.name {
			continue
		}
		if err := part.run(); err != nil {
			return b.missed, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	fmt.Fprintf(os.Stderr, "bench: %d limits missed\n", b.missed)
	return b.missed, nil
}

// tell prints a figure.
func (b *bench) tell(f figure) {
	if f.Met != nil && !*f.Met {
		b.missed++
	}
	f.print()
}

// build compiles a C program of bench/c against the library.
func (b *bench) build(folder, name string) (string, error) {
	program := filepath.Join(folder, name)
	library := filepath.Join(b.root, "build")
	cc := exec.Command("cc", "-O2", "-I", filepath.Join(b.root, "include"), filepath.Join(b.root, "bench", "c", name+".c"),
		"-L", library, "-Wl,-rpath,"+library, "-lexatlas", "-lpthread", "-o", program)
	cc.Stderr = os.Stderr
	return program, cc.Run()
}

// child runs a program that prints one JSON line.
func (b *bench) child(into any, name string, arguments ...string) error {
	command := exec.Command(name, arguments...)
	command.Stderr = os.Stderr
	command.Env = append(os.Environ(), "ATLAS_LIBRARY="+filepath.Join(b.root, "build", "libexatlas.so"))
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return json.Unmarshal(out, into)
}

func (b *bench) size() error {
	info, err := os.Stat(filepath.Join(b.root, "build", "libexatlas.so.1"))
	if err != nil {
		return fmt.Errorf("%w (run make all first)", err)
	}
	mb := float64(info.Size()) / 1e6
	b.tell(figure{Name: "library_size", Value: mb, Unit: "MB"}.within("at most 25", mb <= 25))
	return nil
}

// cLine is what callbench prints.
type cLine struct {
	Call    float64 `json:"ns_per_call"`
	Open    float64 `json:"open_ns"`
	First   float64 `json:"first_ns"`
	Version float64 `json:"abi_version_ns"`
	Refused float64 `json:"refused_call_ns"`
	Info    float64 `json:"info_ns"`
}

// opening measures the first call with an empty cache of compiled plugins and
// with a filled one, each in a process of its own.
func (b *bench) opening() error {
	var open, cold, warm, list []float64
	for round := range b.rounds {
		if round < 3 {
			if err := os.RemoveAll(b.cache); err != nil {
				return err
			}
			var line cLine
			if err := b.child(&line, b.c, "-n", "1", "-w", "1", "-c", b.config, b.get); err != nil {
				return err
			}
			cold = append(cold, line.First/1e6)
		}
		var line cLine
		if err := b.child(&line, b.c, "-n", "1", "-w", "1", "-c", b.config, b.get); err != nil {
			return err
		}
		open, warm = append(open, line.Open/1e6), append(warm, line.First/1e6)
		if err := b.child(&line, b.c, "-n", "1", "-w", "1", "-c", b.config, `{"method":"providers.list"}`); err != nil {
			return err
		}
		list = append(list, line.First/1e6)
	}
	b.tell(figure{Name: "open", Value: median(open), Unit: "ms"}.within("at most 10", median(open) <= 10))
	b.tell(figure{Name: "first_call_warm_cache", Value: median(warm), Unit: "ms", Peer: "cold cache", PeerValue: median(cold)}.within("at most 100", median(warm) <= 100))
	b.tell(figure{Name: "first_providers_list", Value: median(list), Unit: "ms, no plugin used"}.within("at most 10", median(list) <= 10))
	b.tell(figure{Name: "first_call_cold_cache", Value: median(cold), Unit: "ms"})
	return nil
}

// reading measures compute.get on every way to the same machine.
func (b *bench) reading() error {
	ctx := context.Background()
	plain := newPlainGo(b.cloud)
	module, err := builtinModule("runpod")
	if err != nil {
		return err
	}
	checked, err := newExtismGuest(ctx, module, b.cloud, 30_000)
	if err != nil {
		return err
	}
	unchecked, err := newExtismGuest(ctx, module, b.cloud, 0)
	if err != nil {
		return err
	}
	client, outcome, document := atlas.OpenJSON([]byte(b.config), atlas.Environment{})
	if client == nil {
		return fmt.Errorf("open: %d %s", outcome, document)
	}
	defer client.Close(time.Second)
	inGo := func() ([]byte, error) { return answered(client.CallJSON([]byte(b.get))) }
	ways := []struct {
		name  string
		share int // of the calls, for the slow ones
		get   func() ([]byte, error)
		us    []float64
	}{{"plain Go", 1, plain.get, nil}, {"Go", 1, inGo, nil}, {"Extism Go SDK, guests that loop are stopped", 10, checked.get, nil}, {"Extism Go SDK, nothing stops a guest", 4, unchecked.get, nil}}
	var c []float64
	for round := range b.rounds + 1 {
		var line cLine
		if err := b.child(&line, b.c, "-n", strconv.Itoa(b.calls), "-c", b.config, b.get); err != nil {
			return err
		}
		if round > 0 { // the first warms everything up
			c = append(c, line.Call/1e3)
		}
		for i := range ways {
			ns, err := timed(max(b.calls/ways[i].share, 50), ways[i].get)
			if err != nil {
				return fmt.Errorf("%s: %w", ways[i].name, err)
			}
			if round > 0 {
				ways[i].us = append(ways[i].us, ns/1e3)
			}
		}
	}
	value := median(c)
	plainUS, goUS, checkedUS, uncheckedUS := median(ways[0].us), median(ways[1].us), median(ways[2].us), median(ways[3].us)
	b.tell(figure{Name: "compute_get_c", Value: value, Unit: "us", Peer: ways[0].name, PeerValue: plainUS}.within("at most 4 times the peer", value <= 4*plainUS))
	b.tell(figure{Name: "compute_get_c", Value: value, Unit: "us", Peer: ways[2].name, PeerValue: checkedUS}.within("at least 5 times faster than the peer", checkedUS >= 5*value))
	b.tell(figure{Name: "compute_get_c", Value: value, Unit: "us", Peer: ways[3].name, PeerValue: uncheckedUS})
	b.tell(figure{Name: "compute_get_go", Value: goUS, Unit: "us", Peer: ways[0].name, PeerValue: plainUS})
	return nil
}

func answered(outcome atlas.Outcome, document []byte) ([]byte, error) {
	if outcome != atlas.OK {
		return nil, spec.NewError(spec.KindInternal, string(document))
	}
	return document, nil
}

func builtinModule(name string) ([]byte, error) {
	for _, m := range builtin.List() {
		if m.Name == name {
			return m.Open()
		}
	}
	return nil, fmt.Errorf("the guest %s is not built (run make plugins first)", name)
}

// pythonLine and nodeLine are what the children of those languages print.
type pythonLine struct {
	Call     float64 `json:"call_ns"`
	Raw      float64 `json:"raw_ns"`
	Overhead float64 `json:"overhead_ns"`
}

type nodeLine struct {
	Await      float64 `json:"await_ns"`
	Sync       float64 `json:"sync_ns"`
	Concurrent float64 `json:"concurrent_ns"`
	Raw        float64 `json:"raw_ns"`
	Overhead   float64 `json:"overhead_ns"`
	Blocking   float64 `json:"sync_overhead_ns"`
}

func (b *bench) python(method, params string, calls int) (line pythonLine, err error) {
	program := filepath.Join(b.root, "bench", "python", "callbench.py")
	err = b.child(&line, "python3", program, "--method", method, "--params", params, "--config", b.config, "--calls", strconv.Itoa(calls))
	return line, err
}

func (b *bench) node(method, params string, calls int) (line nodeLine, err error) {
	program := filepath.Join(b.root, "bench", "node", "callbench.js")
	err = b.child(&line, "node", program, "--method", method, "--params", params, "--config", b.config, "--calls", strconv.Itoa(calls))
	return line, err
}

// languages measures what a language adds to the C function, within one process.
func (b *bench) languages() error {
	calls := b.calls * b.rounds
	python, err := b.python("compute.get", b.getArg, calls)
	if err != nil {
		return err
	}
	node, err := b.node("compute.get", b.getArg, calls)
	if err != nil {
		return err
	}
	submitted, err := b.submitted(calls)
	if err != nil {
		return err
	}
	b.tell(figure{Name: "compute_get_python_adds", Value: python.Overhead / 1e3, Unit: "us", Peer: "the C function in the same process", PeerValue: python.Raw / 1e3}.within("at most 15", python.Overhead <= 15_000))
	b.tell(figure{Name: "compute_get_node_sync_adds", Value: node.Blocking / 1e3, Unit: "us, client.callSync", Peer: "the C function in the same process", PeerValue: node.Raw / 1e3}.within("at most 15", node.Blocking <= 15_000))
	b.tell(figure{Name: "compute_get_node_adds", Value: node.Overhead / 1e3, Unit: "us", Peer: "the C function in the same process", PeerValue: node.Raw / 1e3}.within("at most 15", node.Overhead <= 15_000))
	b.tell(figure{Name: "compute_get_node", Value: node.Await / 1e3, Unit: "us, awaited", Peer: "C: atlas_submit, poll and atlas_next", PeerValue: submitted})
	b.tell(figure{Name: "compute_get_node_64_at_once", Value: node.Concurrent / 1e3, Unit: "us", Peer: "one awaited after another", PeerValue: node.Await / 1e3})
	return nil
}

// submitted measures compute.get through the part of the C interface that an
// event loop uses, in us.
func (b *bench) submitted(calls int) (float64, error) {
	request := `{"id":"one",` + b.get[1:]
	var rounds []float64
	for range b.rounds {
		var line cLine
		if err := b.child(&line, b.c, "-s", "-n", strconv.Itoa(calls/b.rounds), "-c", b.config, request); err != nil {
			return 0, err
		}
		rounds = append(rounds, line.Call/1e3)
	}
	return median(rounds), nil
}

// nothing measures a call that does no work through each layer.
func (b *bench) nothing() error {
	var c cLine
	if err := b.child(&c, b.c, "-n", "200000"); err != nil {
		return err
	}
	client, outcome, document := atlas.OpenJSON([]byte(`{}`), atlas.Environment{})
	if client == nil {
		return fmt.Errorf("open: %d %s", outcome, document)
	}
	defer client.Close(time.Second)
	request := []byte(`{"method":"atlas.info"}`)
	var inGo []float64
	for range b.rounds {
		ns, err := timed(20_000, func() ([]byte, error) { return answered(client.CallJSON(request)) })
		if err != nil {
			return err
		}
		inGo = append(inGo, ns/1e3)
	}
	python, err := b.python("atlas.info", "{}", 50_000)
	if err != nil {
		return err
	}
	node, err := b.node("atlas.info", "{}", 50_000)
	if err != nil {
		return err
	}
	b.tell(figure{Name: "c_function_without_go", Value: c.Version / 1e3, Unit: "us"})
	b.tell(figure{Name: "c_call_refused_in_go", Value: c.Refused / 1e3, Unit: "us"})
	b.tell(figure{Name: "atlas_info_go", Value: median(inGo), Unit: "us"})
	b.tell(figure{Name: "atlas_info_c", Value: c.Info / 1e3, Unit: "us", Peer: "Go", PeerValue: median(inGo)})
	b.tell(figure{Name: "atlas_info_python", Value: python.Call / 1e3, Unit: "us", Peer: "C", PeerValue: python.Raw / 1e3})
	b.tell(figure{Name: "atlas_info_node", Value: node.Await / 1e3, Unit: "us", Peer: "C", PeerValue: node.Raw / 1e3})
	return nil
}
