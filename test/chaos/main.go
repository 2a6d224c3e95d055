package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/exatlas/atlas/internal/testpg"
)

// settings of a run.
type settings struct {
	store   string
	nodes   int
	kills   int
	seed    uint64
	limit   time.Duration
	clock   bool
	library string
	cli     string
}

func main() {
	var s settings
	flag.StringVar(&s.store, "store", "sqlite", "sqlite or postgres")
	flag.IntVar(&s.nodes, "nodes", 1, "processes that share the store")
	flag.IntVar(&s.kills, "kills", 20, "how often a process is killed")
	flag.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "what the harness does follows from it")
	flag.DurationVar(&s.limit, "limit", 30*time.Minute, "the run fails when it takes longer")
	flag.BoolVar(&s.clock, "clock", false, "step the machine's wall clock too: needs root, and every process of the machine sees it (sqlite only)")
	flag.StringVar(&s.library, "library", "build/libexatlas.so", "the library")
	flag.StringVar(&s.cli, "cli", "build/exatlas", "the command line, for its simulator")
	flag.Parse()
	if s.clock && s.store != "sqlite" {
		fmt.Fprintln(os.Stderr, "chaos: -clock steps the clock of PostgreSQL's server too, which has to be kept by its administrator: use it with -store sqlite")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	clean, err := run(ctx, s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	if err != nil || !clean {
		os.Exit(1)
	}
}

// arena is all that a run is made of.
type arena struct {
	settings
	random *rand.Rand // of the harness's one planning goroutine
	cloud  *cloud
	pg     *testpg.Server
	pgway  *proxy
	nodes  []*node
	ledger *ledger
	folder string

	faults int // made until now
}

func run(ctx context.Context, s settings) (clean bool, err error) {
	fmt.Printf(`{"store":%q,"nodes":%d,"kills":%d,"seed":%d,"clock_steps":%v}`+"\n", s.store, s.nodes, s.kills, s.seed, s.clock)
	a := &arena{settings: s, random: rand.New(rand.NewPCG(s.seed, 1)), ledger: newLedger()}
	defer a.end()
	if err := a.open(ctx); err != nil {
		return false, err
	}
	total, killed := counts{}, 0
	for round := 1; killed < s.kills; round++ {
		began := time.Now()
		r, err := a.round(ctx, min(10, s.kills-killed))
		if err != nil {
			return false, fmt.Errorf("round %d: %w", round, err)
		}
		killed += r.Kills
		total.add(r.counts)
		r.Round, r.Seconds = round, time.Since(began).Seconds()
		line, err := json.Marshal(r)
		if err != nil {
			return false, err
		}
		fmt.Println(string(line))
	}
	fmt.Printf("chaos: kills=%d faults=%d leaked=%d killed_live=%d doubled=%d lost_events=%d\n", killed, a.faults, total.Leaked, total.KilledLive, total.Doubled, total.LostEvents)
	return total.clean(), nil
}

// open starts the cloud, the store and the nodes.
func (a *arena) open(ctx context.Context) (err error) {
	if a.folder, err = os.MkdirTemp("", "atlas-chaos-"); err != nil {
		return err
	}
	if a.cloud, err = startCloud(a.cli); err != nil {
		return err
	}
	url := "sqlite:" + filepath.Join(a.folder, "atlas.db")
	if a.store == "postgres" {
		if a.pg, err = testpg.Start(ctx); err != nil {
			return err
		}
		if a.pgway, err = newProxy(a.pg.Address()); err != nil {
			return err
		}
		url = "postgres://atlas@" + a.pgway.address() + "/postgres?sslmode=disable"
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	library, err := filepath.Abs(a.library)
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"default_provider": "runpod", "providers": map[string]any{"runpod": map[string]any{"api_key": "chaos", "base_url": "http://" + a.cloud.proxy.address()}},
		"store": map[string]any{"url": url, "key_file": filepath.Join(a.folder, "key")},
		"orchestrator": map[string]any{"lease_ms": 1500, "poll_ms": 500, "adopt_grace_ms": 1000, "heartbeat_ms": 1000, "cost_ms": 2000,
			"reap": map[string]any{"interval_ms": 700, "grace_ms": 2000}},
		"compute": map[string]any{"settle_ms": 1200},
	})
	if err != nil {
		return err
	}
	for range a.settings.nodes {
		n := &node{config: string(config), program: filepath.Join(here, "test", "chaos", "worker.py"), event: a.ledger.saw,
			env: []string{"ATLAS_LIBRARY=" + library, "PYTHONPATH=" + filepath.Join(here, "bindings", "python"), "PYTHONDONTWRITEBYTECODE=1"}}
		a.nodes = append(a.nodes, n)
		if err := n.start(); err != nil {
			return err
		}
	}
	return nil
}

func (a *arena) end() {
	for _, n := range a.nodes {
		n.signal(syscall.SIGCONT)
		n.end()
	}
	if a.cloud != nil {
		a.cloud.end()
	}
	if a.pgway != nil {
		a.pgway.close()
	}
	if a.pg != nil {
		if err := a.pg.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "chaos:", err)
		}
	}
	_ = os.RemoveAll(a.folder) // the system's temporary folder
}
