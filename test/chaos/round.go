package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// round is what one did and found.
type round struct {
	Round    int     `json:"round"`
	Kills    int     `json:"kills"`
	Faults   int     `json:"faults"`
	Sessions int     `json:"sessions"`
	Live     int     `json:"live"`
	Seconds  float64 `json:"seconds"`
	counts
}

// round breaks things for a while, lets all settle, and compares.
func (a *arena) round(ctx context.Context, kills int) (*round, error) {
	r := &round{}
	faults := a.faults
	using, stop := context.WithCancel(ctx)
	var users sync.WaitGroup
	for i := range 3 * len(a.nodes) {
		random := rand.New(rand.NewPCG(a.random.Uint64(), uint64(i)))
		safego.Go(&users, nil, func() { a.use(using, random) })
	}
	err := a.torment(ctx, kills, r)
	stop()
	users.Wait()
	if err == nil {
		err = a.heal()
	}
	if err != nil {
		return nil, err
	}
	r.Faults = a.faults - faults
	return r, a.compare(ctx, r)
}

// use behaves as a web application does: it spawns, touches and stops sessions at
// any node, whatever becomes of the nodes.
func (a *arena) use(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		n := a.nodes[random.IntN(len(a.nodes))]
		switch random.IntN(10) {
		case 0:
			a.spawn(ctx, n, random)
		case 1:
			a.stopOne(ctx, n, random)
		default:
			a.touch(ctx, n, random)
		}
		pause(ctx, time.Duration(20+random.IntN(60))*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (a *arena) spawn(ctx context.Context, n *node, random *rand.Rand) {
	ttl := []time.Duration{0, 3 * time.Second, 6 * time.Second}[random.IntN(3)]
	sent := now()
	var s session
	err := n.call(ctx, "orchestrator.spawn", map[string]any{"gpu": "rtx_4090", "image": "ghcr.io/me/server:1", "ports": []any{map[string]any{"internal": 8000}},
		"auth": "bearer", "idle_ttl_ms": ttl.Milliseconds()}, 20*time.Second, &s)
	if err != nil || s.Compute == nil {
		return // nobody was given a session, so nobody holds one
	}
	k := &known{ID: s.ID, Machine: s.Compute.ID, Topic: s.Topic, TTL: ttl, touched: sent}
	a.ledger.add(k)
	n.watch(k.Topic)
	a.nodes[random.IntN(len(a.nodes))].watch(k.Topic)
}

func (a *arena) touch(ctx context.Context, n *node, random *rand.Rand) {
	k := a.ledger.pick(random.IntN, random.IntN(3) > 0)
	if k == nil {
		return
	}
	sent := now()
	err := n.call(ctx, "orchestrator.touch", map[string]any{"id": k.ID}, 5*time.Second, nil)
	var e *spec.Error
	switch {
	case err == nil:
		a.ledger.touched(k, sent)
	case errors.As(err, &e) && (e.Kind == spec.KindConflict || e.Kind == spec.KindNotFound):
		a.ledger.mark(func() { k.over = true })
	}
}

func (a *arena) stopOne(ctx context.Context, n *node, random *rand.Rand) {
	if random.IntN(3) > 0 {
		return
	}
	k := a.ledger.pick(random.IntN, false)
	if k == nil {
		return
	}
	a.ledger.mark(func() { k.asked = true })
	_ = n.call(ctx, "orchestrator.stop", map[string]any{"id": k.ID, "wait_ms": 0}, 5*time.Second, nil) // asked for, whatever was heard of it
}

// torment kills processes and breaks what lies between them.
func (a *arena) torment(ctx context.Context, kills int, r *round) error {
	for r.Kills < kills {
		pause(ctx, time.Duration(50+a.random.IntN(400))*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n := a.nodes[a.random.IntN(len(a.nodes))]
		kind := a.random.IntN(10)
		if kind < 4 {
			if err := n.kill(); err != nil {
				return err
			}
			r.Kills++
			continue
		}
		a.faults++
		if err := a.fault(ctx, n, kind); err != nil {
			return err
		}
	}
	return nil
}

func (a *arena) fault(ctx context.Context, n *node, kind int) error {
	status := func(code, count int, path string) error {
		return a.cloud.fault(map[string]any{"path": path, "effect": "status", "status": code, "count": count, "retry_after": 1})
	}
	if a.clock && a.random.IntN(4) == 0 {
		step := []time.Duration{-time.Minute, -3 * time.Second, 3 * time.Second, time.Minute}[a.random.IntN(4)] // a minute is beyond every term of this run
		return stepClock(ctx, step, time.Duration(200+a.random.IntN(1500))*time.Millisecond)
	}
	switch kind {
	case 4:
		n.signal(syscall.SIGSTOP)
		pause(ctx, time.Duration(200+a.random.IntN(2500))*time.Millisecond)
		n.signal(syscall.SIGCONT)
		return nil
	case 5:
		a.cloud.proxy.cut(time.Duration(a.random.IntN(500)) * time.Millisecond)
		return nil
	case 6:
		return a.cloud.fault(map[string]any{"method": "POST", "path": "/v2/pods", "effect": "lost_answer", "count": 1 + a.random.IntN(3)})
	case 7:
		return status([]int{500, 502, 503}[a.random.IntN(3)], 1+a.random.IntN(5), "/v2/*")
	case 8:
		if a.pg != nil && a.random.IntN(3) == 0 {
			return a.pg.Restart(ctx)
		}
		if a.pgway != nil {
			a.pgway.cut(time.Duration(a.random.IntN(500)) * time.Millisecond)
			return nil
		}
		return a.cloud.fault(map[string]any{"method": "DELETE", "path": "/v2/pods/*", "effect": "lost_answer", "count": 2})
	}
	return status(429, 2+a.random.IntN(6), "/v2/*")
}

// heal ends all faults.
func (a *arena) heal() error {
	for _, n := range a.nodes {
		n.signal(syscall.SIGCONT)
	}
	return a.cloud.calm()
}

// compare waits until the nodes have settled and holds the cloud, the store and
// the ledger against each other.
func (a *arena) compare(ctx context.Context, r *round) error {
	var last counts
	for until := time.Now().Add(90 * time.Second); ; {
		stored, machines, told, err := a.look(ctx)
		if err == nil {
			last = a.ledger.audit(machines, stored, told)
			r.Sessions, r.Live = len(stored), 0
			settling := false
			for _, s := range stored {
				if s.State == "live" {
					r.Live++
				}
				settling = settling || s.State == "intended" || s.State == "ending"
			}
			if !settling && last.clean() {
				break
			}
			if last.KilledLive+last.Doubled+last.LostEvents > 0 && !settling && time.Now().After(until.Add(-60*time.Second)) {
				break
			}
		}
		if time.Now().After(until) {
			if err != nil {
				return fmt.Errorf("the nodes cannot be asked: %w", err)
			}
			break
		}
		pause(ctx, 300*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	r.counts = last
	a.bill(r)
	return a.sweep(ctx)
}

// bill checks that what the cloud charges is what the living sessions cost.
func (a *arena) bill(r *round) {
	rate, err := a.cloud.rate()
	if err != nil || (rate > 0) != (r.Live > 0) {
		r.blame(&r.Leaked, "the meters run at %g USD/h with %d sessions: %v", rate, r.Live, err)
	}
}

// look reads everything from the store, through a node, and from the cloud.
func (a *arena) look(ctx context.Context) (stored map[string]session, machines map[string]bool, told map[string][]event, err error) {
	n := a.nodes[0]
	stored = map[string]session{}
	for after := ""; ; {
		var page struct {
			Items []session `json:"items"`
			Next  string    `json:"next"`
		}
		params := map[string]any{"state": []string{"intended", "live", "ending", "ended"}}
		if after != "" {
			params["after"] = after
		}
		if err = n.call(ctx, "orchestrator.list", params, 10*time.Second, &page); err != nil {
			return nil, nil, nil, err
		}
		for _, s := range page.Items {
			stored[s.ID] = s
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if machines, err = a.cloud.machines(); err != nil {
		return nil, nil, nil, err
	}
	told, err = a.events(ctx)
	return stored, machines, told, err
}

// sweep ends what lives for ever and forgets what is over, so that rounds stay
// alike.
func (a *arena) sweep(ctx context.Context) error {
	a.ledger.mu.Lock()
	var keep, drop []*known
	for _, k := range a.ledger.sessions {
		switch {
		case k.asked || k.over:
			drop = append(drop, k)
		default:
			keep = append(keep, k)
		}
	}
	a.ledger.mu.Unlock()
	for i, k := range keep {
		if i < 12 {
			continue // some go on into the next round
		}
		a.ledger.mark(func() { k.asked = true })
		if err := a.nodes[0].call(ctx, "orchestrator.stop", map[string]any{"id": k.ID, "wait_ms": 0}, 10*time.Second, nil); err != nil {
			return err
		}
	}
	a.ledger.mark(func() {
		for _, k := range drop {
			delete(a.ledger.sessions, k.ID)
			delete(a.ledger.seen, k.Topic)
		}
	})
	return nil
}
